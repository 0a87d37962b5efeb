"""Which package may import which; and that the core is pure."""

import ast
import json
import subprocess
import sys
import sysconfig
from collections import defaultdict
from pathlib import Path

import pytest

from tests.support.emulators import CREDENTIALS
from tests.support.events import http_2
from tests.support.signer import Signer
from tests.support.table import Table

ROOT = Path(__file__).parents[1]
SITE = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
OURS = {"authorizer", "entitlements", "gatepass", "token_service", "examples", "tests"}
MAY_IMPORT = {
    "entitlements": set(),
    "authorizer": {"entitlements"},
    "token_service": {"entitlements"},
    "gatepass": {"entitlements", "token_service"},
}
IMPURE = {"boto3", "botocore", "os", "time", "socket", "urllib.request", "http"}


def imports(package: str) -> set[tuple[str, str]]:
    found = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {(path.name, alias.name) for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add((path.name, node.module))
    return found


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_the_arrows_between_packages_hold(package: str) -> None:
    wrong = {
        (file, name)
        for file, name in imports(package)
        if (top := name.partition(".")[0]) in OURS and top != package and top not in MAY_IMPORT[package]
    }
    # The local stack runs the handlers themselves, as AWS would: by name, and in this one module.
    assert {(file, name) for file, name in wrong if not (package == "gatepass" and file == "stack.py")} == set()


def test_the_core_touches_nothing() -> None:
    # Randomness is no input, and a simulation passes another source.
    names = imports("entitlements") - {("gate.py", "os")}
    assert "from os import urandom\n" in (ROOT / "entitlements/gate.py").read_text()
    assert {(f, n) for f, n in names if n in IMPURE or n.partition(".")[0] in IMPURE} == set()


# What a container has loaded after its first decision. Each further module is paid for at every cold start: measure
# it (`make bench`) before it is added here.
COLD_MODULES = {
    "authorizer", "entitlements", "cryptography", "_cffi_backend",
    "abc", "array", "base64", "binascii", "bisect", "calendar", "codecs", "collections", "contextlib", "copyreg", "datetime", "enum",
    "errno", "fnmatch", "functools", "gc", "genericpath", "glob", "hashlib", "hmac", "io", "ipaddress", "itertools", "json",
    "keyword", "linecache", "locale", "marshal", "math", "operator", "os", "posix", "posixpath", "random", "re", "reprlib", "select",
    "selectors", "socket", "ssl", "stat", "string", "struct", "sys", "textwrap", "threading", "time", "tokenize", "token", "types",
    "typing", "urllib", "warnings", "zlib", "encodings", "builtins", "site", "sitecustomize", "zipimport", "importlib",
    "unicodedata", "weakref",
}  # fmt: skip


def test_a_cold_gate_imports_a_fixed_list_of_modules(table: Table) -> None:
    table.seed()
    code = """
import gc, json, sys
event = json.load(sys.stdin)
from authorizer.handler import lambda_handler
collects = gc.isenabled() and gc.get_freeze_count() > 0
print(json.dumps({"answer": lambda_handler(event, None), "modules": sorted(sys.modules), "collects": collects}))
"""
    settings = CREDENTIALS | {"GATEPASS_TABLE": table.name, "AWS_ENDPOINT_URL": table.client.meta.endpoint_url}
    event = json.dumps(http_2(Signer().token()))
    # -S -E: what an editor or a test runner puts into every Python of this machine is not the gate's.
    run = subprocess.run(
        [sys.executable, "-E", "-S", "-c", f"import sys; sys.path[:0] = {[str(ROOT), *SITE]}\n{code}"],
        cwd=ROOT, env=settings, input=event, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["answer"]["isAuthorized"] is True
    assert told["collects"] is True
    loaded = {name.partition(".")[0] for name in told["modules"]}
    assert {name for name in loaded - COLD_MODULES if not name.startswith("_")} == set()
    assert {"cryptography.x509", "cryptography.hazmat.backends.openssl.backend"} & set(told["modules"]) == set()
    assert "encodings.idna" not in told["modules"]
    assert {"entitlements.currencies", "entitlements.price_checks"} & set(told["modules"]) == set()


def test_modules_stay_short() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for package in MAY_IMPORT
        for path in (ROOT / package).rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def module_of(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def runtime_imports(path: Path, known: set[str]) -> set[str]:
    """The modules of ours that a module needs to be imported, not those that its functions import when called."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= named if named <= known else {*named, node.module}
    return found & known


def test_attach_neither_parses_nor_talks() -> None:
    """That is for its commands: another caller could show its plans otherwise, and ask elsewhere."""
    assert {
        name for _, name in imports("gatepass/attach") if name in ("argparse", "sys") or ".commands" in name
    } == set()
    calls = [
        node.func.id
        for path in (ROOT / "gatepass" / "attach").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    assert len(calls) > 100
    assert {"print", "input"}.isdisjoint(calls)


def test_a_class_has_a_name_of_its_own() -> None:
    """Two classes of one name, wherever they are, mean that one of them is named too vaguely."""
    places: dict[str, set[str]] = defaultdict(set)
    for package in MAY_IMPORT:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    places[node.name].add(f"{module_of(path)}:{node.lineno}")
    assert len(places) > 100
    assert {name: sorted(where) for name, where in places.items() if len(where) > 1} == {}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_no_package_imports_in_a_circle(package: str) -> None:
    paths = {module_of(path): path for path in (ROOT / package).rglob("*.py")}
    left = {name: runtime_imports(path, set(paths)) - {name} for name, path in paths.items()}
    while free := {name for name, needs in left.items() if not needs & left.keys()}:
        left = {name: needs for name, needs in left.items() if name not in free}
    assert left == {}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_tests_stand_where_the_code_stands(package: str) -> None:
    """`tests/gatepass/x/test_y.py` tests the module or package `gatepass/x/y`; what spans modules is in `behaviour`."""
    tests = [path.relative_to(ROOT / "tests") for path in (ROOT / "tests" / package).rglob("test_*.py")]
    tested = [path.parents[1] if path.parent.name == "behaviour" else path.parent / path.stem[5:] for path in tests]
    assert tested
    assert {str(path) for path in tested if not ((ROOT / path).is_dir() or (ROOT / f"{path}.py").exists())} == set()
