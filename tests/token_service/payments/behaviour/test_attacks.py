"""What nobody may achieve by forged, replayed, or odd requests, through the HTTP API where a request can differ."""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entitlements.refusals import Refused
from gatepass.local.razorpay import EventTime, PaymentOutcome, Quirks
from gatepass.local.razorpay.webhooks import Delivery, sign
from tests.support import emulators
from tests.support.api import ADDRESS, EMAIL, Api
from tests.support.in_process_razorpay import InProcessRazorpay
from tests.support.interruptions import Interruptions
from tests.support.market import START
from tests.support.memory_dynamodb import MemoryDynamoDB
from tests.support.seller import KEY_ID, KEY_SECRET, PLANS, WEBHOOK_SECRET, Seller
from tests.support.signer import SOLUTION, USER
from tests.support.table import Table
from token_service.payments.settlement import Unmatched
from token_service.payments_handler import work
from token_service.web.edge import MAX_EVENT, WEBHOOK_PATH

SECRET = {"key_id": KEY_ID, "key_secret": KEY_SECRET, "webhook_secret": WEBHOOK_SECRET}


def code_of(answer: Any) -> str:
    """The code of a refusal; empty for another answer."""
    return str(answer.get("type", "")).rpartition(":")[2]


class PaidApi:
    """The HTTP API, which sells, and what Razorpay would send to it."""

    def __init__(self, api: Api, razorpay: InProcessRazorpay) -> None:
        self.api, self.razorpay = api, razorpay
        self.sells(SECRET)
        self.token = api.sign_in()
        self.user = api.user
        api.access.grant(self.user, SOLUTION)

    def sells(self, secret: dict[str, str]) -> None:
        """A new container, with that secret."""
        name = f"razorpay-{secrets.token_hex(6)}"
        emulators.client("secretsmanager", self.api.moto).create_secret(Name=name, SecretString=json.dumps(secret))
        self.settings = replace(self.api.settings, razorpay_url=self.razorpay.url, razorpay_secret=name)
        self.api.wire(self.settings)

    def order(self) -> str:
        status, answer = self.api.call(
            "POST", "/v1/checkout", {"solution_id": SOLUTION, "plan": "pack-100"}, bearer=self.token
        )
        assert status == 200, answer
        return str(answer["order_id"])

    def pay(self) -> str:
        order = self.order()
        with self.razorpay.account() as account:
            return str(account.pay(order)["id"])

    def paid_event(self) -> Delivery:
        self.pay()
        with self.razorpay.account() as account:
            return next(one for one in account.outbox.deliveries if one.event == "payment.captured")

    def post(self, body: bytes, signature: str | None, event_id: str = "evt") -> tuple[int, Any]:
        headers = {"x_razorpay_event_id": event_id} | ({} if signature is None else {"x_razorpay_signature": signature})
        text = base64.b64encode(body).decode()
        return self.api.call("POST", WEBHOOK_PATH, text, encoded=True, **headers)

    def granted(self, user: str | None = None) -> int:
        found = self.api.access.find(user or self.user, SOLUTION)
        return 0 if found is None else found.granted or 0

    def stored(self) -> list[Any]:
        return [one for one in self.api.table.all() if one["sk"] == "event"]


@pytest.fixture
def paid_api(moto_endpoint: str, mailbox: Path) -> Iterator[PaidApi]:
    table = Table(emulators.client("dynamodb", moto_endpoint), f"t-{secrets.token_hex(6)}")
    with InProcessRazorpay(KEY_ID, KEY_SECRET, WEBHOOK_SECRET, time.time, Interruptions()) as razorpay:
        yield PaidApi(Api(table, moto_endpoint, mailbox), razorpay)


@pytest.fixture
def seller() -> Iterator[Seller]:
    with selling_in_memory() as made:
        yield made


class selling_in_memory:  # noqa: N801 - a context manager, used as a function
    def __enter__(self) -> Seller:
        times = [float(START)]
        self._razorpay = InProcessRazorpay(KEY_ID, KEY_SECRET, WEBHOOK_SECRET, lambda: times[0], Interruptions())
        self._razorpay.__enter__()
        return Seller(Table(MemoryDynamoDB(), "memory"), self._razorpay, times)

    def __exit__(self, *_: object) -> None:
        self._razorpay.__exit__()


# ---- the webhook's signature -------------------------------------------------------------------------------------------


