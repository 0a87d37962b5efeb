"""What holds for every page of the portal: light, narrow, and usable by everybody."""

from tests.support.axe import violations
from tests.support.portal_visit import SOLUTION, Visitor

MOST_BYTES = 100_000
NARROW = 360
"""CSS pixels, the width of a small telephone."""
PUBLIC: list[tuple[str, dict[str, str]]] = [
    ("", {}),
    ("", {"solution_id": SOLUTION}),
    ("register", {}),
    ("sign-in", {}),
    ("password", {}),
    ("no-such/page", {}),
]
OWN: list[tuple[str, dict[str, str]]] = [
    ("my-solutions", {}),
    ("upgrade", {"solution": SOLUTION, "plan": "pro"}),
    ("upgrade", {"solution": SOLUTION, "plan": "no-such-plan"}),
    ("receipts", {}),
    ("account", {}),
]


def test_every_page_is_accessible_in_both_colour_schemes(visitor: Visitor) -> None:
    found: dict[str, list[str]] = {}
    for pages in (PUBLIC, OWN):
        if pages is OWN:
            visitor.signed_in()
        for route, query in pages:
            page = visitor.open(route, **query)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                found[f"{route} {query} {scheme}"] = violations(visitor.page)
    visitor.page.goto(visitor.stack.named("the inbox"))
    visitor.page.wait_for_selector("#mails li")
    found["inbox"] = violations(visitor.page)
    assert {where: what for where, what in found.items() if what} == {}
    assert len(found) == 2 * len(PUBLIC + OWN) + 1


def test_every_page_is_narrow_and_light(visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": NARROW, "height": 740})
    weights: list[int] = []
    visitor.page.on("response", lambda answer: weights.append(len(answer.body())) if answer.ok else None)
    for pages in (PUBLIC, OWN):
        if pages is OWN:
            visitor.signed_in()
        for route, query in pages:
            weights.clear()
            page = visitor.open(route, **query)
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROW, route
            assert 20_000 < sum(weights) < MOST_BYTES, route
    page.goto(f"{visitor.home}my-solutions")
    page.wait_for_selector("nav >> text=Account")
    assert page.eval_on_selector_all("nav a", "links => new Set(links.map((one) => one.offsetTop)).size") == 1
    page.click("text=Show token")
    page.wait_for_selector("text=Hide token")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW


def test_a_page_names_itself_and_takes_the_focus(visitor: Visitor) -> None:
    page = visitor.open()
    page.keyboard.press("Tab")
    assert visitor.focused() == "Skip to the content"
    page.click("nav >> text=Register")
    page.wait_for_selector("h1:text-is('Register')")
    assert (page.title(), visitor.focused()) == ("Register · Local marketplace", "Register")
    assert page.get_attribute("nav a[aria-current=page]", "href") == "/portal/register"
    page.go_back()
    page.wait_for_selector("h1:text-is('Solutions')")
    assert visitor.focused() == "Solutions"
