"""`gatepass payments` as operators use it, with Razorpay's stand-in."""

import json
import re
import time
from datetime import UTC, datetime

import pytest

from gatepass.commands.unfinished_events import ADVICE
from gatepass.local.razorpay import PaymentOutcome
from tests.gatepass.commands.conftest import Till
from tests.support.emulators import ROOT
from tests.support.runbook import SHELL, runbook_of_payments
from tests.support.seller import DAY
from tests.support.signer import SOLUTION, USER
from token_service.payments.inbox import LAPSE

OTHER = "00000000-0000-4000-8000-000000000002"


def day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def test_the_list_shows_all_payments_oldest_first_and_those_of_one_user(till: Till) -> None:
    assert till("payments", "list").stdout == "no payments\n"
    first = till.seller.pay("pack-100")
    till.seller.now += 1
    second = till.seller.pay("pass-30", user=OTHER)
    till.seller.deliver()
    lines = till("payments", "list").stdout.splitlines()
    assert lines[0].split() == ["TIME", "PAYMENT", "USER", "SOLUTION", "PLAN", "AMOUNT", "STATE"]
    assert [line.split()[1:] for line in lines[1:]] == [
        [first, USER, SOLUTION, "pack-100", "₹99.00", "paid"],
        [second, OTHER, SOLUTION, "pass-30", "₹199.00", "paid"],
    ]
    assert [one["payment"] for one in till.json("payments", "list", "--user", OTHER)] == [second]
    assert [one["payment"] for one in till.json("payments", "list", "--solution", SOLUTION)] == [first, second]
    assert till.json("payments", "list", "--solution", "other") == []
    (shown,) = till.json("payments", "list", "--user", USER)
    assert (shown["amount"], shown["currency"], shown["state"], shown["returned"]) == (9900, "INR", "paid", "")


def test_the_list_says_what_a_payment_was_sent_back_for(till: Till) -> None:
    till.seller.pay("pro")
    till.seller.deliver()
    till("entitlements", "revoke", "--user", USER, "--solution", SOLUTION)
    order = till.seller.order("pack-100", user=OTHER)
    till("entitlements", "revoke", "--user", OTHER, "--solution", SOLUTION)
    with till.seller.account() as account:
        account.pay(order)
    till.seller.deliver()
    assert till("payments", "list", "--user", OTHER).stdout.rstrip().endswith("refunded (access_ended)")


def test_the_list_works_without_keys_and_without_razorpay(till: Till) -> None:
    till.seller.pay("pack-100")
    till.seller.deliver()
    till.without_keys()
    assert len(till.json("payments", "list")) == 1
    assert till.json("payments", "list", "--unfinished") == []


def test_unfinished_is_of_all_users(till: Till) -> None:
    run = till("payments", "list", "--unfinished", "--user", USER)
    assert (run.returncode, "lists the events of all users" in run.stderr) == (2, True)


# ---- reconcile -------------------------------------------------------------------------------------------------------


def test_reconcile_applies_what_lost_events_left_behind_and_then_finds_nothing(till: Till) -> None:
    payment = till.seller.pay("pass-30")
    dry = till("payments", "reconcile", "--dry-run")
    assert (dry.returncode, till.seller.states()) == (1, [])
    assert dry.stdout.splitlines()[1].split()[:2] == [payment, "missing"]
    assert dry.stdout.splitlines()[1].endswith("would try to repair")
    run = till("payments", "reconcile")
    assert (run.returncode, run.stdout.splitlines()[-1]) == (0, "1 different: 1 repaired, 0 remaining"), run.stderr
    assert (till.seller.plan(), till.seller.states()) == ("pass-30", ["paid"])
    again = till("payments", "reconcile")
    assert (again.returncode, again.stdout) == (0, "no differences to Razorpay\n")
    assert till.json("payments", "reconcile") == []


def test_reconcile_ends_with_1_while_a_payment_remains_without_a_match(till: Till) -> None:
    with till.seller.account() as account:
        order = account.create_order({"amount": 500, "currency": "INR", "receipt": "another-business"})
        account.pay(order["id"])
    lost = till.seller.pay("pass-30")
    run = till("payments", "reconcile")
    assert run.returncode == 1
    assert "2 different: 1 repaired, 1 remaining" in run.stdout
    assert "\nno_checkout: nobody ordered this through Gatepass" in run.stdout
    assert [one["payment"] for one in till.json("payments", "list")] == [lost]
    left = json.loads(till("payments", "reconcile", "--json").stdout)
    assert [(one["kind"], one["error"], one["repaired"]) for one in left] == [("unmatched", "no_checkout", False)]


def test_reconcile_compares_the_days_that_it_is_given_and_the_last_three_by_default(till: Till) -> None:
    now = time.time()
    till.seller.now = now - 9 * DAY  # more than the days that a bank may take to authorize a payment, too
    till.seller.pay("pass-30")
    till.seller.now = now
    assert till("payments", "reconcile").stdout == "no differences to Razorpay\n"
    since, other = day(now - 9 * DAY), day(now - 19 * DAY)
    assert till("payments", "reconcile", "--from", other, "--to", other, "--dry-run").returncode == 0
    assert till("payments", "reconcile", "--from", since, "--to", since, "--dry-run").returncode == 1
    assert till("payments", "reconcile", "--from", since).returncode == 0
    assert till.seller.states() == ["paid"]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--from", "2099-01-01"], 1, "give an earlier --from"),
        (["--from", "2026-01-02", "--to", "2026-01-01"], 1, "give an earlier --from"),
        (["--from", "yesterday"], 2, "is not a time: write 2027-03-31"),
        (["--to", "2026-02-30"], 2, "is not a date: write 2027-03-31"),
    ],
)
def test_reconcile_refuses_a_time_that_is_none(till: Till, arguments: list[str], status: int, told: str) -> None:
    run = till("payments", "reconcile", *arguments)
    assert run.returncode == status
    assert told in " ".join(run.stderr.split())