def test_a_body_that_no_webhook_secret_signed_is_refused_and_not_stored(paid_api: PaidApi) -> None:
    event = paid_api.paid_event()
    signature = event.signature or ""
    forged: list[tuple[bytes, str | None]] = [
        (event.body, None),
        (event.body, ""),
        (event.body, "0" * 64),
        (event.body, "é" * 64),
        (event.body, "\ud800"),
        (event.body, signature[:-1]),
        (event.body, signature.upper()),
        (event.body, sign(event.body, KEY_SECRET)),
        (event.body, sign(event.body, "")),
        (event.body[:-1], signature),
        (event.body + b" ", signature),
        (json.dumps(json.loads(event.body)).encode(), signature),
        (b"", sign(b"", "")),
        (b"\xff\xfe", sign(b"\xff\xfe", KEY_SECRET)),
    ]
    for body, wrong in forged:
        status, answer = paid_api.post(body, wrong)
        assert status == (400 if body.startswith(b"\xff") else 403), (wrong, answer)
    assert (paid_api.stored(), paid_api.granted()) == ([], 0)
    assert paid_api.post(event.body, signature)[0] == 200
    assert paid_api.granted() == 100


def test_a_signed_body_that_is_too_large_or_not_text_is_refused(paid_api: PaidApi) -> None:
    large, binary = b'{"event": "' + b"x" * MAX_EVENT + b'"}', b'{"event": "\xff"}'
    assert paid_api.post(large, sign(large, WEBHOOK_SECRET))[0] == 413
    assert paid_api.post(binary, sign(binary, WEBHOOK_SECRET))[0] == 400
    assert paid_api.stored() == []


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"1e999", b"{", b'{"event": 1}', b"[" * 50_000, b'"payment"'])
def test_signed_nonsense_is_kept_for_the_operator_and_changes_nothing(paid_api: PaidApi, body: bytes) -> None:
    assert paid_api.post(body, sign(body, WEBHOOK_SECRET))[0] == 200
    (entry,) = paid_api.api.services.payments.inbox.entries()
    assert entry.state == "unknown"


def test_a_replay_under_other_event_ids_gives_nothing_more(paid_api: PaidApi) -> None:
    event = paid_api.paid_event()
    for event_id in ("a", "b", "", "../../x", "e" * 500, "é"):
        assert paid_api.post(event.body, event.signature, event_id)[0] == 200
    assert paid_api.granted() == 100


def test_without_a_secret_nothing_is_sold_and_nothing_received(paid_api: PaidApi) -> None:
    event = paid_api.paid_event()
    paid_api.api.wire(replace(paid_api.settings, razorpay_secret=""))
    assert paid_api.post(event.body, event.signature)[0] == 503
    bought = paid_api.api.call(
        "POST", "/v1/checkout", {"solution_id": SOLUTION, "plan": "pack-100"}, bearer=paid_api.token
    )
    assert (bought[0], code_of(bought[1])) == (503, "payments_not_configured")


def test_an_empty_webhook_secret_signs_nothing(paid_api: PaidApi) -> None:
    event = paid_api.paid_event()
    for secret in (SECRET | {"webhook_secret": ""}, {"key_id": KEY_ID, "key_secret": KEY_SECRET}):
        paid_api.sells(secret)
        assert paid_api.post(event.body, sign(event.body, ""))[0] == 503  # the operator has to add it
    paid_api.sells(SECRET | {"webhook_secret": "new", "previous_webhook_secret": WEBHOOK_SECRET})
    assert paid_api.post(event.body, event.signature)[0] == 200  # a retry from before the rotation


def test_a_rotated_secret_is_read_again_once_a_minute(seller: Seller) -> None:
    seller.pay("pack-100")
    events = seller.events()
    seller.secret["webhook_secret"] = "new"
    with pytest.raises(Refused):  # read within this minute
        seller.deliver([replace(events[0], signature=sign(events[0].body, "new"))])
    seller.now += 61
    seller.deliver([replace(one, signature=sign(one.body, "new")) for one in events])
    assert seller.held().granted == 100


# ---- Checkout's return -------------------------------------------------------------------------------------------------


