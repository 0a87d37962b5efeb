"""What holds for every page of the portal: light, narrow, and usable by everybody."""

import pytest

from tests.support.emulators import ROOT, unavailable
from tests.support.portal_visit import SOLUTION, Visitor

AXE = ROOT / ".tools" / "axe-core" / "node_modules" / "axe-core" / "axe.min.js"
MOST_BYTES = 100_000
NARROW = 360
"""CSS pixels, the width of a small telephone."""
PUBLIC: list[tuple[str, dict[str, str]]] = [
    ("", {}),
    ("", {"solution_id": SOLUTION}),
    ("register", {}),
    ("sign-in", {}),
    ("password", {}),
    ("no-such-page", {}),
]
OWN: list[tuple[str, dict[str, str]]] = [
    ("my-solutions", {}),
    ("upgrade", {"solution": SOLUTION, "plan": "pro"}),
    ("upgrade", {"solution": SOLUTION, "plan": "no-such-plan"}),
    ("receipts", {}),
    ("account", {}),
]


@pytest.fixture
def accessible(visitor: Visitor) -> Visitor:
    """A visitor whose tab has axe-core, which an init script puts past the policy of the page."""
    if not AXE.exists():
        unavailable("axe-core (make tools)")
    visitor.page.add_init_script(path=AXE)
    return visitor


def violations(visitor: Visitor) -> list[str]:
    script = "async () => (await axe.run()).violations.map((one) => `${one.impact} ${one.id}: ${one.nodes[0].html}`)"
    found: list[str] = visitor.page.evaluate(script)
    return found


def test_every_page_is_accessible_in_both_colour_schemes(accessible: Visitor) -> None:
    found: dict[str, list[str]] = {}
    for pages in (PUBLIC, OWN):
        if pages is OWN:
            accessible.signed_in()
        for route, query in pages:
            page = accessible.open(route, **query)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                found[f"{route} {query} {scheme}"] = violations(accessible)
    accessible.page.goto(accessible.stack.named("the inbox"))
    accessible.page.wait_for_selector("#mails li")
    found["inbox"] = violations(accessible)
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
