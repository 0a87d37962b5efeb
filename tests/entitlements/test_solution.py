"""A solution's configuration: what is refused, and by which key."""

import json
from typing import Any

import pytest

from entitlements.decision import Holder, Visitor
from entitlements.solution import ConfigError, read_solution, solution_from_document
from entitlements.spend import MAX_EXPRESSION_BYTES, require_fit, spend
from entitlements.windows import LIMITABLE, windows_at
from tests.support.signer import USER
from tests.support.table import PLANS, config


def faults(**changes: Any) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        read_solution({k: v for k, v in config(**changes).items() if v is not ...})
    return caught.value.faults


def test_a_good_configuration_survives_the_table() -> None:
    solution = read_solution(config(timezone="Asia/Kolkata", return_urls=["https://example.com/a"]))
    assert solution_from_document(solution.to_document()) == solution


@pytest.mark.parametrize("limit", [None, 0, -1, 1.5, "10", True, float("nan"), 10**13])
def test_a_limit_that_is_no_positive_number_is_refused(limit: object) -> None:
    assert set(faults(plans=PLANS | {"registered": {"limits": {"day": limit}}})) == {"plans.registered.limits.day"}


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"solution_id": "UPPER"}, "solution_id"),
        ({"solution_id": ...}, "solution_id"),
        ({"name": ""}, "name"),
        ({"status": "on"}, "status"),
        ({"marketplace_url": "javascript:alert(1)"}, "marketplace_url"),
        ({"marketplace_url": "http://example.com"}, "marketplace_url"),
        ({"marketplace_url": "https://user@example.com"}, "marketplace_url"),
        ({"return_urls": "https://example.com"}, "return_urls"),
        ({"return_urls": ["https://example.com", "//evil"]}, "return_urls[1]"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"default_plan": "anonymous"}, "default_plan"),
        ({"default_plan": "pro"}, "default_plan"),
        ({"default_plan": "pack-100"}, "default_plan"),
        ({"default_plan": ...}, "default_plan"),
        ({"plans": {}}, "plans"),
        ({"plans": PLANS | {"Bad Name": {"limits": {}}}}, "plans.Bad Name"),
        ({"plans": PLANS | {"x": {}}}, "plans.x.limits"),
        ({"plans": PLANS | {"x": {"limits": {"week": 1}}}}, "plans.x.limits.week"),
        ({"plans": PLANS | {"x": {"credits": 0}}}, "plans.x.credits"),
        ({"plans": PLANS | {"x": {"limits": {}, "price": {"amount": 0, "currency": "INR"}}}}, "plans.x.price.amount"),
        ({"plans": PLANS | {"x": {"limits": {}, "price": {"amount": 1, "currency": "€"}}}}, "plans.x.price.currency"),
        ({"plans": PLANS | {"anonymous": {"credits": 5}}}, "plans.anonymous"),
        ({"costs": {"POST /search": 2}}, "costs.POST /search"),
        ({"costs": {"search": 1}}, "costs.search"),
        ({"costs": {"POST /search": -1}}, "costs.POST /search"),
        ({"costs": {"FETCH /search": 1}}, "costs.FETCH /search"),
        ({"token_delivery": "cookie"}, "token_delivery"),
        ({"trusted_proxies": 1}, "trusted_proxies"),
        ({"grace_days": -1}, "grace_days"),
        ({"grace_days": 31}, "grace_days"),
        ({"grace_days": True}, "grace_days"),
        ({"grace_days": "4"}, "grace_days"),
        ({"origin_secret": "short"}, "origin_secret"),
        ({"allow_query_token": "yes"}, "allow_query_token"),
        ({"colour": "red"}, "colour"),
        ({"costs": 0}, "costs"),
        ({"return_urls": False}, "return_urls"),
        ({"frontend_url": 0}, "frontend_url"),
        ({"frontend_url": "https://example.com:abc/"}, "frontend_url"),
    ],
)
def test_a_fault_is_named_by_its_key(changes: dict[str, Any], key: str) -> None:
    assert set(faults(**changes)) == {key}


