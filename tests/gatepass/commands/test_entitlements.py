"""`gatepass entitlements` as operators use it: whom it lists, and what it changes."""

import argparse
import json
import logging
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from io import StringIO
from typing import Any
from unittest import mock

import pytest

from entitlements.windows import windows_at
from gatepass.commands.entitlements import _confirmed, moment
from gatepass.environment import Environment
from tests.gatepass.commands.conftest import NOW, Shop, Till, user
from tests.support.emulators import ROOT
from tests.support.signer import SOLUTION, USER
from token_service.access.records import to_the_second


def test_listing_filters_by_status_and_plan_and_shows_what_is_used_today(shop: Shop) -> None:
    today = windows_at(time.time(), "UTC").open["day"].counter
    shop.add(1, **{today: 3, "total": 7})
    shop.add(2, plan="pro", paid_until=int(NOW) + 10**8)
    shop.add(3, plan="pro", status="suspended")

    def users(*filters: str) -> list[str]:
        return sorted(
            row["user"] for row in json.loads(shop("list", "--solution", SOLUTION, "--json", *filters).stdout)
        )

    assert users() == [user(1), user(2), user(3)]
    assert users("--plan", "pro") == [user(2), user(3)]
    assert users("--plan", "pro", "--status", "active") == [user(2)]
    assert users("--status", "revoked") == []
    first = json.loads(shop("list", "--user", user(1), "--json").stdout)[0]
    assert (first["used_today"], first["day_limit"], first["total"]) == (3, 10, 7)
    table = shop("list", "--solution", SOLUTION).stdout
    assert "3/10" in table
    assert "2030-01-24T09:46:40Z" in table
    assert shop("list").returncode == 1
    assert shop("list", "--solution", SOLUTION, "--status", "gone").returncode == 2


def test_a_lapsed_plan_shows_the_limit_that_counts(shop: Shop) -> None:
    shop.add(1, plan="pro", paid_until=1)
    assert json.loads(shop("list", "--user", user(1), "--json").stdout)[0]["day_limit"] == 10


def test_entitlements_of_a_solution_that_is_not_applied_are_listed_all_the_same(shop: Shop) -> None:
    shop.add(1, solution_id="unheard-of")
    assert "unheard-of" in shop("list", "--user", user(1)).stdout


def test_a_paid_plan_lapses_when_it_was_told_to(shop: Shop) -> None:
    shop.change("grant")
    until = shop.change("set-plan", "--plan", "pro", "--until", "2099-12-31")
    assert until.stdout.endswith("plan pro, paid until 2100-01-01T00:00:00Z\n")
    assert shop.show()["paid_until"] == 4_102_444_800
    assert "paid_until  2100-01-01T00:00:00Z" in shop.change("show").stdout
    exact = json.loads(shop.change("set-plan", "--plan", "pro", "--until", "2099-12-31T18:30Z", "--json").stdout)
    assert exact["paid_until"] == 4_102_425_000
    assert shop.change("set-plan", "--plan", "pro").stdout.endswith("plan pro\n")
    assert shop.show()["paid_until"] is None
    kept = [
        (e["plan"], e.get("paid_until"), e.get("paid_until_before"))
        for e in shop.items("audit#")
        if e["event"] == "plan_set"
    ]
    assert kept == [
        ("pro", "2100-01-01T00:00:00Z", None),
        ("pro", "2099-12-31T18:30:00Z", "2100-01-01T00:00:00Z"),
        ("pro", None, "2099-12-31T18:30:00Z"),
    ]


def test_a_date_that_cannot_be_kept_is_refused(shop: Shop) -> None:
    shop.change("grant")
    for plan, until, status, told in (
        ("pro", "2020-01-01", 1, "is in the past"),
        ("pro", "soon", 2, "write 2027-03-31"),
        ("pro", "2099-02-30", 2, "is not a date"),
        ("registered", "2099-12-31", 1, "only a plan with a price"),
        ("pack-100", "2099-12-31", 1, "only a plan with a price"),
    ):
        run = shop.change("set-plan", "--plan", plan, "--until", until)
        assert (run.returncode, told in run.stderr) == (status, True), run.stderr
    assert shop.show()["plan"] == "registered"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-23", NOW),  # the midnight that begins the next day
        ("2026-11-24T00:00", NOW),
        ("2026-11-24T00:00:00Z", NOW),
        ("2026-11-24T05:30:00+05:30", NOW),
        ("2026-11-24 00:00:00.9", NOW),
    ],
)
def test_dates_are_read_in_utc(text: str, seconds: float) -> None:
    assert moment(text) == seconds


