"""The portal's settings and the policy that its browser enforces."""

import re

from gatepass.portal import PAGE, PORTAL, security_policy, with_folder, with_settings


def test_settings_replace_the_contents_and_cannot_break_out_of_them() -> None:
    page = (PORTAL / PAGE).read_text()
    text = with_settings(page, {"solutions": 'one"><script>', "no-such-setting": "x"})
    assert '<meta name="solutions" content="one&quot;&gt;&lt;script&gt;">' in text
    assert len(text.splitlines()) == len(page.splitlines())


def test_the_page_finds_its_files_from_every_address() -> None:
    page = (PORTAL / PAGE).read_text()
    text = with_folder(page, "/shop/")
    told = set(re.findall(r'(?:href|src)="([^"]*)"', text))
    assert told == {"data:,", "#main", "https://razorpay.com/", "/shop/", "/shop/app.js", "/shop/style.css"}
    assert with_folder(text, "/shop/") == text


def test_the_page_holds_nothing_that_the_policy_forbids() -> None:
    page = (PORTAL / PAGE).read_text()
    assert "<style" not in page
    assert " style=" not in page
    assert page.count("<script") == 1
    assert ' src="app.js"' in page


def test_the_policy_allows_razorpay_what_its_checkout_loads() -> None:
    policy = security_policy("https://tokens.example.com/base", "https://checkout.razorpay.com/v1/checkout.js")
    sources = {name: rest for name, _, rest in (part.partition(" ") for part in policy.split("; "))}
    assert sources["default-src"] == "'none'"
    assert sources["script-src"] == "'self' https://checkout.razorpay.com https://cdn.razorpay.com"
    assert sources["frame-src"] == "https://api.razorpay.com"
    assert sources["connect-src"].startswith("https://tokens.example.com https://lumberjack.razorpay.com")
    assert "unsafe" not in policy


def test_a_stand_in_is_allowed_instead_of_razorpay() -> None:
    policy = security_policy("http://127.0.0.1:2", "http://127.0.0.1:3/v1/checkout.js")
    assert "script-src 'self' http://127.0.0.1:3;" in policy
    assert "razorpay.com" not in policy
