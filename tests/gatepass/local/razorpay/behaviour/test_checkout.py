"""Checkout in Chromium, on a page of another origin, and hosted."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl

import pytest
import razorpay
from razorpay.errors import SignatureVerificationError

from tests.support.browser import browser_context

SDK = razorpay.Client(auth=("rzp_test_key", "key-secret"))
OPEN = """options => {
  window.told = [];
  const checkout = new Razorpay({
    ...options,
    handler: returned => told.push(["paid", returned]),
    modal: {ondismiss: () => told.push(["dismissed"])},
  });
  checkout.on("payment.failed", ({error}) => told.push(["failed", error.metadata.payment_id]));
  document.querySelector("button").focus();
  checkout.open();
}"""


@pytest.fixture(scope="module")
def browser(processes):
    with browser_context() as context:
        yield context


class Shop(HTTPServer):
    """A page of another origin. It is a real one: Chromium lets no page of elsewhere ask a loopback address."""

    page = b""
    posted: list[dict[str, str]]


class ShopHandler(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self):
        self.answer(self.server.page)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.posted.append(dict(parse_qsl(body)))
        self.answer(b"thanks")

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


@pytest.fixture(scope="module")
def shop_server():
    server = Shop(("127.0.0.1", 0), ShopHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def shop(browser, shop_server, stand_in):
    page = browser.new_page()
    errors: list[object] = []
    page.on("pageerror", lambda error: errors.append(error))
    script = f'<script src="{stand_in.url}/v1/checkout.js"></script>'
    shop_server.posted = []
    shop_server.page = (
        f"<!doctype html><title>Shop</title><style>div, dialog, h2 {{ display: none }}</style>{script}<body><button>Buy</button>"
    ).encode()
    page.goto(f"http://127.0.0.1:{shop_server.server_port}/")
    yield page
    page.close()
    assert errors == []


@pytest.fixture
def order_id(stand_in):
    with stand_in.account() as account:
        return account.create_order({"amount": 12_345_600, "currency": "INR"})["id"]


@pytest.fixture
def subscription_id(stand_in):
    item = {"name": "Pro", "amount": 12340, "currency": "KWD"}
    with stand_in.account() as account:
        plan = account.create_plan({"period": "monthly", "interval": 1, "item": item})
        return account.create_subscription({"plan_id": plan["id"], "total_count": 12})["id"]


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def told(page, count):
    page.wait_for_function("count => told.length === count", arg=count)
    return page.evaluate("told")


def test_an_order_fails_is_tried_again_and_is_paid(shop, stand_in, order_id):
    shop.evaluate(
        OPEN, {"key": "rzp_test_key", "order_id": order_id, "name": "Market", "prefill": {"email": "a@b.example"}}
    )
    dialog = shop.get_by_role("dialog", name="Market")
    dialog.get_by_text("₹1,23,456.00").wait_for()
    press(shop, "Fail")
    (failed,) = told(shop, 1)
    dialog.get_by_text(f"Payment failed: {failed[1]}").wait_for()
    press(shop, "Pay")
    _, (kind, returned) = told(shop, 2)
    assert (failed[0], kind, returned["razorpay_order_id"]) == ("failed", "paid", order_id)
    assert SDK.utility.verify_payment_signature(returned)
    assert dialog.count() == 0
    assert shop.evaluate("document.activeElement.textContent") == "Buy"
    with stand_in.account() as account:
        assert account.order(order_id)["status"] == "paid"
        assert account.payment(returned["razorpay_payment_id"])["email"] == "a@b.example"


def test_a_subscription_is_paid_by_keyboard(shop, stand_in, subscription_id):
    shop.evaluate(OPEN, {"key": "rzp_test_key", "subscription_id": subscription_id})
    shop.get_by_text("KWD 12.340 every month, 12 payments in total.").wait_for()
    shop.keyboard.press("Enter")  # the focus is on Pay
    ((_, returned),) = told(shop, 1)
    assert SDK.utility.verify_subscription_payment_signature(returned)
    with pytest.raises(SignatureVerificationError):
        SDK.utility.verify_subscription_payment_signature(returned | {"razorpay_subscription_id": "sub_other"})
    with stand_in.account() as account:
        assert account.subscription(subscription_id)["status"] == "active"


def test_paying_later_fails_now_and_is_authorized_by_the_payers_route(shop, stand_in, order_id):
    shop.evaluate(OPEN, {"key": "rzp_test_key", "order_id": order_id})
    press(shop, "Pay later")
    ((kind, payment_id),) = told(shop, 1)
    assert kind == "failed"
    route = shop.get_by_text("To authorize it").inner_text().rpartition(" ")[2]
    shop.evaluate("url => fetch(url, {method: 'POST'})", stand_in.url + route)
    with stand_in.account() as account:
        assert account.payment(payment_id)["status"] == "authorized"


@pytest.mark.parametrize("by", ["Escape", "Close"])
def test_who_closes_it_pays_nothing(shop, stand_in, order_id, by):
    shop.evaluate(OPEN, {"key": "rzp_test_key", "order_id": order_id})
    shop.get_by_role("button", name="Pay", exact=True).wait_for()
    shop.keyboard.press("Escape") if by == "Escape" else press(shop, "Close")
    assert told(shop, 1) == [["dismissed"]]
    with stand_in.account() as account:
        assert account.payments() == []


def test_a_key_of_another_account_pays_nothing(shop, order_id):
    shop.evaluate(OPEN, {"key": "rzp_test_other", "order_id": order_id})
    shop.get_by_text("The key rzp_test_other does not belong to this account.").wait_for()
    assert shop.get_by_role("button", name="Pay", exact=True).count() == 0


def test_a_page_without_a_handler_is_left_for_the_callback_url(shop, shop_server, order_id):
    options = {"key": "rzp_test_key", "order_id": order_id, "callback_url": "/paid"}
    shop.evaluate("options => new Razorpay(options).open()", options)
    press(shop, "Pay")
    shop.get_by_text("thanks").wait_for()
    assert shop.url.endswith("/paid")
    assert SDK.utility.verify_payment_signature(shop_server.posted[0])


def test_the_hosted_page_pays_a_subscription_once(browser, stand_in, subscription_id):
    page = browser.new_page()
    page.set_viewport_size({"width": 360, "height": 640})
    with stand_in.account() as account:
        hosted = account.subscription(subscription_id)["short_url"]
    page.goto(hosted)
    press(page, "Pay")
    page.get_by_text("Paid: pay_").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.get_by_role("main").bounding_box()["width"] == 328
    page.reload()
    page.get_by_text("There is nothing to pay: the subscription is active.").wait_for()
    page.close()