def test_only_who_ordered_can_complete_a_payment_and_only_as_razorpay_signed_it(paid_api: PaidApi) -> None:
    payment = paid_api.pay()
    with paid_api.razorpay.account() as account:
        returned = account.checkout_return(payment)
        event = account.outbox.deliveries[-1]
    order, signature = returned["razorpay_order_id"], returned["razorpay_signature"]
    other = paid_api.api.sign_in("other@example.com")

    def complete(bearer: str = paid_api.token, **changes: str) -> tuple[int, str]:
        status, answer = paid_api.api.call("POST", "/v1/checkout/complete", returned | changes, bearer=bearer)
        return status, code_of(answer)

    assert complete(other) == (403, "payment_unsigned")
    swapped = {"razorpay_payment_id": order, "razorpay_order_id": payment}
    for wrong in (
        swapped,
        {"razorpay_payment_id": "pay_other"},
        {"razorpay_order_id": "order_other"},
        {"razorpay_signature": str(event.signature)},
        {"razorpay_signature": sign(f"{payment}|{order}".encode(), KEY_SECRET)},
        {"razorpay_signature": sign(f"{order}|{payment}".encode(), WEBHOOK_SECRET)},
        {"razorpay_signature": "é" * 64},
        {"razorpay_signature": ""},
    ):
        assert complete(**wrong) == (403, "payment_unsigned"), wrong
    for path in ("pay_/../../orders", "pay_x?count=1", "pay_x#", "pay_%2e", "pay_\n"):
        assert complete(razorpay_payment_id=path)[1] == "request_invalid"
    as_event = f"{order}|{payment}".encode()
    assert paid_api.post(as_event, signature)[0] == 403
    assert (paid_api.granted(), paid_api.granted(paid_api.api.user)) == (0, 0)
    assert complete() == complete() == (200, "")
    assert paid_api.granted() == 100


def test_a_payment_for_one_order_does_not_complete_another(seller: Seller) -> None:
    """Whoever can sign with the key secret alone decides which pair is true: what was paid is asked for."""
    cheap = seller.pay("pack-100")
    dear = seller.order("forever", replace=True)
    signature = sign(f"{dear}|{cheap}".encode(), KEY_SECRET)
    seller.payments.checkout.complete(USER, cheap, dear, "", signature)
    assert (seller.plan(), seller.held().granted) == ("pack-100", 100)


def test_nothing_secret_or_personal_is_logged(paid_api: PaidApi, caplog: pytest.LogCaptureFixture) -> None:
    event = paid_api.paid_event()
    with paid_api.razorpay.account() as account:
        failed = account.pay(account.create_order({"amount": 100, "currency": "INR"})["id"])
        account.create_refund(failed["id"], {"amount": 100})
        deliveries = list(account.outbox.deliveries)
    for one in (*deliveries, replace(event, body=b"{}", signature=sign(b"{}", WEBHOOK_SECRET), event_id="odd")):
        paid_api.post(one.body, one.signature, one.event_id)
    paid_api.post(event.body, "wrong")
    emulators.client("secretsmanager", paid_api.api.moto).put_secret_value(
        SecretId=paid_api.settings.razorpay_secret, SecretString=json.dumps({"key_secret": KEY_SECRET})
    )
    paid_api.api.wire(paid_api.settings)
    assert paid_api.post(event.body, event.signature)[0] == 503
    written = "".join(f"{vars(record)}" for record in caplog.records)
    assert "event_unknown" in written
    for private in (KEY_SECRET, WEBHOOK_SECRET, EMAIL, ADDRESS, "payer@example.com", "+919000090000"):
        assert private not in written


# ---- what Razorpay signs, and what is not for us -------------------------------------------------------------------------


def signed(document: Any, event_id: str = "evt_odd") -> Delivery:
    body = json.dumps(document).encode()
    return Delivery(event_id, str(document.get("event")), body, sign(body, WEBHOOK_SECRET))


@pytest.mark.parametrize(
    ("field", "value"), [("amount", 9899), ("amount", 1), ("amount", 9901), ("currency", "USD"), ("currency", "inr")]
)
def test_another_amount_or_currency_than_ordered_gives_nothing(seller: Seller, field: str, value: Any) -> None:
    seller.pay("pack-100")
    document = json.loads(next(one for one in seller.events() if one.event == "payment.captured").body)
    document["payload"]["payment"]["entity"][field] = value
    seller.deliver([signed(document)])
    assert (seller.plan(), seller.held().granted) == ("registered", None)
    assert seller.to_do() == [("unmatched", "wrong_amount")]


def test_what_another_business_of_the_account_sells_is_listed_and_gives_nothing(seller: Seller) -> None:
    seller.order("pack-100")
    with seller.account() as account:
        order = account.create_order({"amount": 9900, "currency": "INR", "notes": {"user": USER, "plan": "forever"}})
        account.pay(order["id"])
    seller.deliver()
    assert (seller.plan(), set(seller.to_do())) == ("registered", {("unmatched", "no_checkout")})


def test_what_was_ordered_holds_though_the_solution_changes_before_the_payment(seller: Seller) -> None:
    orders = {plan: seller.order(plan) for plan in ("pack-100", "pass-30")}
    changed = PLANS | {"pack-100": {"credits": 5, "price": {"amount": 100, "currency": "INR"}}}
    del changed["pass-30"]
    seller.table.put_solution(plans=changed, status="disabled")
    with seller.account() as account:
        for order in orders.values():
            account.pay(order)
    seller.deliver()
    assert (seller.plan(), seller.held().granted) == ("pack-100", 100)
    assert set(seller.to_do()) == {("unmatched", "plan_unknown")}
    seller.table.put_solution(seller.solution)
    seller.now += 61
    work(seller.payments, seller.now, lambda: 900)
    assert (sorted(seller.states()), {state for state, _ in seller.to_do()}) == (["paid", "paid"], {"lapse"})