@pytest.mark.parametrize("text", ["", "9999-12-31", "2026-11-31", "tomorrow", "1795478400", "2026-11-23T25:00"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write 2027-03-31"):
        moment(text)


def test_credits_come_on_top_of_what_is_left(shop: Shop) -> None:
    shop.change("grant", "--plan", "pack-100")
    assert "200 credits left" in shop.change("add-credits", "--credits", "100").stdout
    assert shop.show()["granted"] == 200
    for wrong in ("0", "-5", str(10**13)):
        assert "credits must be a whole number" in shop.change("add-credits", "--credits", wrong).stderr
    assert shop.change("add-credits", "--credits", "many").returncode == 2
    shop.change("set-plan", "--plan", "pro")
    refused = shop.change("add-credits", "--credits", "5")
    assert (refused.returncode, "set a prepaid plan first (set-plan): pack-100" in refused.stderr) == (1, True)


def test_a_suspension_says_why_until_it_ends(shop: Shop) -> None:
    shop.change("grant")
    assert shop.change("suspend", "--reason", " chargeback  ").returncode == 0
    assert shop.show()["suspended_reason"] == "chargeback"
    assert [e.get("reason") for e in shop.items("audit#")] == [None, "chargeback"]
    for wrong in ("x" * 201, "two\nlines", "\x1b[31m", " "):
        run = shop.change("suspend", "--reason", wrong)
        message = "must be one line" if wrong.strip() else "--reason is empty"
        assert (run.returncode, message in run.stderr) == (1, True)
    shop.change("resume")
    assert "suspended_reason" not in shop.show()


@pytest.mark.parametrize(("answer", "status"), [("y", "revoked"), ("n", "active"), ("", "active")])
def test_revoke_asks_on_a_terminal(shop: Shop, answer: str, status: str) -> None:
    shop.change("grant")
    ours, theirs = pty.openpty()
    command = ["gatepass", "entitlements", "revoke", "--user", USER, "--solution", SOLUTION]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=shop.run.preloaded,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.write(ours, f"{answer}\n".encode())
        _, asked = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert "The token ends for good. [y/N]" in asked
    assert (process.returncode, shop.show()["status"]) == (0 if status == "revoked" else 1, status)


def test_revoke_does_not_ask_a_script(shop: Shop) -> None:
    for more in ([], ["--yes"]):
        shop.change("grant")
        assert shop.change("revoke", *more).returncode == 0
        assert shop.show()["status"] == "revoked"


def live(till: Till) -> str:
    """A user's subscription that Razorpay charges."""
    till.seller.pay("pro")
    till.seller.deliver()
    (one,) = till.seller.payments.books.subscriptions(USER)
    assert one.status == "active"
    return one.subscription_id


def status(till: Till, subscription: str) -> tuple[str, str]:
    """At Razorpay, and as stored."""
    (stored,) = till.seller.payments.books.subscriptions(USER)
    with till.seller.account() as account:
        return account.subscription(subscription)["status"], stored.status


REVOKE = ("entitlements", "revoke", "--user", USER, "--solution", SOLUTION)


def test_revoke_cancels_the_subscription_first_and_can_be_repeated(till: Till) -> None:
    subscription = live(till)
    run = till(*REVOKE)
    assert (run.returncode, run.stdout) == (0, f"{USER} {SOLUTION}: revoked, plan pro, paid until "
        + to_the_second(till.seller.held().paid_until) + "\n")  # fmt: skip
    assert status(till, subscription) == ("cancelled", "cancelled")
    assert till(*REVOKE).returncode == 0


def test_revoke_cancels_what_is_ordered_and_not_paid_too(till: Till) -> None:
    subscription = till.seller.order("pro")
    assert till(*REVOKE).returncode == 0
    assert status(till, subscription) == ("cancelled", "cancelled")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (lambda till: till.without_keys(), "set GATEPASS_RAZORPAY_SECRET to the name or ARN"),
        (lambda till: till.away(), "Razorpay gave no usable answer"),
        (lambda till: till.change_secret(key_secret="wrong"), "check key_id and key_secret"),
        (lambda till: till.change_secret(key_id=""), "key_id is missing"),
    ],
)
def test_revoke_refuses_while_the_subscription_cannot_be_cancelled(
    till: Till, fault: Callable[[Till], None], told: str
) -> None:
    subscription = live(till)
    before = till.seller.table.all()
    fault(till)
    run = till(*REVOKE)
    assert (run.returncode, run.stdout) == (1, "")
    assert told in run.stderr
    assert f"Nothing was revoked, because {subscription} may still be charged" in run.stderr
    assert till.seller.table.all() == before
    suspend = run.stderr.partition("run gatepass ")[2].partition(", and revoke later")[0].split()
    assert till(*suspend).returncode == 0
    assert till.seller.held().status == "suspended"