def test_a_cost_above_the_smallest_limit_is_refused() -> None:
    plans = {"registered": {"limits": {"day": 10}}, "team": {"limits": {"month": 3}}}
    assert set(faults(plans=plans, costs={"POST /search": 4})) == {"costs.POST /search"}


def test_a_cost_above_1_is_refused_beside_credits_and_says_why() -> None:
    told = faults(costs={"POST /search": 2})
    assert told == {"costs.POST /search": "must be 0 or 1 in a solution with a prepaid plan"}
    plans = {"registered": {"limits": {"hour": 3}}, "pro": {"limits": {}}}
    told = faults(plans=plans, costs={"POST /search": 4})
    assert told == {"costs.POST /search": "must not be above the smallest limit of a plan (3)"}


def later(**changes: Any) -> str:
    """A document as a later version may have written it."""
    return json.dumps(read_solution(config()).to_mapping() | changes)


def test_what_is_stored_may_have_settings_that_this_version_does_not_know() -> None:
    plans = PLANS | {"pro": PLANS["pro"] | {"trial_days": 7, "price": PLANS["pro"]["price"] | {"tax": "incl"}}}
    plans |= {"registered": {"limits": {"day": 10, "fortnight": 50}}}
    assert solution_from_document(later(plans=plans, colour={"dark": True})) == read_solution(config())
    with pytest.raises(ConfigError) as caught:
        read_solution(json.loads(later(plans=plans, colour={"dark": True})))
    unknown = {"colour", "plans.pro.trial_days", "plans.pro.price.tax", "plans.registered.limits.fortnight"}
    assert set(caught.value.faults) == unknown


