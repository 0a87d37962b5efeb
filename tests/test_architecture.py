"""Which package may import which; and that the core is pure."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
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
    names = imports("entitlements")
    assert {(f, n) for f, n in names if n in IMPURE or n.partition(".")[0] in IMPURE} == set()


def test_modules_stay_short() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for package in MAY_IMPORT
        for path in (ROOT / package).rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 400
    }
    assert long == {}
