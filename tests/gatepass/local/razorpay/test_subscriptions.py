"""Plans, and what requests do to subscriptions."""

import pytest

from gatepass.local.razorpay import PaymentOutcome, RazorpayRefused

ITEM = {"name": "Pro", "amount": 49900, "currency": "INR"}
PLAN = {"period": "monthly", "interval": 1, "item": ITEM}


def refusal(call, *args):
    with pytest.raises(RazorpayRefused) as refused:
        call(*args)
    return refused.value.body["error"]["description"]


@pytest.fixture
def active(account, subscribe):
    subscription_id = subscribe()
    account.authenticate(subscription_id)
    return subscription_id


def test_a_plan_has_the_shape_of_razorpays(account):
    plan = account.create_plan(PLAN | {"notes": {"solution": "search"}})
    assert (plan["period"], plan["interval"], plan["notes"]) == ("monthly", 1, {"solution": "search"})
    assert plan["item"].items() >= (ITEM | {"active": True, "unit_amount": 49900, "type": "plan"}).items()
    assert account.plan(plan["id"]) == plan
    assert account.plans() == [plan]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"period": None}, "period field is required"),
        ({"period": "hourly"}, "period is invalid"),
        ({"interval": None}, "interval field is required"),
        ({"interval": 0}, "must be at least 1"),
        ({"interval": "1"}, "must be an integer"),
        ({"period": "daily", "interval": 6}, "must be at least 7"),
        ({"item": None}, "item field is required"),
        ({"item": ITEM | {"name": ""}}, "name field is required"),
        ({"item": ITEM | {"amount": 99}}, "at least INR 1.00"),
        ({"item": ITEM | {"currency": "inr"}}, "not supported"),
        ({"item": ITEM | {"offer": 1}}, "offer is not required"),
        ({"offer_id": "o"}, "offer_id is not required"),
    ],
)
def test_a_wrong_plan_is_refused(account, change, words):
    assert words in refusal(account.create_plan, PLAN | change)
    assert account.plans() == []


def test_a_daily_plan_of_a_week_is_accepted(account):
    assert account.create_plan(PLAN | {"period": "daily", "interval": 7})["interval"] == 7


def test_a_new_subscription_is_created_and_nothing_of_it_is_paid(account, plan_id):
    subscription = account.create_subscription({"plan_id": plan_id, "total_count": 12, "notes": {"user": "u-1"}})
    assert subscription == {
        "id": subscription["id"], "entity": "subscription", "plan_id": plan_id, "customer_id": None,
        "status": "created", "current_start": None, "current_end": None, "ended_at": None, "quantity": 1,
        "notes": {"user": "u-1"}, "charge_at": None, "start_at": None, "end_at": None, "auth_attempts": 0,
        "total_count": 12, "paid_count": 0, "customer_notify": True, "created_at": 1_764_000_000, "expire_by": None,
        "short_url": f"https://rzp.io/checkout?subscription_id={subscription['id']}", "has_scheduled_changes": False,
        "change_scheduled_at": None, "source": "api", "payment_method": None, "pause_initiated_by": None,
        "cancel_initiated_by": None, "remaining_count": 12,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"plan_id": None}, "plan_id field is required"),
        ({"plan_id": 7}, "plan_id must be a string"),
        ({"plan_id": "plan_none"}, "id provided does not exist"),
        ({"total_count": None}, "total_count field is required"),
        ({"total_count": 0}, "must be at least 1"),
        ({"total_count": 1202}, "within 100 years"),
        ({"total_count": 10**15}, "within 100 years"),
        ({"quantity": 0}, "must be at least 1"),
        ({"start_at": 1_764_000_000}, "start_at must be at least"),
        ({"expire_by": 1}, "expire_by must be at least"),
        ({"customer_notify": "yes"}, "must be true or false"),
        ({"addons": []}, "addons is not required"),
    ],
)
def test_a_wrong_subscription_is_refused(account, plan_id, change, words):
    assert words in refusal(account.create_subscription, {"plan_id": plan_id, "total_count": 3} | change)
    assert account.subscriptions() == []


def test_a_retry_doubles_a_subscription_for_it_has_no_idempotency(account, subscribe):
    assert subscribe() != subscribe()
    assert len(account.subscriptions()) == 2


def test_a_later_start_shows_when_the_last_charge_will_be(account, subscribe):
    subscription = account.subscription(subscribe(start_at=1_764_268_200))  # midnight in India
    assert (subscription["start_at"], subscription["charge_at"]) == (1_764_268_200, 1_764_268_200)
    assert subscription["end_at"] == 1_764_268_200 + (31 + 30) * 24 * 3600


@pytest.mark.parametrize("limit", ["start_at", "expire_by"])
def test_who_authenticates_too_late_finds_it_expired(account, subscribe, clock, limit):
    subscription_id = subscribe(**{limit: clock.now + 100})
    clock.now += 99
    assert account.subscription(subscription_id)["status"] == "created"
    clock.now += 1
    assert account.subscription(subscription_id)["status"] == "expired"
    with pytest.raises(ValueError, match="is expired, not created"):
        account.authenticate(subscription_id)