def test_reconcile_tells_what_it_repaired_before_razorpay_stopped_to_answer(till: Till) -> None:
    payment = till.seller.pay("pass-30")
    original = till.seller.server.answer
    asked: list[str] = []

    def until_disputes(request):
        asked.append(request.path)
        if request.path == "/v1/disputes":
            till.away()
        return original(request)

    till.seller.server.answer = until_disputes
    run = till("payments", "reconcile")
    assert (run.returncode, "/v1/disputes" in asked) == (1, True)
    assert payment in run.stdout
    assert "1 repaired" in run.stdout
    assert "Razorpay gave no usable answer" in run.stderr
    assert till.seller.states() == ["paid"]


def test_reconcile_finishes_events_that_are_no_longer_tried_by_themselves(till: Till) -> None:
    till.seller.order("pass-30")
    with till.seller.account() as account:
        account.pay(till.seller.order("pass-30"))
    plans = till.seller.solution.to_mapping()["plans"]
    till.seller.table.put_solution(plans={name: plan for name, plan in plans.items() if name != "pass-30"})
    till.seller.deliver()
    till.seller.now += 4 * DAY
    for entry in till.seller.payments.inbox.entries():
        till.seller.payments.webhook.work_off(entry)
    assert {one["next_at"] for one in till.json("payments", "list", "--unfinished")} == {None}
    till.seller.table.put_solution(till.seller.solution)
    assert till("payments", "reconcile").returncode == 0
    assert till.json("payments", "list", "--unfinished") == []
    assert till.seller.states() == ["paid"]


def test_without_keys_or_with_wrong_ones_it_is_told_what_to_set(till: Till) -> None:
    till.change_secret(key_secret="wrong")
    run = till("payments", "reconcile")
    assert (run.returncode, run.stdout) == (1, "")
    assert "check key_id and key_secret in the secret" in run.stderr
    till.change_secret(key_id="")
    assert "the Razorpay secret cannot be used: key_id is missing" in till("payments", "reconcile").stderr
    till.environment["GATEPASS_RAZORPAY_SECRET"] = "no-such-secret"
    run = till("payments", "reconcile")
    assert "ResourceNotFoundException: check GATEPASS_RAZORPAY_SECRET (no-such-secret)" in run.stderr
    till.without_keys()
    run = till("payments", "reconcile")
    assert (run.returncode, "set GATEPASS_RAZORPAY_SECRET to the name or ARN" in run.stderr) == (1, True)


def test_keys_in_aws_are_not_mixed_with_an_emulated_table(till: Till) -> None:
    till.environment["AWS_ENDPOINT_URL_DYNAMODB"] = till.environment.pop("AWS_ENDPOINT_URL")
    run = till("payments", "reconcile")
    assert (run.returncode, "DynamoDB and Secrets Manager must both be" in run.stderr) == (1, True)


# ---- docs/operations.md ----------------------------------------------------------------------------------------------


def test_the_runbooks_of_payments_run_and_give_a_user_the_plan_whose_event_was_lost(till: Till) -> None:
    payment = till.seller.pay("pro")
    blocks = runbook_of_payments()
    assert list(blocks) == [
        "Recurring prices",
        "Events that are not finished",
        "An event was lost",
        "A user says: paid, and still on the free plan",
    ]
    assert till.seller.plan() == "registered"
    run = till.run.shell([*SHELL, f"USER_ID={USER}\n" + "\n".join(blocks.values())])
    assert run.returncode == 0, run.stderr
    assert till.seller.plan() == "pro"
    told = run.stdout
    assert [told.count(one) for one in ("is there already", "there are differences", "1 repaired")] == [1, 1, 1]
    assert told.rindex("paid") > told.rindex(payment)


def test_the_runbook_lists_every_reason_with_which_a_payment_stays() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    section = page.partition("### Events that are not finished")[2].partition("\n### ")[0]
    assert [reason for reason in ADVICE if f"`{reason}`" not in section and reason != LAPSE] == []


def test_the_events_that_the_webhook_is_set_up_with_are_enough(till: Till) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    section = page.partition("### Setting Razorpay up")[2].partition("\n### ")[0]
    documented = set(re.findall(r"`((?:payment|refund|subscription)\.[a-z_.]+)`", section))

    def states() -> list[str]:
        till.seller.deliver([one for one in till.seller.events() if one.event in documented])
        return till.seller.states()

    payment = till.seller.pay("pro")
    assert (states(), till.seller.plan()) == (["paid"], "pro")
    with till.seller.account() as account:
        dispute = account.open_dispute(payment)
    assert states() == ["disputed"]
    with till.seller.account() as account:
        account.resolve_dispute(dispute["id"], "won")
    assert states() == ["paid"]
    with till.seller.account() as account:
        account.create_refund(payment, {})
    assert states() == ["refunded"]
    (subscription,) = till.seller.payments.books.subscriptions(USER)
    with till.seller.account() as account:
        account.cancel_subscription(subscription.subscription_id, {})
    states()
    assert [one.status for one in till.seller.payments.books.subscriptions(USER)] == ["cancelled"]
    order = till.seller.order("pack-100")
    with till.seller.account() as account:
        failed = account.pay(order, PaymentOutcome.FAILED)
    assert states() == ["refunded"]
    with till.seller.account() as account:
        account.authorize_late(failed["id"])
    assert sorted(states()) == ["paid", "refunded"]
    assert till.seller.to_do() == []
