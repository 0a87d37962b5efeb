"""A request costs what its route costs, and no spelling of a path is cheaper than the route that it may reach."""

import posixpath
import re
import unicodedata
from collections.abc import Callable
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entitlements.costs import DEFAULT_COST, cost_of

COSTS = {
    "GET /health": 0,
    "GET /items/{id}": 3,
    "GET /items/special": 2,
    "ANY /deep/{rest+}": 4,
    "GET /deep/{rest+}": 5,
    "HEAD /items/special": 1,
    "GET /caf%C3%A9": 6,
    "POST /search": 9,
}


@pytest.mark.parametrize(
    ("method", "path", "cost"),
    [
        ("GET", "/health", 0),
        ("GET", "/health/", 1),  # some route it as another path, which has the default cost
        ("POST", "/health", 1),
        ("GET", "/elsewhere", 1),
        ("GET", "/items/7", 3),
        ("GET", "/items/two%20words", 3),
        ("GET", "/items/gr%C3%BCn", 3),
        ("GET", "/items/a.b", 3),
        ("GET", "/items/special", 2),
        ("DELETE", "/deep/er/still", 4),
        ("GET", "/deep/er", 5),
        ("GET", "/caf%C3%A9", 6),
        ("GET", "/caf%c3%a9", 6),
        ("GET", "/", 1),
        ("GET", "", 1),
        ("GET", "/$connect", 1),
    ],
)
def test_the_most_specific_route_gives_the_cost(method: str, path: str, cost: int) -> None:
    assert cost_of(COSTS, method, path) == cost


@pytest.mark.parametrize(
    ("path", "cost"), [("/deep/er", 5), ("/health", 0), ("/items/7", 3), ("/items/special", 1), ("/elsewhere", 1)]
)
def test_head_costs_what_get_costs_except_where_it_has_a_price_itself(path: str, cost: int) -> None:
    assert cost_of(COSTS, "HEAD", path) == cost


def test_a_priced_head_route_leaves_all_others_as_dear_as_get() -> None:
    assert cost_of({"HEAD /health": 0, "GET /reports": 50}, "HEAD", "/reports") == 50


@pytest.mark.parametrize(
    "path",
    [
        "//items//7/",
        "/a/../items/7",
        "/a/./items/7",
        "/items;v=1/7",
        "/items%20/7",
        "/items/a%2Fb",
        "/items\\7",
        "/%2569tems/7",
        "/items/7#x",
        "/items/7?x",
        "/items/7%00",
        "/items./7",
        "/items%c0%af7",
        "/\uff49tems/7",
        "/%EF%BD%89tems/7",
        "/items/7\ud800",
        "/static/../search;%2f..%2fstatic%2fx",
        "/search/cats%2f..%2f..%2fstatic%2fx",
        "/search;%2f..",
    ],
)
def test_a_path_that_backends_read_differently_costs_the_dearest_entry_of_its_method(path: str) -> None:
    assert cost_of(COSTS, "GET", path) == 6
    assert cost_of(COSTS, "HEAD", path) == 6
    assert cost_of(COSTS, "POST", path) == 9
    assert cost_of(COSTS, "DELETE", path) == 4
    assert cost_of({"GET /health": 0}, "GET", path) == DEFAULT_COST


def test_case_is_read_both_ways() -> None:
    costs = {"GET /search": 1, "GET /{name}": 5, "GET /REPORT": 7, "GET /report": 2, "GET /list": 8}
    assert cost_of(costs, "GET", "/search") == 1
    assert cost_of(costs, "GET", "/Search") == 5
    assert cost_of(costs, "GET", "/report") == 7
    assert cost_of(costs, "GET", "/l\u0131st") == 8  # equalsIgnoreCase of Java takes the dotless i for an i


# ---- against backends -----------------------------------------------------------------------------------------------

READS: dict[str, Callable[[str], str]] = {
    "decodes": unquote,
    "decodes Latin-1": lambda path: unquote(path, "latin-1"),
    "tidies dots": lambda path: posixpath.normpath(path) if path else path,
    "merges slashes": lambda path: re.sub("/+", "/", path),
    "drops parameters": lambda path: re.sub(";[^/]*", "", path),
    "cuts at a semicolon": lambda path: path.partition(";")[0],
    "cuts at a fragment": lambda path: path.partition("#")[0],
    "cuts at a query": lambda path: path.partition("?")[0],
    "cuts at a zero": lambda path: path.partition("\0")[0],
    "turns backslashes": lambda path: path.replace("\\", "/"),
    "folds case": str.casefold,
    "upper case": str.upper,
    "trims segments": lambda path: "/".join(segment.strip() for segment in path.split("/")),
    "trims dots": lambda path: "/".join(segment.rstrip(". ") for segment in path.split("/")),
    "normalises": lambda path: unicodedata.normalize("NFKC", path),
    "drops the last slash": lambda path: path.rstrip("/"),
}
"""What servers, proxies and frameworks do to a path before they route it, in any order."""
ROUTES = {"GET /search": 7, "GET /static/x": 0, "GET /{name}": 2, "GET /search/{q}": 3, "GET /deep/{rest+}": 5}
PIECES = [
    "search", "SEARCH", "static", "x", "deep", "..", ".", "/", "//", "%2f", "%5c", "\\", ";", ";v=1", "%3b", "%2e%2e",
    "%252f", "%2520", "#", "?", "%23", "%00", " ", "%20", ".", "s", "%73", "\uff53", "%ef%bd%93", "\u017f", "q", "\u00e9",
    "%c0%af", "%e9", "%zz", "%",
]  # fmt: skip


def routed(path: str) -> int:
    """The cost of what a backend serves that matches the path that it has made of the request's, exactly."""
    segments = path.strip("/").split("/")
    if segments in (["search"], ["SEARCH"]):
        return 7
    if [segment.lower() for segment in segments] == ["static", "x"]:
        return 0
    if segments[0].lower() == "search" and len(segments) == 2:
        return 3
    if segments[0].lower() == "deep" and len(segments) > 1:
        return 5
    return 2 if len(segments) == 1 and segments[0] else 0


@given(
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
    st.lists(st.sampled_from(list(READS)), max_size=5),
)
def test_whatever_a_backend_makes_of_a_path_the_route_that_it_reaches_is_paid_for(path: str, reads: list[str]) -> None:
    path = f"/{path}"
    paid, served = cost_of(ROUTES, "GET", path), path
    for read in reads:
        served = READS[read](served)
    assert paid >= routed(served)


@given(st.text(st.sampled_from("abcXYZ019-_.~ é"), min_size=1, max_size=9).filter(lambda s: s == s.strip(" .")))
def test_an_ordinary_name_does_not_cost_the_dearest_entry(name: str) -> None:
    assert cost_of(COSTS, "GET", f"/items/{quote(name)}") == (2 if name == "special" else 3)
