"""Visitors register and sign in at the portal, and return to the solution that sent them."""

import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from tests.support.portal_visit import PASSWORD, SOLUTION, Visitor

HOSTILE = "<img src=x onerror=window.hacked=1>"


def test_a_visitor_registers_and_returns_with_a_token_and_the_pages_state(visitor: Visitor) -> None:
    front = visitor.stack.named("the page")
    page = visitor.open(solution_id=SOLUTION, return_to=front, state="the-pages-own")
    assert page.text_content("h1") == "AWS Solution Finder"
    page.click("main >> text=Register")
    page.click("text=Send the code")
    assert page.text_content(".field-error:not(:empty)") == "Enter your email address."
    page.fill("[name=email]", visitor.email)
    page.keyboard.press("Enter")
    page.wait_for_selector("[name=code]")
    assert visitor.focused() == "code"
    page.fill("[name=code]", "999999")
    page.fill("[name=password]", "shortAAAAAAA")
    page.click("text=Create the account")
    page.wait_for_selector(".field-error:has-text('password needs')")
    assert page.get_attribute("[name=password]", "aria-invalid") == "true"
    page.fill("[name=password]", PASSWORD)
    page.click("text=Create the account")
    page.wait_for_selector(".field-error:has-text('This code is wrong, used, or expired')")
    page.fill("[name=code]", visitor.stack.code(visitor.email))
    with page.expect_request(lambda request: "token=" in request.url) as returning:
        page.click("text=Create the account")
    url = urlsplit(returning.value.url)
    answer = parse_qs(url.query)
    assert f"{url.scheme}://{url.netloc}{url.path}" == front
    assert answer["state"] == ["the-pages-own"]
    assert visitor.allowed(answer["token"][0])


def test_the_refusal_that_led_to_the_portal_goes_with_the_registration_also_by_a_paid_plan(visitor: Visitor) -> None:
    page = visitor.open(solution_id=SOLUTION, **{"from": "anonymous_quota_exceeded"})
    page.click("main >> text=Choose pro")
    page.wait_for_selector("h1:text-is('Sign in')")
    page.click("main >> text=Register")
    page.fill("[name=email]", visitor.email)
    with page.expect_request("**/v1/registrations") as asking:
        page.click("text=Send the code")
    page.wait_for_selector("[name=code]")
    page.fill("[name=code]", visitor.stack.code(visitor.email))
    page.fill("[name=password]", PASSWORD)
    with page.expect_request("**/v1/registrations/confirm") as confirming:
        page.click("text=Create the account")
    page.wait_for_selector(".wide-button")
    assert "from" not in json.loads(asking.value.post_data or "")
    assert json.loads(confirming.value.post_data or "")["from"] == "anonymous_quota_exceeded"


def test_the_whole_visit_goes_with_a_paid_plan(visitor: Visitor) -> None:
    """Also where the service learns of it only with the sign-in that the purchase needs."""
    visit = {"solution_id": SOLUTION, "return_to": visitor.stack.named("the page"), "state": "the-pages-own"}
    visitor.has_account()
    page = visitor.open(**visit)
    page.click("main >> text=Choose pro")
    page.wait_for_selector("h1:text-is('Sign in')")
    with page.expect_request("**/v1/sessions") as signing_in:
        visitor.signs_in()
    page.wait_for_selector(".wide-button")
    sent = json.loads(signing_in.value.post_data or "")
    assert {name: sent.get(name) for name in visit} == visit


def test_a_user_who_is_signed_in_finds_the_way_back_to_the_solutions_page(visitor: Visitor) -> None:
    visitor.signed_in()
    page = visitor.open(solution_id=SOLUTION)
    assert page.query_selector("main >> text=Continue to") is None
    visit = {"solution_id": SOLUTION, "return_to": visitor.stack.named("the page"), "state": "the-pages-own"}
    visitor.open(**visit, plan="pro")
    assert page.query_selector("main >> text=Choose the free plan") is None
    page.goto(visit["return_to"])
    assert not page.evaluate("gatepass.signedIn")
    page.goto(page.evaluate("gatepass.link()"))
    visitor.loaded()
    page.click("main >> text=Continue to AWS Solution Finder")
    page.wait_for_url(visit["return_to"])
    # Without a question: its state is the page's own.
    page.wait_for_function("gatepass.signedIn")
    assert page.locator("gatepass-dialog").count() == 0


