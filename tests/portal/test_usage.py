"""Operators see at the portal what solutions are used for, what they earn, and whom they refused; users see their days.

But for one test, the API is answered here, in the shape that docs/api.md has.
"""

import base64
import json
import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from tests.support.axe import violations
from tests.support.portal_visit import SOLUTION, Visitor
from tests.support.usage_answer import own_answer, quiet_answer, usage_answer
from tests.support.walk import PICTURES

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

CORS = {"access-control-allow-origin": "*", "access-control-allow-headers": "*"}
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
PROBLEM = "application/problem+json"
FORBIDDEN = {"type": "urn:gatepass:usage_forbidden", "status": 403, "detail": "no"}
MINUS = "\N{MINUS SIGN}"
WIDTHS = {"light": 1280, "dark": 360}


class Operator:
    """Signed in with groups, and an API that answers with the same figures to whoever asks for the same days."""

    def __init__(self, visitor: Visitor, *names: str, groups: tuple[str, ...] = ("operators",)) -> None:
        self.visitor, self.page, self.names = visitor, visitor.page, names
        self.asked: list[dict[str, str]] = []
        self.authorized: set[str] = set()
        self.page.route("**/v1/usage?*", self.answer)
        visitor.open("sign-in")
        self.signs_in(groups)

    def signs_in(self, groups: tuple[str, ...]) -> None:
        """With an ID token that only the page reads."""
        claims = {"sub": "u", "given_name": "ÿ?>", **({"cognito:groups": groups} if groups else {})}
        payload = base64.urlsafe_b64encode(json.dumps(claims, ensure_ascii=False).encode()).rstrip(b"=").decode()
        self.token = f"e30.{payload}.c2ln"
        session = json.dumps({"id_token": self.token, "email": "op@example.com", "until": 9e15})
        self.page.evaluate("s => sessionStorage.setItem('gatepass.portal.session', s)", session)

    def answer(self, route: "Route") -> None:
        query = {name: values[-1] for name, values in parse_qs(urlsplit(route.request.url).query).items()}
        if query["from"] != query["to"]:  # a single day only says which solutions there are
            self.asked.append(query)
        self.authorized.add(route.request.headers.get("authorization", ""))
        one = query.get("solution_id")
        if one and one not in self.names:
            return route.fulfill(status=403, body=json.dumps(FORBIDDEN), headers=CORS, content_type=PROBLEM)
        period = (date.fromisoformat(query["from"]), date.fromisoformat(query["to"]))
        body = usage_answer(*period, *([one] if one else self.names))
        return route.fulfill(body=json.dumps(body), headers=CORS, content_type="application/json")

    def opens(self, **query: str) -> "Page":
        self.visitor.open("usage", **query)
        return self.page


def drawn(page: "Page", least: int = 1) -> int:
    """How many charts there are, once there are so many and none of them is blank."""
    page.wait_for_function(
        """(least) => document.querySelectorAll(".plot").length >= least && [...document.querySelectorAll(".plot")].every((one) => {
          const canvas = one.querySelector("canvas");
          return canvas && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean);
        })""",
        arg=least,
    )
    return page.locator(".plot").count()


def row(page: "Page", table: str, name: str) -> list[str]:
    """The cells of a row, as they are read."""
    named = page.locator("th[scope=row]").filter(has_text=re.compile(rf"^{re.escape(name)}$"))
    found = page.locator(f"[aria-label='Table: {table}'] tr", has=named)
    return [text.strip() for text in found.locator("td").all_inner_texts()]


