"""What a container remembers of the table: damage refuses, is not read again for each request, and never surprises."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entitlements.directory import RETRY_AGE, Directory
from entitlements.items import Item, Key, StoreUnavailable, api_key, keyring_key, solution_key
from entitlements.solution import read_solution
from tests.support.signer import SOLUTION, ring
from tests.support.table import config

GOOD_RING: Item = {"document": ring().to_document(), "version": 1}
GOOD_SOLUTION: Item = {"document": read_solution(config()).to_document()}
DEEP = "[" * 100_000
HUGE = "1" * 5_000
NOT_DOCUMENTS = ["", "{", "null", "[]", "7", DEEP, HUGE, '"\\ud800"', '{"keys": ' + DEEP, '{"plans": ' + HUGE + "}"]


class Table:
    def __init__(self, items: dict[Key, Item]) -> None:
        self.items, self.reads = items, 0

    def get_item(self, key: Key) -> Item | None:
        self.reads += 1
        return self.items.get(key)


def unavailable(directory: Directory, now: float = 0) -> str:
    """The message with which either damaged item is refused."""
    for read in (lambda: directory.solution(SOLUTION, now), lambda: directory.ring(now)):
        try:
            read()
        except StoreUnavailable as error:
            return str(error)
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize("document", NOT_DOCUMENTS)
def test_a_document_that_is_none_refuses(document: str) -> None:
    for key, good in ((keyring_key(), GOOD_RING), (solution_key(SOLUTION), GOOD_SOLUTION)):
        table = Table(
            {keyring_key(): GOOD_RING, solution_key(SOLUTION): GOOD_SOLUTION, key: good | {"document": document}}
        )
        assert "damaged" in unavailable(Directory(table.get_item))


@pytest.mark.parametrize("version", ["1", "x", True, None, [], 1.5])
def test_a_version_that_is_no_number_refuses(version: Any) -> None:
    table = Table({keyring_key(): GOOD_RING | {"version": version}})
    with pytest.raises(StoreUnavailable, match="damaged"):
        Directory(table.get_item).ring(0)


def test_a_solution_under_another_s_key_refuses() -> None:
    """Its tokens would be accepted where the key's solution is asked for."""
    other = read_solution(config(solution_id="another-one")).to_document()
    with pytest.raises(StoreUnavailable, match="another-one"):
        Directory(Table({solution_key(SOLUTION): {"document": other}}).get_item).solution(SOLUTION, 0)


VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 1.5, 10**30, "", "x", "\ud800", [], [[]], {}, {"x": {}}, {"state": "signing"}]
)


@given(st.data())
def test_any_value_in_any_place_of_a_document_is_read_or_refused(data: st.DataObject) -> None:
    key, good = data.draw(st.sampled_from([(keyring_key(), GOOD_RING), (solution_key(SOLUTION), GOOD_SOLUTION)]))
    document = json.loads(good["document"])
    node: Any = document
    while True:
        place = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        if not isinstance(node[place], dict | list) or not node[place] or data.draw(st.booleans()):
            break
        node = node[place]
    node[place] = data.draw(VALUES)
    directory = Directory(Table({key: good | {"document": json.dumps(document)}}).get_item)
    with contextlib.suppress(StoreUnavailable):
        directory.ring(0) if key == keyring_key() else directory.solution(SOLUTION, 0)


def test_damage_is_read_again_at_most_every_few_seconds_and_mending_it_helps() -> None:
    table = Table({keyring_key(): {"document": "{", "version": 1}, solution_key(SOLUTION): {"document": "{"}})
    directory = Directory(table.get_item)
    for second in (0.0, 0.0, RETRY_AGE - 0.1):
        for read in (lambda now=second: directory.solution(SOLUTION, now), lambda now=second: directory.ring(now)):
            with pytest.raises(StoreUnavailable, match="damaged"):
                read()
    assert table.reads == 2
    table.items = {keyring_key(): GOOD_RING, solution_key(SOLUTION): GOOD_SOLUTION}
    assert directory.solution(SOLUTION, RETRY_AGE) is not None
    assert directory.ring(RETRY_AGE).issuer == ring().issuer


def test_a_table_that_is_away_is_asked_again_by_the_next_request() -> None:
    class Away(Table):
        def get_item(self, key: Key) -> Item | None:
            super().get_item(key)
            raise StoreUnavailable("away")

    table = Away({})
    directory = Directory(table.get_item)
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="away"):
            directory.ring(0)
    assert table.reads == 3


def test_a_link_whose_solution_is_no_text_refuses() -> None:
    items: list[Item] = [{"solution_id": 7}, {"solution_id": []}, {}]
    for item in items:
        with pytest.raises(StoreUnavailable, match="damaged"):
            Directory(Table({api_key("a"): item}).get_item).api("a", 0)