@pytest.mark.parametrize("name", ["anonymous", "team", "pro"])
def test_a_stored_plan_of_which_no_limit_is_known_is_left_out_instead_of_unlimited(name: str) -> None:
    stored = PLANS | {name: PLANS.get(name, {}) | {"limits": {"fortnight": 3}}}
    solution = solution_from_document(later(plans=stored))
    assert set(solution.plans) == set(PLANS) - {name}


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"plans": {"registered": {"limits": {"fortnight": 3}}}}, "default_plan"),
        ({"plans": PLANS | {"registered": {"limits": {"fortnight": 3}}}}, "default_plan"),
        ({"plans": PLANS | {"registered": {"limits": {"day": "many"}}}}, "plans.registered.limits.day"),
        ({"plans": PLANS | {"registered": {"limits": ["day"]}}}, "plans.registered.limits"),
        ({"plans": PLANS | {"registered": {}}}, "plans.registered.limits"),
        ({"status": "paused"}, "status"),
        ({"token_delivery": "pigeon"}, "token_delivery"),
        ({"trusted_proxies": 1}, "trusted_proxies"),
        ({"costs": {"POST /search": "free"}}, "costs.POST /search"),
        ({"grace_days": "long"}, "grace_days"),
    ],
)
def test_a_stored_value_that_is_not_known_refuses(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        solution_from_document(later(**changes))
    assert key in caught.value.faults


@pytest.mark.parametrize("days", [0, 30])
def test_grace_days_survive_the_table(days: int) -> None:
    assert solution_from_document(read_solution(config(grace_days=days)).to_document()).grace_days == days


def test_a_document_from_before_grace_days_has_four() -> None:
    document = read_solution(config()).to_mapping()
    del document["grace_days"]
    assert solution_from_document(json.dumps(document)).grace_days == 4


BEFORE_PRICING_MODELS = (
    '{"solution_id":"faiss-search","name":"AWS Solution Finder","status":"active","frontend_url":"","return_urls":[],'
    '"marketplace_url":"https://marketplace.example.com/solutions","timezone":"UTC","default_plan":"registered",'
    '"plans":{"registered":{"limits":{"day":10}},'
    '"pro":{"limits":{},"price":{"amount":1,"currency":"INR","interval":"day"}},'
    '"pack-100":{"limits":{},"price":{"amount":991,"currency":"KWD","interval":"year"},"credits":100}},'
    '"costs":{},"token_delivery":"query","allow_query_token":false,"trusted_proxies":0,"origin_secret_sha256":""}'
)
"""As version 0.2.0 wrote it before prices had `days` and `every`, with prices that would be refused today."""


def test_a_document_from_before_the_pricing_models_is_read_and_written_as_it_was() -> None:
    solution = solution_from_document(BEFORE_PRICING_MODELS)
    assert {name: (plan.model, plan.paid, plan.prepaid) for name, plan in solution.plans.items()} == {
        "registered": ("free", False, False),
        "pro": ("recurring", True, False),
        "pack-100": ("prepaid", False, True),
    }
    assert solution.to_document() == BEFORE_PRICING_MODELS.removesuffix("}") + ',"grace_days":4}'
    with pytest.raises(ConfigError) as caught:
        read_solution(json.loads(BEFORE_PRICING_MODELS))
    assert set(caught.value.faults) == {
        "plans.pro.price.amount",
        "plans.pro.price.every",
        "plans.pack-100.price.interval",
    }


@pytest.mark.parametrize("data", [None, [], "text", 7])
def test_something_else_than_a_mapping_is_refused(data: object) -> None:
    with pytest.raises(ConfigError):
        read_solution(data)


def test_the_origin_secret_is_stored_only_as_a_hash() -> None:
    solution = read_solution(config(origin_secret="0123456789abcdef", trusted_proxies=1))
    assert "0123456789abcdef" not in solution.to_document()
    assert solution.origin_secret_matches("0123456789abcdef")
    assert not solution.origin_secret_matches("0123456789abcdeX")


def test_the_upgrade_link_names_the_solution_and_is_ascii() -> None:
    solution = read_solution(config(marketplace_url='https://example.com/käufe?a="1"'))
    assert solution.upgrade_url == "https://example.com/k%C3%A4ufe?a=%221%22&solution_id=faiss-search"


def test_the_upgrade_link_after_a_refusal_names_it_too_before_a_fragment() -> None:
    solution = read_solution(config(marketplace_url="https://example.com/ü#plans"))
    told = solution.upgrade_url_after("quota_exceeded")
    assert told == "https://example.com/%C3%BC?solution_id=faiss-search&from=quota_exceeded#plans"


def test_plans_with_equal_rules_share_a_branch_so_that_many_fit() -> None:
    many = {f"plan-{n}": {"limits": {"day": 10}} for n in range(90)}
    require_fit(read_solution(config(plans=many, default_plan="plan-0", costs={})))


def test_a_solution_whose_write_would_not_fit_is_refused() -> None:
    many = {f"plan-{n}": {"limits": {"day": n + 1, "month": n + 1, "lifetime": n + 1}} for n in range(60)}
    with pytest.raises(ConfigError, match="too many"):
        require_fit(read_solution(config(plans=many, default_plan="plan-0", costs={})))


@pytest.mark.parametrize("holder", [True, False])
def test_the_update_of_a_solution_that_counts_every_window_fits_too(holder: bool) -> None:
    every = {"limits": dict.fromkeys(LIMITABLE, 5)}
    solution = read_solution(config(plans={"anonymous": every, "registered": every}, costs={}))
    request = spend(Holder(USER, "x") if holder else Visitor("x"), solution, windows_at(0, "UTC"), 1, 0, b"random")
    # Half of what DynamoDB allows: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
    assert len(request["UpdateExpression"]) < MAX_EXPRESSION_BYTES / 2
    assert all(
        f"{w.counter} :cost" in request["UpdateExpression"] for w in windows_at(0, "UTC").open.values() if w.resets_at
    )
