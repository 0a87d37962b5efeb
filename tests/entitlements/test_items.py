"""The items of the table: what documents, roles and code say of them is the same."""

import ast
import inspect
import re
from collections.abc import Callable

import pytest

from entitlements import items
from entitlements.items import Key
from tests.support.emulators import ROOT
from tests.support.policy import allowed

ROLES = {
    "gate": "AuthorizerRole",
    "token service": "TokenServiceRole",
    "key rotation": "KeyRotationRole",
    "payments job": "PaymentsRole",
    "usage": "UsageRole",
}
"""The functions of the stack as the document names them; the command runs on its operator's own permissions."""
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")
WORDS = ("pk", "sk", "config", "current", "attachment", "keyring")


def made_by(suffix: str) -> dict[str, Key]:
    """What each function of a kind makes of its parameters' own names, in the document's spelling."""
    functions: dict[str, Callable[..., Key]] = {
        name.removesuffix(suffix): function
        for name, function in vars(items).items()
        if name.endswith(suffix) and inspect.isfunction(function)
    }
    return {
        name: function(*(f"<{parameter}>" for parameter in inspect.signature(function).parameters))
        for name, function in functions.items()
    }


def documented() -> list[tuple[str, Key, set[str]]]:
    section = (ROOT / "docs/architecture.md").read_text().split("## Every item", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| `([^`]+)` \| [^|]+ \| ([^|]+) \|$", section, re.MULTILINE)
    return [(name, Key(pk, sk), set(writers.split(", "))) for name, pk, sk, writers in rows]


def test_the_document_lists_every_item_once() -> None:
    listed = documented()
    assert {name: key for name, key, _ in listed} == made_by("_key")
    assert len(listed) == len(made_by("_key"))


def test_no_two_kinds_share_a_key() -> None:
    keys = {name: tuple(re.sub("<[a-z_]+>", "<>", part) for part in key) for name, key in made_by("_key").items()}
    assert len(set(keys.values())) == len(keys)


def test_a_prefix_finds_its_own_kind_and_no_other() -> None:
    for name, prefix in made_by("_prefix").items():
        pk = prefix.pk.partition("<")[0]
        found = {n for n, key in made_by("_key").items() if key.pk.startswith(pk) and key.sk.startswith(prefix.sk)}
        assert found == {name}


@pytest.mark.parametrize("function", ROLES)
def test_a_role_may_write_what_the_document_says_and_nothing_else(function: str) -> None:
    def family(key: Key) -> str:
        return key.pk.partition("#")[0]

    written = {family(key) for _, key, writers in documented() if function in writers}
    assert written
    for _, key, _ in documented():
        context = {"dynamodb:LeadingKeys": [re.sub("<[a-z_]+>", "x", key.pk)]}
        may = any(allowed(ROLES[function], f"dynamodb:{action}", context) for action in WRITES)
        assert may is (family(key) in written), key


def test_keys_are_made_in_one_module() -> None:
    begins = tuple({key.pk.partition("<")[0] for key in made_by("_key").values()} - {"keyring"})
    assert "user#" in begins
    by_hand = set()
    for package in ("entitlements", "authorizer", "token_service", "gatepass"):
        for path in (ROOT / package).rglob("*.py"):
            if path.name == "items.py":
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                text = node.value if isinstance(node, ast.Constant) else None
                if isinstance(text, str) and (text.startswith(begins) or text in WORDS):
                    by_hand.add((str(path.relative_to(ROOT)), text))
    # The schema of the table, and the file of a fixture.
    assert by_hand == {
        ("entitlements/table.py", "pk"), ("entitlements/table.py", "sk"),
        ("gatepass/commands/init.py", "pk"), ("gatepass/commands/init.py", "sk"),
    }  # fmt: skip
