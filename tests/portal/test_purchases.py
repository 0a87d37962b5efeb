"""Users buy plans at the portal, cancel them, and see their receipts."""

from typing import TYPE_CHECKING

from tests.support.portal_visit import PASSWORD, SOLUTION, Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Route

PRO = {"solution": SOLUTION, "plan": "pro"}
PACK = {"solution": SOLUTION, "plan": "pack-100"}
WINDOW = "text=Test payment"


def pays(visitor: Visitor, then: str = "Your payment is confirmed") -> None:
    visitor.page.click(".wide-button")
    visitor.page.wait_for_selector(WINDOW)
    visitor.page.click("dialog button.pay")
    visitor.page.wait_for_selector(f"h2:has-text('{then}')")


def test_a_keyboard_alone_buys_pro_after_a_failure_and_cancels_it(visitor: Visitor) -> None:
    visitor.has_account()
    page, press = visitor.open("upgrade", **PRO), visitor.page.keyboard.press
    assert page.text_content("h1") == "Sign in"
    visitor.tabs_to("email")
    page.keyboard.type(visitor.email)
    visitor.tabs_to("password")
    page.keyboard.type(PASSWORD)
    press("Enter")
    page.wait_for_selector(".wide-button")
    assert visitor.focused() == "AWS Solution Finder: pro"
    told = page.inner_text(".summary")
    assert all(part in told for part in ("₹499.00", "₹499.00 every month, until you cancel", "No limit on requests"))
    visitor.tabs_to("Subscribe for ₹499.00 every month")
    press("Enter")
    page.wait_for_selector("dialog button.pay")
    visitor.tabs_to("Fail")
    press("Enter")
    page.wait_for_selector(".outcome >> text=You can repeat the payment.")
    press("Escape")
    page.wait_for_selector("text=The payment failed, and you closed the window. Nothing was charged.")
    assert visitor.focused().startswith("Subscribe for")
    press("Enter")
    page.wait_for_selector("dialog button.pay")
    visitor.tabs_to("Pay")
    press("Enter")
    page.wait_for_selector("h2:has-text('Your payment is confirmed')")
    assert visitor.focused() == "Thank you. Your payment is confirmed"
    visitor.tabs_to("My solutions")
    press("Enter")
    page.wait_for_selector(".mine .badge:text-is('pro')")
    assert "The subscription of pro renews by itself: ₹499.00 on" in page.inner_text(".mine")

    visitor.tabs_to("Cancel subscription")
    press("Enter")
    page.wait_for_selector("dialog[open]")
    assert visitor.focused() == "Keep as it is"
    press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert visitor.focused().startswith("Cancel subscription")
    press("Enter")
    visitor.tabs_to("Cancel the subscription")
    press("Enter")
    page.wait_for_selector("text=The subscription is cancelled. You keep pro until")
    page.click("text=Take pro again")
    page.wait_for_selector(".summary >> text=when the time that is paid for ends")
    visitor.open("receipts")
    assert "AWS Solution Finder, pro" in page.inner_text(".receipts")
    assert "₹499.00" in page.inner_text(".receipts")


def test_what_is_paid_for_is_replaced_only_by_those_who_agree(visitor: Visitor) -> None:
    visitor.signed_in()
    page = visitor.open("upgrade", **PRO)
    pays(visitor)
    visitor.open("upgrade", **PRO)
    page.wait_for_selector("text=You have this subscription already.")
    visitor.open("upgrade", **PACK)
    assert "This replaces the plan pro" in page.inner_text(".notice.warn")
    assert "The subscription of pro is cancelled" in page.inner_text(".summary")
    page.click(".wide-button")
    page.wait_for_selector("text=Tick the box to continue.")
    assert visitor.focused() == "replace"
    page.check("[name=replace]")
    pays(visitor)
    page.click("main >> text=My solutions")
    page.wait_for_selector(".mine >> text=0 of 100 requests used, 100 left.")


def test_a_window_that_does_not_open_charges_nothing_and_can_be_repeated(visitor: Visitor) -> None:
    visitor.signed_in()
    page = visitor.open("upgrade", **PACK)
    page.route("**/v1/checkout.js", lambda route: route.abort())
    page.click(".wide-button")
    page.wait_for_selector("text=payment window could not be loaded, so nothing was charged.")
    page.unroute("**/v1/checkout.js")
    page.click(".wide-button")
    page.wait_for_selector(WINDOW)
    page.keyboard.press("Escape")
    page.wait_for_selector("text=You closed the payment window. Nothing was charged.")
    pays(visitor)


def test_a_payment_whose_answer_is_lost_or_late_is_completed_without_another(visitor: Visitor) -> None:
    visitor.signed_in()
    page = visitor.open("upgrade", **PACK)
    page.route("**/v1/checkout/complete", lambda route: route.abort())
    pays(visitor, "Your payment is not confirmed yet")
    assert "Do not pay again." in page.inner_text("main")
    page.unroute("**/v1/checkout/complete")

    def pending(route: "Route") -> None:
        body = {"solution_id": SOLUTION, "status": "pending", "plan": "registered", "paid_until": None}
        route.fulfill(status=202, json=body, headers={"access-control-allow-origin": "*"})

    page.route("**/v1/checkout/complete", pending)
    page.click("text=Check again")
    page.wait_for_selector("h2:has-text('Your payment is on its way')")
    page.unroute("**/v1/checkout/complete")
    page.click("text=Check again")
    page.wait_for_selector("h2:has-text('Your payment is confirmed')")
    visitor.open("receipts")
    assert len(page.query_selector_all(".receipts > li")) == 1


def test_terms_that_change_meanwhile_are_shown_before_anybody_pays(visitor: Visitor) -> None:
    visitor.signed_in()

    def cheaper(route: "Route") -> None:
        answer = route.fetch()
        preview = answer.json()["preview"] | {"amount": 100, "price": "₹1.00 for 100 requests"}
        route.fulfill(response=answer, json={"preview": preview})

    visitor.page.route("**/v1/checkout", cheaper)
    page = visitor.open("upgrade", **PACK)
    page.unroute("**/v1/checkout")
    page.click("text=Pay ₹1.00 for 100 requests")
    page.wait_for_selector("text=The terms have just changed. Nothing was charged")
    page.wait_for_selector("text=Pay ₹99.00 for 100 requests")
    assert page.query_selector(WINDOW) is None