def test_a_session_that_ended_meanwhile_is_asked_for_again_and_the_visit_goes_on(visitor: Visitor) -> None:
    visitor.signed_in()
    visit = {"solution_id": SOLUTION, "return_to": visitor.stack.named("the page"), "state": "the-pages-own"}
    page = visitor.open(**visit)
    session = json.loads(page.evaluate("sessionStorage.getItem('gatepass.portal.session')"))["id_token"]
    assert visitor.ask("DELETE", "/v1/sessions", token=session)[0] == 200
    page.click("main >> text=Continue to AWS Solution Finder")
    page.wait_for_selector("text=You were signed out. Sign in again.")
    with page.expect_request(lambda request: "token=" in request.url) as returning:
        visitor.signs_in()
    assert "state=the-pages-own" in returning.value.url


def test_who_has_gone_elsewhere_meanwhile_stays_there(visitor: Visitor) -> None:
    visitor.signed_in()
    page = visitor.open(solution_id=SOLUTION, state="s")
    held: list[Any] = []
    page.route("**/v1/visits", lambda route: held.append(route))
    page.click("main >> text=Continue to AWS Solution Finder")
    page.click("nav >> text=Account")
    page.wait_for_selector("h1:text-is('Account')")
    with page.expect_response("**/v1/visits"):
        held[0].continue_()
    page.evaluate("new Promise((done) => setTimeout(done, 200))")
    assert page.url.endswith("/account")


def test_who_cannot_go_on_is_told_why_and_stays(visitor: Visitor) -> None:
    visitor.signed_in()
    page = visitor.open(solution_id=SOLUTION, return_to="https://evil.example.com/", state="s")
    page.click("main >> text=Continue to AWS Solution Finder")
    page.wait_for_selector("[role=alert]:has-text('The address to return to is not a page of this solution.')")
    page.route("**/v1/visits", lambda route: route.abort())
    page.click("main >> text=Continue to AWS Solution Finder")
    page.wait_for_selector("[role=alert]:has-text('The service does not answer.')")
    assert page.locator("main [role=alert]").count() == 1


def test_the_visit_goes_with_a_user_who_looks_at_plans_or_does_not_use_the_solution_yet(visitor: Visitor) -> None:
    visit = {"solution_id": SOLUTION, "state": "the-pages-own", "from": "quota_exceeded"}
    visitor.signed_in()
    page = visitor.open(**visit)
    page.click("main >> text=Choose pro")
    page.click("main >> text=See the other plans")
    page.wait_for_selector("main >> text=Continue to AWS Solution Finder")
    missing = {"type": "urn:gatepass:entitlement_missing"}
    cors = {"access-control-allow-origin": "*"}
    page.route("**/v1/checkout", lambda route: route.fulfill(status=401, headers=cors, json=missing))
    page.click("main >> text=Choose pro")
    page.wait_for_selector("main >> text=Start with AWS Solution Finder")
    page.unroute("**/v1/checkout")
    with page.expect_request("**/v1/visits") as going_on:
        page.click("main >> text=Start with AWS Solution Finder")
    assert json.loads(going_on.value.post_data or "") == visit
    page.wait_for_selector(".wide-button")
    assert dict(parse_qsl(urlsplit(page.url).query)) == visit | {"plan": "pro"}


def test_a_user_of_another_solution_may_choose_the_free_plan(visitor: Visitor) -> None:
    visitor.signed_in()
    page = visitor.page
    cors = {"access-control-allow-origin": "*"}
    page.route("**/v1/entitlements", lambda route: route.fulfill(headers=cors, json={"entitlements": []}))
    for query in ({}, {"solution_id": SOLUTION}):
        visitor.open(**query)
        with page.expect_request(lambda request: "token=" in request.url):
            page.click("main >> text=Choose the free plan")
        page.wait_for_url(lambda url: "/portal/" not in url)
    page.unroute("**/v1/entitlements")
    page.route("**/v1/entitlements", lambda route: route.abort())
    visitor.open()
    assert page.query_selector("main >> text=Choose pro") is not None
    assert page.query_selector("main >> text=Choose the free plan") is None


def test_a_user_signs_in_and_returns_to_the_solution(visitor: Visitor) -> None:
    visitor.has_account()
    page = visitor.open("sign-in", solution_id=SOLUTION, state="s1")
    visitor.signs_in("wrong-Wrong-1")
    page.wait_for_selector("[role=alert]:has-text('The email address or the password is wrong')")
    assert page.input_value("[name=email]") == visitor.email
    with page.expect_request(lambda request: "token=" in request.url) as returning:
        visitor.signs_in()
    assert "state=s1" in returning.value.url


@pytest.mark.parametrize("return_to", ["https://evil.example/", "javascript:window.hacked=1", HOSTILE])
def test_nobody_is_sent_to_a_page_that_is_not_the_solutions(visitor: Visitor, return_to: str) -> None:
    visitor.has_account()
    page = visitor.open("sign-in", solution_id=SOLUTION, return_to=return_to)
    visitor.signs_in()
    page.wait_for_selector("[role=alert] >> text=/return/")
    assert page.url.startswith(visitor.home)
    assert page.evaluate("window.hacked") is None


