"""`gatepass payments adopt`: subscriptions of a marketplace that sold before it had Gatepass."""

import pytest

from tests.gatepass.commands.conftest import Till
from tests.support.seller import DAY
from tests.support.signer import SOLUTION, USER

OTHER = "00000000-0000-4000-8000-000000000002"
WHO = ("--user", USER, "--solution", SOLUTION)


def earlier_subscription(till: Till, amount: int = 49900, period: str = "monthly") -> str:
    """As another program made it, without our notes: paid once, and charged every month."""
    with till.seller.account() as account:
        item = {"name": "Pro", "amount": amount, "currency": "INR"}
        plan = account.create_plan({"period": period, "interval": 1, "item": item})
        made = account.create_subscription({"plan_id": plan["id"], "total_count": 12})
        account.authenticate(made["id"])
    return str(made["id"])


def test_an_adopted_subscription_is_applied_renewed_and_cancelled_as_if_it_had_been_bought_here(till: Till) -> None:
    till.seller.access.grant(USER, SOLUTION)
    subscription = earlier_subscription(till)
    till.seller.deliver()
    assert till.seller.plan() == "registered"
    run = till("payments", "adopt", subscription, *WHO, "--plan", "pro")
    assert (run.returncode, run.stdout) == (0, f"{subscription} is pro of {SOLUTION} for {USER}\n"), run.stderr
    assert till("payments", "adopt", subscription, *WHO, "--plan", "pro").returncode == 0
    assert till("payments", "reconcile").returncode == 0
    assert till.seller.plan() == "pro"
    till.seller.now += 31 * DAY
    with till.seller.account() as account:
        account.charge(subscription)
    till.seller.deliver()
    assert till.seller.states() == ["paid", "paid"]
    assert till.seller.plan() == "pro"
    assert till("entitlements", "revoke", *WHO, "--yes").returncode == 0
    with till.seller.account() as account:
        assert account.subscription(subscription)["status"] == "cancelled"


@pytest.mark.parametrize(("amount", "period"), [(39900, "monthly"), (49900, "weekly")])
def test_another_price_is_refused(till: Till, amount: int, period: str) -> None:
    till.seller.access.grant(USER, SOLUTION)
    subscription = earlier_subscription(till, amount, period)
    run = till("payments", "adopt", subscription, *WHO, "--plan", "pro")
    assert run.returncode == 1
    assert "and pro costs ₹499.00 every month: add a plan with that price" in run.stderr
    assert till.seller.payments.books.purchase(subscription) is None


def test_what_cannot_be_adopted_is_refused_and_changes_nothing(till: Till) -> None:
    subscription = earlier_subscription(till)
    run = till("payments", "adopt", subscription, *WHO, "--plan", "pro")
    assert (run.returncode, "does not use faiss-search yet: run gatepass entitlements import" in run.stderr) == (
        1,
        True,
    )
    till.seller.access.grant(USER, SOLUTION)
    till.seller.access.grant(OTHER, SOLUTION)
    for arguments, told in (
        (("sub_/..", *WHO, "--plan", "pro"), "is not the ID of a subscription"),
        ((subscription, *WHO, "--plan", "pack-100"), "pack-100 is no recurring plan of faiss-search: use pro"),
        (("sub_none", *WHO, "--plan", "pro"), "Razorpay refused the request"),
    ):
        run = till("payments", "adopt", *arguments)
        assert (run.returncode, told in run.stderr) == (1, True), run.stderr
    assert till("payments", "adopt", subscription, *WHO, "--plan", "pro").returncode == 0
    run = till("payments", "adopt", subscription, "--user", OTHER, "--solution", SOLUTION, "--plan", "pro")
    assert (run.returncode, f"is pro of {SOLUTION} for {USER}: nothing was changed" in run.stderr) == (1, True)
    with till.seller.account() as account:
        over = account.create_subscription({"plan_id": account.subscription(subscription)["plan_id"], "total_count": 2})
        account.cancel_subscription(over["id"], {})
    run = till("payments", "adopt", over["id"], *WHO, "--plan", "pro")
    assert (run.returncode, "nothing is charged for it any more" in run.stderr) == (1, True)
