"""Rules: every kind has its row in both interpreters, and survives being written."""

import json
from typing import Any, get_args

import pytest

from entitlements import decision, spend
from entitlements.mapping_reader import MappingReader
from entitlements.plans import Plan
from entitlements.rules import RULES, AtMost, CreditsLeft, PaidUntil, Rule
from entitlements.solution import read_solution
from tests.support.table import config

PRICE = {"amount": 100, "currency": "INR"}


def test_every_kind_of_rule_has_a_row_in_both_interpreters() -> None:
    assert set(get_args(Rule)) == set(RULES.values())
    assert set(decision._QUOTAS) == set(spend._QUOTAS)
    assert set(decision._TERMS) == set(spend._TERMS)
    assert set(decision._QUOTAS) | set(decision._TERMS) == set(RULES.values())
    assert set(decision._QUOTAS) & set(decision._TERMS) == set()


@pytest.mark.parametrize("rule", [AtMost("day", 7), CreditsLeft(7), PaidUntil()])
def test_a_quota_bounds_the_cost_and_a_term_does_not(rule: Rule) -> None:
    assert (type(rule) in spend._QUOTAS) == (rule.highest_cost is not None)


def plan(**settings: Any) -> Plan:
    plans = {"registered": {"limits": {"day": 1}}, "other": settings}
    return read_solution(config(plans=plans, costs={})).plans["other"]


@pytest.mark.parametrize(
    ("settings", "rules"),
    [
        ({"limits": {}}, ()),
        ({"limits": {"lifetime": 3, "day": 10}}, (AtMost("day", 10), AtMost("lifetime", 3))),
        ({"limits": {"month": 9}, "price": PRICE}, (AtMost("month", 9), PaidUntil())),
        ({"limits": {}, "credits": 100}, (CreditsLeft(100),)),
        ({"limits": {"day": 2}, "price": PRICE, "credits": 100}, (AtMost("day", 2), CreditsLeft(100))),
        # what resets within a day comes last
        ({"limits": {"hour": 2, "day": 5}, "credits": 9}, (AtMost("day", 5), CreditsLeft(9), AtMost("hour", 2))),
    ],
)
def test_a_plan_is_its_rules(settings: dict[str, Any], rules: tuple[Rule, ...]) -> None:
    found = plan(**settings)
    assert found.rules == rules
    assert [type(rule) for rule in found.rules] == [type(rule) for rule in rules]
    assert found.to_mapping() == settings
    assert plan(**found.to_mapping()) == found


def test_what_others_ask_of_a_plan() -> None:
    plans = read_solution(config()).plans
    assert {name: (p.free, p.paid, p.prepaid, p.credits, p.limit("day")) for name, p in plans.items()} == {
        "anonymous": (True, False, False, None, None),
        "registered": (True, False, False, None, 10),
        "pro": (False, True, False, None, None),
        "pack-100": (False, False, True, 100, None),
    }


@pytest.mark.parametrize("kind", RULES.values())
def test_a_kind_reads_nothing_out_of_a_plan_without_its_key(kind: Any) -> None:
    reader = MappingReader()
    assert (kind.read({}, reader, "plans.x"), reader.faults) == ([], {})


def test_the_stored_form_of_a_plan_is_what_it_was() -> None:
    """Byte for byte: tables of other versions hold it."""
    stored = json.dumps(read_solution(config()).to_mapping()["plans"])
    assert stored == (
        '{"anonymous": {"limits": {"lifetime": 3}}, "registered": {"limits": {"day": 10}}, '
        '"pro": {"limits": {}, "price": {"amount": 49900, "currency": "INR", "interval": "month"}}, '
        '"pack-100": {"limits": {}, "price": {"amount": 9900, "currency": "INR"}, "credits": 100}}'
    )