def test_what_strangers_write_is_text(visitor: Visitor) -> None:
    page = visitor.open("sign-in", next="//evil.example/", plan="")
    session = {"id_token": "x", "email": HOSTILE, "until": 9e15}
    page.evaluate("s => sessionStorage.setItem('gatepass.portal.session', s)", json.dumps(session))
    visitor.open("account")
    assert HOSTILE in str(page.text_content("main"))
    for route, query in [
        ("", {"solution_id": HOSTILE}),
        ("upgrade", {"solution": HOSTILE, "plan": HOSTILE}),
        ("register", {"solution_id": SOLUTION, "state": HOSTILE}),
    ]:
        visitor.open(route, **query)
        assert page.query_selector("main img") is None
    page.fill("[name=email]", "<img/src=x/onerror=window.hacked=1>@example.com")
    page.click("text=Send the code")
    page.wait_for_selector(".field-error:has-text('Enter an email address such as')")
    assert page.evaluate("window.hacked") is None


def test_a_sign_in_continues_in_the_portal_only(visitor: Visitor) -> None:
    visitor.has_account()
    page = visitor.open("sign-in", next="//evil.example/")
    visitor.signs_in()
    page.wait_for_selector("h1:text-is('My solutions')")
    assert page.url == f"{visitor.home}my-solutions"


def test_a_forgotten_password_is_replaced(visitor: Visitor) -> None:
    visitor.has_account()
    page = visitor.open("sign-in")
    page.click("text=Forgot the password?")
    visitor.sets_password("An0ther-password")
    page.wait_for_selector("text=Your new password is set.")
    assert page.text_content("h1") == "My solutions"


def test_what_the_service_finds_wrong_is_told_at_the_field(visitor: Visitor) -> None:
    page = visitor.open("register")
    page.fill("[name=email]", "name@gmail")
    page.click("text=Send the code")
    page.wait_for_selector(".field:has([name=email][aria-invalid]) .field-error:has-text('such as name@example.com')")
    assert visitor.focused() == "email"
    page.fill("[name=email]", visitor.email)
    page.click("text=Send the code")
    page.wait_for_selector("[name=code]")
    page.fill("[name=code]", "12-3")
    page.fill("[name=password]", f"{PASSWORD} ")
    page.click("text=Create the account")
    page.wait_for_selector(".field:has([name=code][aria-invalid]) .field-error:has-text('letters and digits only')")
    page.wait_for_selector(".field:has([name=password][aria-invalid]) .field-error:has-text('without a space')")
    assert visitor.focused() == "code"
    assert page.query_selector("[role=alert]") is None


def test_a_browser_that_blocks_storage_keeps_its_user_until_the_page_ends(visitor: Visitor) -> None:
    denied = "get() { throw new DOMException('denied', 'SecurityError') }"
    visitor.page.add_init_script(f"Object.defineProperty(window, 'sessionStorage', {{ {denied} }})")
    visitor.signed_in()
    page = visitor.page
    page.click("nav >> text=Account")
    page.wait_for_selector(f"text=You are signed in as {visitor.email}.")
    page.click("main >> text='Sign out'")
    page.wait_for_selector("text=You are signed out.")
    page.wait_for_selector("nav >> text=Sign in")


def test_an_error_of_the_page_itself_is_told_in_words(visitor: Visitor) -> None:
    page = visitor.open("sign-in")
    page.route("**/v1/sessions", lambda route: route.fulfill(headers={"access-control-allow-origin": "*"}, body="null"))
    visitor.signs_in()
    page.wait_for_selector("[role=alert]:has-text('Something went wrong on this page. Reload it, then try again.')")
    assert page.get_attribute("main button[type=submit]", "aria-busy") is None
    assert len(visitor.errors) == 1  # where developers look
    visitor.errors.clear()


def test_trouble_is_told_in_words(visitor: Visitor) -> None:
    page = visitor.open("sign-in")
    cors = {"access-control-allow-origin": "*", "access-control-expose-headers": "retry-after", "retry-after": "120"}
    page.route("**/v1/sessions", lambda route: route.fulfill(status=429, headers=cors, body="{}"))
    visitor.signs_in()
    page.wait_for_selector("text=There were too many attempts. Try again in 2 minutes.")
    page.unroute("**/v1/sessions")
    page.route("**/v1/sessions", lambda route: route.abort())
    visitor.signs_in()
    page.wait_for_selector("text=The service does not answer.")
    page.evaluate("Object.defineProperty(navigator, 'onLine', {value: false})")
    visitor.signs_in()
    page.wait_for_selector("text=You are offline.")
