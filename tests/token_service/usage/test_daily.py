"""Payments, refusals, and changes of plans are counted once, and each refusal that led to a payment is known."""

import time
from collections.abc import Iterator

import pytest

from entitlements.windows import windows_at
from tests.support.seller import Seller, selling
from tests.support.signer import SOLUTION, USER
from tests.support.streamed import Streamed
from token_service.usage.refusals import Wall
from token_service.usage.totals import day_before, total

QUOTA, ANONYMOUS_QUOTA = "quota_exceeded", "anonymous_quota_exceeded"


def today() -> str:
    return windows_at(time.time(), "UTC").open["day"].counter[1:]


def refused(day: str, before: int = 3600) -> Wall:
    """The user at the limit, so many seconds ago."""
    return Wall(SOLUTION, day, QUOTA, USER, False, int(time.time()) - before)


def visitor(number: int) -> Wall:
    return Wall(SOLUTION, today(), ANONYMOUS_QUOTA, f"visitor-{number}", True, int(time.time()))


class Shop:
    """A seller on a table whose stream is consumed."""

    def __init__(self, streamed: Streamed, seller: Seller) -> None:
        self.streamed, self.seller = streamed, seller
        self.usage = streamed.usage()

    def totals(self) -> dict[str, int]:
        """What has been counted, on whatever day. Delivered twice."""
        records = self.streamed.stream.read()
        self.streamed.deliver(records)
        self.streamed.deliver(records)
        return total(self.streamed.solution_days(SOLUTION).values())


@pytest.fixture
def shop(dynamodb_local_endpoint: str) -> Iterator[Shop]:
    streamed = Streamed(dynamodb_local_endpoint)
    with selling(streamed.table) as seller:
        seller.now = time.time()
        yield Shop(streamed, seller)


def test_a_payment_and_what_becomes_of_it(shop: Shop) -> None:
    payment = shop.seller.pay("forever")
    shop.seller.deliver()
    counted = shop.totals()
    assert counted == {"registrations": 1, "upgrades": 1, "revenue#forever#INR": 499900}
    with shop.seller.account() as account:
        account.create_refund(payment, {"amount": 100_000})
    shop.seller.deliver()  # which writes the payment, and leaves the mark
    assert shop.totals() == counted | {"refunds#forever#INR": 100_000}
    with shop.seller.account() as account:
        account.create_refund(payment, {"amount": 399_900})
    shop.seller.deliver()
    assert shop.totals() == counted | {"refunds#forever#INR": 499_900, "downgrades": 1}
    assert [notice.kind for notice in shop.streamed.published if notice.kind == "Payment Applied"] == [
        "Payment Applied"
    ] * 2
    assert len({notice.notice_id for notice in shop.streamed.published}) == 3  # a payment, and two changes of the plan


def test_a_cancelled_subscription(shop: Shop) -> None:
    shop.seller.pay("pro")
    shop.seller.deliver()
    shop.seller.payments.settlement.cancel(USER, SOLUTION)
    assert shop.totals() == {"registrations": 1, "upgrades": 1, "revenue#pro#INR": 49900, "cancellations": 1}


def test_who_is_refused_counts_once_a_day(shop: Shop) -> None:
    for _ in range(2):
        shop.usage.count_walls([*(visitor(n) for n in range(150)), visitor(3), refused(today())])
    assert shop.streamed.solution_days(SOLUTION) == {
        today(): {f"walled#{ANONYMOUS_QUOTA}": 150, f"walled#{QUOTA}": 1}
    } == shop.streamed.subject_days(SOLUTION)  # fmt: skip


@pytest.mark.parametrize(("days", "paid"), [(0, 1), (7, 1), (8, 0)])
def test_a_payment_within_seven_days_comes_from_the_refusal(shop: Shop, days: int, paid: int) -> None:
    day = day_before(today(), days)
    for earlier in (day, day_before(day, 1)):
        shop.usage.count_walls([refused(earlier)])
    shop.seller.pay("forever")
    shop.seller.deliver()
    assert shop.totals().get(f"paid#{QUOTA}", 0) == paid
    counted = shop.streamed.solution_days(SOLUTION)
    assert counted[day].get(f"paid#{QUOTA}", 0) == paid
    assert f"paid#{QUOTA}" not in counted[day_before(day, 1)]  # each payment has one refusal that it came from


def test_a_refusal_that_is_heard_of_after_the_payment_counts_as_before_it(shop: Shop) -> None:
    shop.seller.pay("forever")
    shop.seller.deliver()
    shop.totals()
    shop.usage.count_walls([refused(today(), before=-3600)])  # after the payment, which did not end it
    assert shop.totals().get(f"paid#{QUOTA}", 0) == 0
    shop.usage.count_walls([refused(day_before(today(), 2))])
    assert shop.streamed.solution_days(SOLUTION)[day_before(today(), 2)] == {f"walled#{QUOTA}": 1, f"paid#{QUOTA}": 1}
    shop.usage.count_walls([refused(day_before(today(), 1))])  # a later one: it is this that led to the payment
    days = shop.streamed.solution_days(SOLUTION)
    assert days[day_before(today(), 2)] == {f"walled#{QUOTA}": 1}
    assert days[day_before(today(), 1)] == {f"walled#{QUOTA}": 1, f"paid#{QUOTA}": 1}


def test_who_buys_credits_again_has_paid_though_the_plan_stays(shop: Shop) -> None:
    shop.seller.pay("pack-100")
    shop.seller.deliver()
    shop.totals()
    shop.usage.count_walls([refused(today(), before=-1)])
    shop.seller.now = time.time() + 60
    shop.seller.pay("pack-100")
    shop.seller.deliver()
    assert shop.totals()[f"paid#{QUOTA}"] == 1


def test_an_operators_change_is_no_payment(shop: Shop) -> None:
    shop.seller.access.grant(USER, SOLUTION)
    shop.usage.count_walls([refused(today())])
    shop.seller.access.set_plan(USER, SOLUTION, "forever")
    assert shop.totals() == {"registrations": 1, "upgrades": 1, f"walled#{QUOTA}": 1}


def test_a_registration_from_a_refusal_and_its_payment(shop: Shop) -> None:
    shop.seller.access.grant(USER, SOLUTION)
    (entry,) = [item for item in shop.streamed.table.all() if item["sk"].startswith("audit#")]
    shop.streamed.stream.read()
    shop.streamed.table.client.delete_item(
        TableName=shop.streamed.table.name, Key={name: {"S": entry[name]} for name in ("pk", "sk")}
    )
    shop.streamed.table.put(**entry | {"from": ANONYMOUS_QUOTA})
    assert shop.totals() == {"registrations": 1, f"registered#{ANONYMOUS_QUOTA}": 1}
    shop.seller.pay("forever")
    shop.seller.deliver()
    assert shop.totals()[f"paid#{ANONYMOUS_QUOTA}"] == 1
    assert shop.streamed.subject_days(SOLUTION)[today()] == {
        f"registered#{ANONYMOUS_QUOTA}": 1,
        f"paid#{ANONYMOUS_QUOTA}": 1,
    }
