"""Prices: what is refused when a file is applied, what every stored document keeps, and how they read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entitlements.currencies import exponent
from entitlements.plans import INTERVALS, MAX_DAYS, MAX_INTERVAL_YEARS, SUBSCRIPTION_YEARS, Plan, Price
from entitlements.solution import ConfigError, read_solution, solution_from_document
from tests.support.table import PLANS, config

LONGEST = {unit: MAX_INTERVAL_YEARS * per_year for unit, per_year in INTERVALS.items()}
DAYS_OF = {"day": 1, "week": 7, "month": 31, "year": 366}


def plans(price: dict[str, Any], **plan: Any) -> dict[str, Any]:
    plan = {"limits": {}, **plan, "price": {"amount": 49900, "currency": "INR"} | price}
    return PLANS | {"x": {**plan, "price": {key: value for key, value in plan["price"].items() if value is not ...}}}


def applied(price: dict[str, Any], **plan: Any) -> Plan:
    return read_solution(config(plans=plans(price, **plan))).plans["x"]


def stored(price: dict[str, Any], **plan: Any) -> Plan:
    document = json.dumps(config(plans=plans(price, **plan)))
    return solution_from_document(document).plans["x"]


def faults(price: dict[str, Any], **plan: Any) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        applied(price, **plan)
    return {path.removeprefix("plans.x.price."): fault for path, fault in caught.value.faults.items()}


@pytest.mark.parametrize(
    ("settings", "credits", "model", "text"),
    [
        ({}, None, "once", "₹499.00 once"),
        ({"days": 30}, None, "days", "₹499.00 for 30 days"),
        ({"days": 1}, None, "days", "₹499.00 for 1 day"),
        ({"interval": "month"}, None, "recurring", "₹499.00 every month"),
        ({"interval": "month", "every": 1}, None, "recurring", "₹499.00 every month"),
        ({"interval": "month", "every": 3, "currency": "USD"}, None, "recurring", "$499.00 every 3 months"),
        ({"interval": "day", "every": 7}, None, "recurring", "₹499.00 every 7 days"),
        ({"interval": "year", "amount": 4990, "currency": "KWD"}, None, "recurring", "KWD 4.990 every year"),
        ({}, 100, "prepaid", "₹499.00 for 100 requests"),
        ({}, 1, "prepaid", "₹499.00 for 1 request"),
    ],
)
def test_each_pricing_model_has_a_name_and_reads_well(
    settings: dict[str, Any], credits: int | None, model: str, text: str
) -> None:
    plan = applied(settings, **({"credits": credits} if credits else {}))
    assert (plan.model, plan.readable_price) == (model, text)
    assert plan.price is not None
    assert credits or (plan.price.model, plan.price.readable) == (model, text)


def test_a_plan_without_a_price_is_free_unless_it_counts_credits() -> None:
    found = read_solution(config(plans=PLANS | {"gift": {"credits": 5}})).plans
    assert {name: (plan.model, plan.readable_price) for name, plan in found.items() if not plan.price} == {
        "anonymous": ("free", None),
        "registered": ("free", None),
        "gift": ("prepaid", None),
    }


@pytest.mark.parametrize(
    ("settings", "key", "advice"),
    [
        ({"interval": "month", "days": 30}, "days", "remove days"),
        ({"every": 2}, "every", "add one (interval: month)"),
        ({"every": 2, "days": 30}, "every", "or remove every"),
        ({"interval": "fortnight"}, "interval", "must be one of day, week, month, year"),
        ({"interval": "fortnight", "every": 2}, "interval", "must be one of"),
        ({"interval": ["month"]}, "interval", "must be one of"),
        ({"interval": "month", "every": 0}, "every", "from 1 to 36"),
        ({"interval": "month", "every": 37}, "every", "from 1 to 36"),
        ({"interval": "month", "every": True}, "every", "from 1 to 36"),
        ({"interval": "month", "every": "3"}, "every", "from 1 to 36"),
        ({"interval": "year", "every": 4}, "every", "from 1 to 3"),
        ({"interval": "week", "every": 157}, "every", "from 1 to 156"),
        ({"interval": "day", "every": 1096}, "every", "from 1 to 1095"),
        ({"interval": "day"}, "every", "at least 7"),
        ({"interval": "day", "every": 6}, "every", "at least 7"),
        ({"days": 0}, "days", "from 1 to 3650"),
        ({"days": 3651}, "days", "from 1 to 3650"),
        ({"days": 1.5}, "days", "from 1 to 3650"),
        ({"amount": 99}, "amount", "at least 100 (₹1.00)"),
        ({"amount": 99, "interval": "month"}, "amount", "at least 100 (₹1.00)"),
        ({"amount": 1.5}, "amount", "must be a whole number"),
        ({"amount": 99991, "currency": "KWD"}, "amount", "For KWD 100.000, write 100000"),
        ({"amount": 1501, "currency": "OMR"}, "amount", "For OMR 1.510, write 1510"),
        ({"amount": 9, "currency": "BHD"}, "amount", "For BHD 0.010, write 10"),
        ({"tax": 18}, "tax", "known are amount, currency, interval, every, days"),
    ],
)
def test_a_price_that_could_not_be_charged_is_refused_by_its_key(
    settings: dict[str, Any], key: str, advice: str
) -> None:
    told = faults(settings)
    assert set(told) == {key}
    assert advice in told[key]


@pytest.mark.parametrize(
    ("settings", "keys"),
    [
        ({"interval": "month"}, {"interval"}),
        ({"days": 30}, {"days"}),
        ({"interval": "month", "days": 30}, {"interval", "days"}),
    ],
)
def test_credits_do_not_lapse(settings: dict[str, Any], keys: set[str]) -> None:
    told = faults(settings, credits=100)
    assert set(told) == keys
    assert all("cannot be combined with credits" in fault for fault in told.values())


def test_every_fault_of_razorpay_s_is_reported_at_once() -> None:
    assert set(faults({"interval": "day", "amount": 99})) == {"every", "amount"}


@pytest.mark.parametrize(
    "settings",
    [
        {"amount": 100},
        {"amount": 1, "currency": "USD"},
        {"amount": 1, "currency": "JPY"},
        {"amount": 99990, "currency": "KWD"},
        {"interval": "day", "every": 7},
        {"interval": "year", "every": 3},
        {"days": 3650},
        {"interval": None, "every": None, "days": None},
    ],
)
def test_the_bounds_themselves_are_accepted(settings: dict[str, Any]) -> None:
    plan = applied(settings)
    assert plan.price is not None
    assert plan.price.amount == settings.get("amount", 49900)


@pytest.mark.parametrize(
    ("settings", "price"),
    [
        ({"interval": "day"}, Price(49900, "INR", "day")),
        ({"amount": 1}, Price(1, "INR")),
        ({"amount": 1501, "currency": "KWD", "interval": "week"}, Price(1501, "KWD", "week")),
        ({"interval": "month", "every": 99}, Price(49900, "INR", "month", 99)),
        ({"days": 9999}, Price(49900, "INR", days=9999)),
        ({"interval": "month", "days": 30}, Price(49900, "INR", "month")),
        ({"every": "second"}, Price(49900, "INR")),
    ],
)
def test_what_is_stored_is_read_whatever_has_been_forbidden_since(settings: dict[str, Any], price: Price) -> None:
    plan = stored(settings)
    assert plan.price == price
    assert plan.paid
    with pytest.raises(ConfigError):
        applied(settings)


@pytest.mark.parametrize("settings", [{"interval": "month"}, {"days": 30}])
def test_stored_credits_with_an_interval_stay_prepaid(settings: dict[str, Any]) -> None:
    plan = stored(settings, credits=100)
    assert (plan.model, plan.paid, plan.readable_price) == ("prepaid", False, "₹499.00 for 100 requests")
    assert plan.to_mapping()["price"] == {"amount": 49900, "currency": "INR"} | settings


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"interval": "fortnight"}, "interval"),
        ({"interval": "month", "every": "second"}, "every"),
        ({"days": "many"}, "days"),
        ({"amount": ...}, "amount"),
    ],
)
def test_a_stored_price_that_cannot_be_understood_is_a_fault(settings: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        stored(settings)
    assert set(caught.value.faults) == {f"plans.x.price.{key}"}


recurring = st.one_of(
    [
        st.fixed_dictionaries(
            {"interval": st.just(unit)} | ({"every": st.integers(7, most)} if unit == "day" else {}),
            optional={} if unit == "day" else {"every": st.integers(1, most)},
        )
        for unit, most in LONGEST.items()
    ]
)
prices = st.builds(
    lambda amount, currency, terms: {"amount": amount * 10, "currency": currency, **terms},
    st.integers(10, 10**11),
    st.sampled_from(["INR", "USD", "JPY", "KWD", "CLF"]),
    st.one_of(st.just({}), st.fixed_dictionaries({"days": st.integers(1, MAX_DAYS)}), recurring),
)


@given(price=prices)
def test_what_is_applied_is_what_is_stored_and_can_be_applied_again(price: dict[str, Any]) -> None:
    solution = read_solution(config(plans=plans(price)))
    assert solution_from_document(solution.to_document()) == solution
    assert read_solution(solution.to_mapping()) == solution
    found = solution.plans["x"]
    assert found.price is not None
    assert found.model == ("recurring" if "interval" in price else "days" if "days" in price else "once")
    kept = found.price.to_mapping()
    assert {"every": 1} | price == {"every": 1} | kept


@given(price=prices)
def test_a_price_reads_as_its_amount(price: dict[str, Any]) -> None:
    found = applied(price).price
    assert found is not None
    digits = "".join(c for c in found.readable_amount if c.isdigit())
    assert int(digits) == price["amount"]
    _, point, decimals = found.readable_amount.partition(".")
    assert len(decimals) == exponent(price["currency"])
    assert bool(point) == bool(decimals)
    assert found.readable.startswith(found.readable_amount)


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({"interval": "month"}, 360),
        ({"interval": "month", "every": 7}, 51),
        ({"interval": "year"}, 30),
        ({"interval": "year", "every": 3}, 10),
        ({"interval": "week"}, 1560),
        ({"interval": "day", "every": 7}, 1564),
        ({"days": 30}, None),
        ({}, None),
    ],
)
def test_a_subscription_is_ordered_for_thirty_years(settings: dict[str, Any], count: int | None) -> None:
    price = applied(settings).price
    assert price is not None
    assert price.total_count == count


@given(price=recurring)
def test_no_subscription_is_longer_than_razorpay_accepts_or_ends_before_it_must(price: dict[str, Any]) -> None:
    found = applied(price).price
    assert found is not None
    assert found.total_count is not None
    # The last moment that Razorpay accepts as the end of a subscription: 2120-12-31.
    assert 1_795_478_400 + found.total_count * found.every * DAYS_OF[price["interval"]] * 86400 < 4_765_046_400
    assert (found.total_count + 1) * found.every > SUBSCRIPTION_YEARS * INTERVALS[price["interval"]]


def test_a_stored_interval_of_any_length_is_ordered_once() -> None:
    price = stored({"interval": "year", "every": 99}).price
    assert price is not None
    assert price.total_count == 1
