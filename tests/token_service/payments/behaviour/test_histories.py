"""Any history of purchases grants what was paid for, and no more, whatever is lost, late, doubled, or interrupted."""

import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support import emulators
from tests.support.histories import PLANS, SOLD, History, Step
from tests.support.in_process_razorpay import InProcessRazorpay
from tests.support.interruptions import InterruptedClient, Interruptions
from tests.support.market import START
from tests.support.memory_dynamodb import MemoryDynamoDB
from tests.support.seller import KEY_ID, KEY_SECRET, WEBHOOK_SECRET, Seller
from tests.support.table import Table
from token_service.web.problems import LOGGER

HISTORIES: Final = int(os.environ.get("GATEPASS_HISTORIES", "300"))
"""How many are tried. `make soak` sets more."""
NAMES: Final = (
    "order", "buy", "buy", "buy", "pay", "pay", "complete", "deliver", "deliver", "deliver_all", "deliver_again", "lose",
    "job", "reconcile", "cancel", "interrupt", "interrupt", "set_plan", "revoke", "grant", "suspend", "renew", "renew",
    "pay_by_hand", "end_cycle", "pause", "stop", "authorize_late", "refund", "dispute", "decide", "use", "use", "clock",
    "clock", "settle", "subscribe_again", "trouble",
)  # fmt: skip
STEPS: Final = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(0, 23), st.integers(0, 6)), min_size=2, max_size=24
)
SKEW: Final = st.sampled_from([0, 0, 3, -3])


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    level = LOGGER.log_level
    LOGGER.setLevel(logging.CRITICAL)
    yield
    LOGGER.setLevel(level)


@contextmanager
def history(client: Any, name: str, skew: int = 0) -> Iterator[History]:
    interruptions, times = Interruptions(), [float(START)]
    table = Table(InterruptedClient(client, interruptions), name)
    with InProcessRazorpay(KEY_ID, KEY_SECRET, WEBHOOK_SECRET, lambda: times[0] + skew, interruptions) as razorpay:
        yield History(Seller(table, razorpay, times, PLANS), interruptions, skew)


def run(steps: list[Step], skew: int = 0) -> None:
    with history(MemoryDynamoDB(), "memory", skew) as lived:
        lived.run(steps)


def test_of_two_subscriptions_bought_in_one_second_one_ends() -> None:
    run([("order", 0, 0), ("buy", 4, 0), ("pay", 0, 0)])


def test_a_refunded_second_success_that_is_heard_of_first_does_not_send_the_first_one_back() -> None:
    run([("buy", 13, 0), ("pay", 0, 0), ("buy", 0, 0), ("settle", 6, 4)])


def test_a_lapse_whose_job_breaks_off_is_done_by_the_next_one() -> None:
    run(
        [("buy", 0, 0), ("subscribe_again", 1, 0), ("renew", 0, 0), ("subscribe_again", 0, 1), ("interrupt", 0, 0)]
    )  # fmt: skip


def test_a_rest_that_razorpay_does_not_refund_is_not_tried_for_ever() -> None:
    run([("buy", 0, 0), ("revoke", 0, 0), ("refund", 0, 1), ("refund", 0, 6)])


def test_a_plan_that_has_lapsed_already_leaves_nothing_to_do() -> None:
    run([("subscribe_again", 0, 1), ("buy", 20, 0), ("renew", 0, 0), ("pause", 1, 0), ("lose", 16, 0)])


def test_who_cancels_in_the_second_of_the_payment_keeps_the_paid_time() -> None:
    run([("buy", 0, 3), ("cancel", 0, 0)])


PRO, PACK = SOLD.index("pro"), SOLD.index("pack-100")


@pytest.mark.parametrize(
    "heard", [("complete", -1, 0), ("deliver", 1, 0), ("deliver_all", 1, 1), ("deliver_all", 0, 0)]
)
def test_who_goes_back_to_a_subscription_after_another_purchase_has_bought_it_later(heard: Step) -> None:
    """However it is heard of: from the page, by a state of the subscription before its payment, or in order."""
    steps = [("order", PRO, 0), ("clock", 1, 0), ("buy", PACK, 1), ("clock", 1, 0), ("pay", 0, 0)]
    with history(MemoryDynamoDB(), "memory") as lived:
        lived.run([*steps, heard])
        assert lived.seller.plan() == "pro"
        assert lived.seller.states() == ["paid", "paid"]


@pytest.mark.parametrize("skew", [3, -3])
def test_a_cancellation_by_a_clock_that_differs_from_razorpays_takes_no_payment_back(skew: int) -> None:
    run([("buy", 0, 0), ("cancel", 0, 0), ("deliver_all", 1, 1)], skew)
    run([("buy", 0, 0), ("renew", 0, 0), ("cancel", 0, 0), ("buy", 0, 0)], skew)


def test_a_cancellation_names_the_subscription_in_the_audit() -> None:
    run([("buy", 0, 5), ("clock", 2, 0), ("cancel", 0, 0)])


def test_a_plan_that_an_operator_set_outlives_a_dispute_about_an_earlier_payment() -> None:
    run([("buy", 3, 1), ("dispute", 0, 0), ("deliver_all", 1, 1), ("set_plan", 1, 0), ("decide", 0, 0)])


def test_the_payment_that_authenticates_a_later_subscription_is_no_unknown_payment() -> None:
    run([("buy", 0, 1), ("clock", 3, 0), ("cancel", 0, 0), ("buy", 0, 1), ("settle", 0, 0), ("renew", 1, 0)])


def test_the_end_of_access_in_the_second_of_a_payment_leaves_it_as_it_is() -> None:
    run([("buy", 0, 3), ("interrupt", 8, 0), ("revoke", 0, 5)])


def test_a_revoked_users_subscription_is_ended_with_its_next_charge() -> None:
    run([("buy", 0, 1), ("revoke", 0, 0), ("renew", 0, 0)])


@pytest.mark.long
@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, skew=SKEW)
def test_every_history_comes_to_what_was_paid_for(steps: list[Step], skew: int) -> None:
    run(steps, skew)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(steps=STEPS, skew=SKEW)
def test_the_same_on_dynamodb_local(dynamodb_local_endpoint: str, steps: list[Step], skew: int) -> None:
    client = emulators.client("dynamodb", dynamodb_local_endpoint)
    with history(client, f"t-{secrets.token_hex(6)}", skew) as lived:
        lived.run(steps)