def test_every_figure_is_beside_the_period_before_and_every_chart_is_a_table_too(visitor: Visitor) -> None:
    operator = Operator(visitor, "one")
    page = operator.opens(since=FIRST.isoformat(), until=LAST.isoformat())
    (expected,) = usage_answer(FIRST, LAST, "one")["solutions"]
    total, before = expected["total"], expected["before"]
    assert page.text_content("h1") == "Usage of The one"
    assert operator.asked == [{"from": "2026-11-01", "to": "2026-11-30"}]
    assert operator.authorized == {f"Bearer {operator.token}"}
    assert "“Before” is 2 October 2026 to 31 October 2026." in page.inner_text("main")
    assert drawn(page) == 3
    assert page.locator("figure:has(details)").count() == 3
    for name, chart in (("Units spent, by day and plan", "units"), ("Refused at a limit, by day", "refused")):
        page.click(f"figure:has(figcaption:text-is('{name}')) summary")
        assert page.locator(f"[aria-label='Table: {name}'] tbody tr").count() == len(expected["days"]), chart
    units = expected["days"][4]["units"]
    plans = ["anonymous", "pro", "registered"]
    cells = [str(units[plan]) for plan in plans] + [str(sum(units.values()))]
    assert row(page, "Units spent, by day and plan", "5 Nov") == cells
    registered, then = total["units"]["registered"], before["units"]["registered"]
    change = round((registered / then - 1) * 100)
    assert change < 0
    assert row(page, "Units spent by plan", "registered") == [str(registered), str(then), f"{MINUS}{-change} %"]
    assert row(page, "Units spent by plan", "pro") == ["1,200", "1,200", "\N{PLUS-MINUS SIGN}0 %"]
    share = f"{round(total['registrations'] / total['visitor_days'] * 100)} %"
    assert row(page, "From visitor to customer", "Registrations")[:2] == [str(total["registrations"]), share]
    walls = {one["reason"]: one for one in total["refused"]}["anonymous_quota_exceeded"]
    told = f"{walls['subjects']} visitors hit the free limit, {walls['registered']} registered, {walls['paid']} paid"
    assert f"{told} within 7 days." in page.inner_text(".sentences li >> nth=0")
    assert row(page, "Revenue by plan, INR", "pro")[:3] == ["₹1,996.00", "₹0.00", "₹1,996.00"]


def test_a_bar_is_as_high_as_the_sum_of_its_plans(visitor: Visitor) -> None:
    """The highest of the week, whose layers are those of the legend."""
    page = Operator(visitor, "one").opens(since="2026-11-01", until="2026-11-07")
    drawn(page)
    days = usage_answer(FIRST, date(2026, 11, 7), "one")["solutions"][0]["days"]
    page.locator(".plot .u-over").first.hover(position={"x": 40, "y": 40})
    read = page.inner_text(".told >> nth=0")
    first = days[0]["units"]
    assert read == f"1 Nov: anonymous {first['anonymous']}, pro {first['pro']}, registered {first['registered']}"
    colours = page.evaluate(
        """() => {
          const canvas = document.querySelector(".plot canvas"), pixels = canvas.getContext("2d");
          const wanted = [...document.querySelectorAll(".legend")[0].querySelectorAll(".swatch")]
            .map((one) => getComputedStyle(one).backgroundColor);
          const {left, width} = document.querySelector(".plot .u-over").getBoundingClientRect();
          const at = Math.round((left - canvas.getBoundingClientRect().left + width * 1.6 / 7.2) * devicePixelRatio);
          const heights = wanted.map(() => 0);
          for (let y = 0; y < canvas.height; y++) {
            const [r, g, b] = pixels.getImageData(at, y, 1, 1).data, place = wanted.indexOf(`rgb(${r}, ${g}, ${b})`);
            if (place >= 0) heights[place]++;
          }
          return heights;
        }"""
    )
    second = days[1]["units"]
    shares = [second[plan] / sum(second.values()) for plan in ("anonymous", "pro", "registered")]
    assert [height / sum(colours) for height in colours] == pytest.approx(shares, abs=0.03)