@pytest.mark.parametrize("body", [{}, {"cancel_at_cycle_end": 0}, {"cancel_at_cycle_end": False}])
def test_cancelled_is_final(account, active, told, body):
    told.new()
    subscription = account.cancel_subscription(active, body)
    assert (subscription["status"], subscription["ended_at"], subscription["charge_at"]) == (
        "cancelled", 1_764_000_000, None,
    )  # fmt: skip
    assert told.names() == ["subscription.cancelled"]
    for call in (account.cancel_subscription, account.pause_subscription, account.resume_subscription):
        assert "in cancelled status" in refusal(call, active, {})
    with pytest.raises(ValueError, match="is cancelled"):
        account.charge(active)


def test_the_end_with_the_cycle_shows_in_no_field_and_can_be_asked_for_again(account, active, clock, told):
    told.new()
    before = account.subscription(active)
    for _ in range(2):
        assert account.cancel_subscription(active, {"cancel_at_cycle_end": 1}) == before
    clock.now = before["current_end"] - 1
    account.let_time_pass()
    assert told.names() == []
    clock.now += 1
    account.let_time_pass()
    assert told.names() == ["subscription.cancelled"]
    assert account.subscription(active)["ended_at"] == before["current_end"]


def test_without_a_cycle_there_is_no_end_of_one(account, subscribe):
    created = subscribe()
    assert "no billing cycle is going on" in refusal(
        account.cancel_subscription, created, {"cancel_at_cycle_end": True}
    )
    assert account.cancel_subscription(created, {})["status"] == "cancelled"


def test_the_last_cycle_has_no_end_to_wait_for(account, subscribe):
    last = subscribe(total_count=2)
    account.authenticate(last)
    account.charge(last, PaymentOutcome.FAILED)
    assert "the last cycle is going on" in refusal(account.cancel_subscription, last, {"cancel_at_cycle_end": 1})


def test_an_expired_one_is_not_cancellable_in_the_documented_words(account, subscribe, clock):
    subscription_id = subscribe(expire_by=clock.now + 1)
    clock.now += 1
    with pytest.raises(RazorpayRefused) as refused:
        account.cancel_subscription(subscription_id, {})
    assert refused.value.body == {
        "error": {
            "code": "BAD_REQUEST_ERROR",
            "description": "Subscription is not cancellable in expired status.",
            "field": "status",
        }
    }


def test_resumed_says_active(account, active, told):
    before = account.subscription(active)
    told.new()
    paused = account.pause_subscription(active, {"pause_at": "now"})
    assert (paused["status"], paused["charge_at"], paused["pause_initiated_by"]) == ("paused", None, "self")
    with pytest.raises(ValueError, match="is paused"):
        account.charge(active)
    resumed = account.resume_subscription(active, {"resume_at": "now"})
    assert (resumed["status"], resumed["charge_at"]) == ("active", before["charge_at"])
    shown = [(event["event"], event["payload"]["subscription"]["entity"]["status"]) for event in told.new()]
    assert shown == [("subscription.paused", "paused"), ("subscription.resumed", "active")]


def test_what_a_customer_paused_the_customer_alone_resumes(account, active):
    assert account.pause_by_customer(active)["pause_initiated_by"] == "customer"
    assert "Only the party that paused" in refusal(account.resume_subscription, active, {})
    assert account.resume_by_customer(active)["status"] == "active"


def test_pausing_an_authenticated_one_cancels_it(account, subscribe, clock, told):
    subscription_id = subscribe(start_at=clock.now + 1000)
    account.authenticate(subscription_id)
    told.new()
    assert account.pause_subscription(subscription_id, {})["status"] == "cancelled"
    assert told.names() == ["subscription.cancelled"]


def test_only_an_active_one_is_paused_and_only_a_paused_one_resumed(account, active, subscribe):
    assert "in created status" in refusal(account.pause_subscription, subscribe(), {})
    assert "in active status" in refusal(account.resume_subscription, active, {})
    account.charge(active, PaymentOutcome.FAILED)
    assert "in pending status" in refusal(account.pause_subscription, active, {})


def test_neither_pause_nor_resume_can_be_for_later(account, active):
    assert "pause_at must be now" in refusal(account.pause_subscription, active, {"pause_at": "cycle_end"})
    assert "resume_at must be now" in refusal(account.resume_subscription, active, {"resume_at": "later"})


def test_subscriptions_are_listed_by_plan(account, subscribe):
    mine = subscribe()
    other = account.create_plan(PLAN)["id"]
    account.create_subscription({"plan_id": other, "total_count": 1})
    assert [s["id"] for s in account.subscriptions(account.subscription(mine)["plan_id"])] == [mine]
    assert account.subscriptions("plan_none") == []