def test_revoke_whose_cancellation_lost_its_answer_goes_on_when_repeated(till: Till) -> None:
    subscription = live(till)
    original = till.seller.server.answer

    def losing(request: Any) -> Any:
        if request.path.endswith("/cancel"):
            till.seller.server.lose_answers(1)
        return original(request)

    till.seller.server.answer = losing
    run = till(*REVOKE)
    assert (run.returncode, till.seller.held().status) == (1, "active"), run.stderr
    till.seller.server.answer = original
    run = till(*REVOKE)
    assert run.returncode == 0, run.stderr
    assert (till.seller.held().status, status(till, subscription)) == ("revoked", ("cancelled", "cancelled"))


def test_revoke_needs_no_keys_where_nothing_is_charged(till: Till) -> None:
    till.seller.pay("pass-30")
    till.seller.deliver()
    till.without_keys()
    assert till(*REVOKE).returncode == 0
    assert till.seller.held().status == "revoked"


def test_revoke_says_on_a_terminal_that_a_subscription_is_cancelled(till: Till) -> None:
    live(till)
    environment = Environment.read(None, till.environment)
    with redirect_stderr(StringIO()) as asked, mock.patch.object(sys, "stdin", StringIO("n\n")):
        assert not _confirmed(environment, USER, SOLUTION)
    assert "1 subscription(s) are cancelled at Razorpay, and the token ends for good. [y/N]" in asked.getvalue()


def test_what_the_services_log_is_a_line_on_standard_error(till: Till) -> None:
    subscription = live(till)
    with till.seller.account() as account:
        account.cancel_subscription(subscription, {})  # in the dashboard, and its event is late
    before = logging.getLogger("token-service").handlers
    run = till(*REVOKE, "--json")
    assert json.loads(run.stdout)["status"] == "revoked"
    assert run.stderr == ""
    assert logging.getLogger("token-service").handlers is before
    assert status(till, subscription) == ("cancelled", "cancelled")


def without_plans(till: Till, *removed: str) -> None:
    plans = till.seller.solution.to_mapping()["plans"]
    till.seller.table.put_solution(plans={name: plan for name, plan in plans.items() if name not in removed})


def test_revoke_goes_on_when_the_plan_of_the_cancelled_subscription_is_gone(till: Till) -> None:
    subscription = live(till)
    without_plans(till, "pro")
    assert till(*REVOKE).returncode == 0
    assert (till.seller.held().status, status(till, subscription)[0]) == ("revoked", "cancelled")


def test_revoke_ends_all_subscriptions_though_their_plans_are_gone(till: Till) -> None:
    live(till)
    till.seller.order("max", replace=True)
    without_plans(till, "pro", "max")
    assert till(*REVOKE).returncode == 0
    assert till.seller.held().status == "revoked"
    with till.seller.account() as account:
        assert {one["status"] for one in account.subscriptions()} == {"cancelled"}