def test_a_period_is_chosen_by_link_or_by_dates_and_a_solution_by_the_list(visitor: Visitor) -> None:
    operator = Operator(visitor, "one", "two")
    page = operator.opens()
    today = datetime.now(UTC).date()
    assert (today - date.fromisoformat(operator.asked[-1]["from"])).days == 29
    assert page.text_content("h1") == "Usage"
    assert page.get_attribute(".period a[aria-current]", "href") == "/portal/usage?days=30"
    page.click("table >> text=The two")
    page.wait_for_selector("h1:text-is('Usage of The two')")
    page.click(".period >> text=7 days")
    page.wait_for_selector(".period a[aria-current]:text-is('7 days')")
    visitor.loaded()
    assert page.text_content("h1") == "Usage of The two"
    assert (today - date.fromisoformat(operator.asked[-1]["from"])).days == 6
    page.fill("[name=since]", "2026-11-09")
    page.fill("[name=until]", "2026-11-08")
    page.click("main >> text=Show")
    page.wait_for_selector("[role=alert]:has-text('The first day must not be after the last.')")
    page.fill("[name=until]", "2026-11-10")
    page.select_option("[name=of]", "one")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:text-is('Usage of The one')")
    visitor.loaded()
    assert operator.asked[-1] == {"from": "2026-11-09", "to": "2026-11-10", "solution_id": "one"}
    assert page.locator(".period a[aria-current]").count() == 0
    page.go_back()
    page.wait_for_selector("h1:text-is('Usage of The two')")


def test_the_link_is_there_for_groups_and_the_api_decides(visitor: Visitor) -> None:
    operator = Operator(visitor, "one", groups=())
    problem: dict[str, Any] = dict(FORBIDDEN)
    page = operator.opens()
    assert page.locator("nav >> text=Usage").count() == 0
    for groups, shown in [(("others",), 0), (("owners-one",), 1), (("others", "operators"), 1)]:
        operator.signs_in(groups)
        operator.opens()
        assert page.locator("nav >> text=Usage").count() == shown, groups
    page.route(
        "**/v1/usage?*",
        lambda route: route.fulfill(status=403, body=json.dumps(problem), headers=CORS, content_type=PROBLEM),
    )
    operator.opens()
    assert "Only operators, and owners of a solution, see its usage." in page.inner_text("main")
    problem |= {"type": "urn:gatepass:period_invalid", "detail": "the period has more than 366 days"}
    operator.opens()
    assert "The period has more than 366 days." in page.inner_text("[role=alert]")
    page.unroute("**/v1/usage?*")
    page.route("**/v1/usage?*", operator.answer)
    operator.opens(of="another")
    assert "You do not own this solution" in page.inner_text("[role=alert]")


def test_an_operator_sees_the_solutions_and_a_user_their_days_of_the_api_itself(visitor: Visitor) -> None:
    visitor.has_account()
    told = visitor.stack.exported
    cognito: Any = boto3.client(
        "cognito-idp", endpoint_url=told["AWS_ENDPOINT_URL"], region_name=told["AWS_REGION"],
        aws_access_key_id="local", aws_secret_access_key="local",
    )  # fmt: skip
    (pool,) = cognito.list_user_pools(MaxResults=2)["UserPools"]
    cognito.create_group(UserPoolId=pool["Id"], GroupName="operators")
    cognito.admin_add_user_to_group(UserPoolId=pool["Id"], GroupName="operators", Username=visitor.email)
    page = visitor.open("usage")
    assert page.text_content("h1") == "Sign in"
    visitor.signs_in()
    page.wait_for_selector("h1:text-is('Usage of AWS Solution Finder')")
    assert page.get_attribute("nav a[aria-current=page]", "href") == "/portal/usage"
    page.fill("[name=since]", "2025-01-01")
    page.fill("[name=until]", "2026-11-10")
    page.click("main >> text=Show")
    page.wait_for_selector("[role=alert]:has-text('ask for at most 366')")
    visitor.open("my-solutions")
    page.click("text=Your last 90 days")
    page.wait_for_selector(".own-days >> text=none in this period")


