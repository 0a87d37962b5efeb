"""docs/conformance.md, and that the suite's data hangs together."""

from tests.conformance import page
from tests.conformance.__main__ import VARIABLES
from tests.conformance.cases import CASES
from tests.conformance.differences import KNOWN


def test_the_page_has_the_tables_of_the_data() -> None:
    text = page.PAGE.read_text()
    assert page.MARK in text
    assert text == page.written(text), "run python -m tests.conformance.page"


def test_the_page_sets_every_variable() -> None:
    text = page.PAGE.read_text()
    assert {name for name in VARIABLES if f"{name}=$(" not in text} == set()


def test_each_case_has_an_id_of_its_own_and_a_page() -> None:
    assert len(page.BY_ID) == len(CASES) > 80
    for case in CASES:
        documented = case.decides.startswith("https://docs.aws.amazon.com/")
        assert documented or (case.by_report and case.decides.startswith("https://github.com/")), case.id


def test_what_is_known_names_cases_once_and_says_something_of_each() -> None:
    for target, known in KNOWN.items():
        named = [id for one in known for id in one.cases]
        assert len(named) == len(set(named)), target
        assert set(named) <= set(page.BY_ID), target
        assert all(text for one in known for found in one.cases.values() for text in found or ("",)), target