def test_a_payment_after_the_end_of_access_is_sent_back_and_one_during_a_suspension_counts(seller: Seller) -> None:
    order = seller.order("pack-100")
    seller.access.suspend(USER, SOLUTION)
    with seller.account() as account:
        account.pay(order)
    seller.deliver()
    assert (seller.held().plan, seller.held().granted, seller.held().status) == ("pack-100", 100, "suspended")
    seller.access.resume(USER, SOLUTION)
    late = seller.order("forever", replace=True)
    seller.payments.settlement.end_subscriptions(USER, SOLUTION)
    seller.access.close(USER, SOLUTION)
    with seller.account() as account:
        account.pay(late)
    seller.deliver()
    seller.deliver()
    assert (seller.held().plan, sorted(seller.states())) == ("pack-100", ["paid", "refunded"])


def test_money_that_is_only_held_is_not_taken_from_who_lost_access(seller: Seller) -> None:
    order = seller.order("forever")
    seller.access.revoke(USER, SOLUTION)
    with seller.account() as account:
        payment = account.pay(order, PaymentOutcome.AUTHORIZED)["id"]
    seller.deliver()
    with seller.account() as account:
        assert account.payment(payment)["status"] == "authorized"
    assert seller.states() == []


ODD_SHAPES = st.builds(
    Quirks,
    created_at=st.sampled_from(EventTime),
    activated_without_payment=st.booleans(),
    captured_as_text=st.booleans(),
    completed_counts_one_less=st.booleans(),
    disputed_payment_is_authorized=st.booleans(),
    empty_notes_are_an_object=st.booleans(),
)


@pytest.mark.long
@settings(max_examples=30, deadline=None)
@given(quirks=ODD_SHAPES)
def test_events_in_every_odd_shape_mean_the_same(quirks: Quirks) -> None:
    with selling_in_memory() as seller:
        with seller.account() as account:
            account.outbox.quirks = quirks
        payment = seller.pay("pro")
        seller.deliver()
        assert seller.plan() == "pro"
        with seller.account() as account:
            dispute = account.open_dispute(payment)["id"]
        seller.deliver()
        assert seller.plan() == "registered"
        with seller.account() as account:
            account.resolve_dispute(dispute, "won")
        seller.deliver()
        assert (seller.plan(), seller.states(), seller.to_do()) == ("pro", ["paid"], [])


def paths(document: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Each value in a document, by the way to it."""
    inside = document.items() if isinstance(document, dict) else enumerate(document) if type(document) is list else ()
    for key, value in inside:
        yield (*before, key)
        yield from paths(value, (*before, key))


def with_value(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    copy = json.loads(json.dumps(document))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy


def unpaid_events() -> list[dict[str, Any]]:
    """What happens without a payment: none of it may give anything, whatever stands in it."""
    with selling_in_memory() as seller:
        order, subscription = seller.order("forever"), seller.order("pro")
        with seller.account() as account:
            account.pay(order, PaymentOutcome.FAILED)
            account.authenticate(subscription, PaymentOutcome.FAILED)
            account.cancel_subscription(subscription, {})
        return [json.loads(one.body) for one in seller.events()]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["paid", "authorized", "refunded", "active", "../..", "pay_x", "a" * 101]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
UNPAID = unpaid_events()


@pytest.mark.long
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_field_of_an_event_makes_an_error_or_a_grant(data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(UNPAID))
    path = data.draw(st.sampled_from(list(paths(document))))
    with selling_in_memory() as seller:
        order, subscription = seller.order("forever"), seller.order("pro")
        with seller.account() as account:  # the same ids, unpaid
            assert {account.order(order)["id"], account.subscription(subscription)["id"]} == {order, subscription}
        seller.deliver([signed(with_value(document, path, data.draw(JSON)))])
        assert (seller.plan(), seller.states()) == ("registered", [])


def test_a_completion_of_a_foreign_payment_is_unmatched(seller: Seller) -> None:
    mine = seller.order("pack-100")
    with seller.account() as account:
        foreign = account.pay(account.create_order({"amount": 9900, "currency": "INR"})["id"])["id"]
    with pytest.raises(Unmatched):
        seller.payments.checkout.complete(USER, foreign, mine, "", sign(f"{mine}|{foreign}".encode(), KEY_SECRET))
    assert seller.plan() == "registered"
