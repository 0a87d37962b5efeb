"""What `gatepass payments list --unfinished` says of each event, and what to do about it."""

import re
import time
from typing import Any

import pytest

from entitlements.items import entitlement_key
from gatepass.commands.unfinished_events import ADVICE
from tests.gatepass.commands.conftest import Till
from tests.support.seller import DAY
from tests.support.signer import SOLUTION, USER
from token_service.payments.inbox import DUE, LAPSE, UNKNOWN, UNMATCHED
from token_service.payments.settlement import Unmatched


def unfinished(till: Till) -> dict[str, Any]:
    found: list[dict[str, Any]] = till.json("payments", "list", "--unfinished")
    assert len({(one["state"], one["reason"], one["about"]) for one in found}) == 1
    return found[0]


def another_business(till: Till) -> str:
    with till.seller.account() as account:
        order = account.create_order({"amount": 500, "currency": "INR", "receipt": "another-business"})
        return str(account.pay(order["id"])["id"])


def plan_removed(till: Till) -> str:
    payment = till.seller.pay("pass-30")
    plans = till.seller.solution.to_mapping()["plans"]
    till.seller.table.put_solution(plans={name: plan for name, plan in plans.items() if name != "pass-30"})
    return payment


def entitlement_lost(till: Till) -> str:
    payment = till.seller.pay("pass-30")
    till.seller.table.client.delete_item(TableName=till.seller.table.name, Key=entitlement_key(USER, SOLUTION).wire)
    return payment


def amount_changed(till: Till) -> str:
    payment = till.seller.pay("pass-30")
    table = till.seller.table
    (item,) = [item for item in table.all() if item["sk"] == "checkout"]
    table.put(**item | {"amount": item["amount"] + 1})
    return payment


@pytest.mark.parametrize(
    ("happened", "reason"),
    [
        (another_business, "no_checkout"),
        (plan_removed, "plan_unknown"),
        (entitlement_lost, "no_entitlement"),
        (amount_changed, "wrong_amount"),
    ],
)
def test_a_payment_without_a_match_is_listed_with_what_to_do(till: Till, happened: Any, reason: str) -> None:
    payment = happened(till)
    till.seller.deliver()
    one = unfinished(till)
    assert (one["state"], one["reason"], one["about"], one["attempts"]) == (UNMATCHED, reason, payment, 1)
    assert one["advice"] == ADVICE[reason]
    shown = till("payments", "list", "--unfinished").stdout
    assert f"\n{reason}: {ADVICE[reason]}.\n" in shown
    assert shown.count("\n\n") == 1


def test_every_reason_and_state_has_its_advice() -> None:
    named = re.findall(r"\w+_\w+", Unmatched.__init__.__doc__ or "")
    assert len(named) == 4
    assert {*named, DUE, UNKNOWN, LAPSE} == set(ADVICE)


def test_an_event_waits_for_razorpay_with_its_reason_and_age(till: Till) -> None:
    till.seller.now = time.time() - 2 * 3600
    subscription = till.seller.order("pro")
    till.seller.payments.inbox.store(
        "evt_1", "subscription.charged", _event(subscription={"id": subscription}), int(till.seller.now)
    )
    till.away()
    (entry,) = till.seller.payments.inbox.entries()
    till.seller.payments.webhook.work_off(entry)
    one = unfinished(till)
    assert (one["state"], one["reason"], one["about"]) == (DUE, "payments_unavailable", subscription)
    assert one["age_seconds"] == pytest.approx(7200, abs=60)
    lines = till("payments", "list", "--unfinished").stdout.splitlines()
    assert "2.0 h" in lines[1]
    assert lines[3].startswith("due: it is tried again by itself")


@pytest.mark.parametrize("body", ['{"event": "x.y", "payload": {}}', "no JSON", '{"event": "x.y", "payload": 3}'])
def test_an_event_that_gatepass_does_not_use_says_where_to_switch_it_off(till: Till, body: str) -> None:
    till.seller.payments.inbox.store("evt_1", "x.y", body, int(till.seller.now))
    (entry,) = till.seller.payments.inbox.entries()
    till.seller.payments.webhook.work_off(entry)
    one = unfinished(till)
    assert (one["state"], one["about"], one["next_at"]) == (UNKNOWN, "", None)
    assert "Remove it from the webhook's events" in till("payments", "list", "--unfinished").stdout


def test_a_plan_that_ends_later_is_not_unfinished_until_it_should_have_ended(till: Till) -> None:
    till.seller.now = time.time() - 31 * DAY
    till.seller.pay("pass-30", user="00000000-0000-4000-8000-000000000003")
    till.seller.now = time.time() - DAY
    till.seller.pay("forever")
    till.seller.now = time.time()
    till.seller.pay("pass-30", replace=True)
    till.seller.deliver()
    assert {entry.state for entry in till.seller.payments.inbox.entries()} == {LAPSE}
    assert till.json("payments", "list", "--unfinished") == []
    (item,) = [item for item in till.seller.table.all() if item["pk"] == "razorpay#to-do"]
    till.seller.table.put(**item | {"next_at": int(time.time()) - 600, "received_at": int(time.time()) - 601})
    one = unfinished(till)
    assert (one["state"], one["about"]) == (LAPSE, f"{USER} {SOLUTION}")


def _event(**entities: dict[str, str]) -> str:
    import json

    payload = {kind: {"entity": entity} for kind, entity in entities.items()}
    return json.dumps({"event": "subscription.charged", "payload": payload})


def test_what_was_dealt_with_is_dismissed(till: Till) -> None:
    payment = another_business(till)
    till.seller.deliver()
    assert till("payments", "dismiss", "pay_unknown").returncode == 1
    assert unfinished(till)["about"] == payment
    dismissed = till("payments", "dismiss", payment)
    assert dismissed.returncode == 0
    assert ": dismissed; " in dismissed.stdout
    assert till.json("payments", "list", "--unfinished") == []