def test_the_page_is_for_everybody_and_any_width(visitor: Visitor) -> None:
    operator = Operator(visitor, "one", "a-second-one-with-a-long-name")
    page = operator.page
    weights: list[int] = []
    page.on("response", lambda answer: weights.append(len(answer.body())) if "/portal/" in answer.url else None)
    found = {}
    PICTURES.mkdir(parents=True, exist_ok=True)
    for scheme, width in WIDTHS.items():
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 800})
        for of in ("", "one"):
            weights.clear()
            operator.opens(since="2026-11-01", until="2026-11-30", of=of)
            drawn(page, 3 if of else 0)
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, of)
            page.screenshot(path=PICTURES / f"usage-{of or 'all'}-{width}-{scheme}.png", full_page=True)
            if not of and scheme == "light":
                continue  # what it shows is on the other pages too
            found[scheme, of] = violations(page)
            assert sum(weights) < 160_000
    assert {where: what for where, what in found.items() if what} == {}


def test_a_chart_follows_the_colour_scheme_and_the_width(visitor: Visitor) -> None:
    page = Operator(visitor, "one").opens()
    drawn(page)
    looks = "() => [document.querySelector('.plot canvas').toDataURL(), document.querySelector('.uplot').clientWidth]"
    light, wide = page.evaluate(looks)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("light => document.querySelector('.plot canvas').toDataURL() !== light", arg=light)
    page.set_viewport_size({"width": 400, "height": 700})
    page.wait_for_function("wide => document.querySelector('.uplot').clientWidth < wide / 2", arg=wide)


def test_without_the_library_the_tables_remain(visitor: Visitor) -> None:
    operator = Operator(visitor, "one")
    operator.page.route("**/vendor/*.js", lambda route: route.abort())
    page = operator.opens()
    page.wait_for_selector(".plot >> text=The chart could not be drawn.")
    page.wait_for_selector("[aria-label='Table: Units spent, by day and plan'] >> visible=true")


def test_nothing_is_drawn_of_what_did_not_happen(visitor: Visitor) -> None:
    operator = Operator(visitor)
    quiet = quiet_answer(FIRST, LAST, "one")
    operator.page.route(
        "**/v1/usage?*",
        lambda route: route.fulfill(body=json.dumps(quiet), headers=CORS, content_type="application/json"),
    )
    page = operator.opens()
    told = page.inner_text("main")
    assert "Units spent, by day and plan: none in this period." in told
    assert "Nobody was refused at a limit" in told
    assert "Nobody paid" in told
    assert (page.locator("canvas").count(), "NaN" in told, "Infinity" in told) == (0, False, False)
    assert operator.page.evaluate("typeof window.uPlot") == "undefined"


def test_users_see_their_own_days_when_they_open_them(visitor: Visitor) -> None:
    asked: list[str] = []

    def answer(route: "Route") -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            return route.abort()
        own = own_answer(LAST, SOLUTION)
        return route.fulfill(body=json.dumps(own), headers=CORS, content_type="application/json")

    page = visitor.page
    page.route("**/v1/usage/mine?*", answer)
    visitor.signed_in()
    assert (asked, page.evaluate("typeof window.uPlot")) == ([], "undefined")
    visitor.tabs_to("Your last 90 days")
    page.keyboard.press("Enter")
    page.wait_for_selector(".own-days [role=alert]:has-text('The service does not answer.')")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert drawn(page) == 1
    assert [urlsplit(url).query for url in asked] == [f"solution_id={SOLUTION}"] * 2
    page.keyboard.press("Tab")
    assert visitor.focused().startswith("As a table")
    page.keyboard.press("Enter")
    name = "Requests by day, AWS Solution Finder"
    assert page.locator(f"[aria-label='Table: {name}'] tbody tr").count() == 90
    assert row(page, name, "Total") == [str(sum(one["units"] for one in own_answer(LAST, SOLUTION)["days"]))]
    for scheme, width in WIDTHS.items():
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 800})
        page.screenshot(path=PICTURES / f"own-days-{width}-{scheme}.png", full_page=True)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
