"""Lists."""

import pytest

from gatepass.local.razorpay import RazorpayRefused
from gatepass.local.razorpay.paging import page

ITEMS = [{"id": n, "created_at": 100 + n} for n in range(120)]


def ids(**query):
    return [item["id"] for item in page(ITEMS, query)["items"]]


def test_a_page_is_a_collection_of_the_ten_newest():
    answer = page(ITEMS, {})
    assert (answer["entity"], answer["count"]) == ("collection", 10)
    assert ids() == list(range(119, 109, -1))


def test_pages_follow_each_other():
    assert ids(count="100") + ids(count="100", skip="100") == list(range(119, -1, -1))


def test_from_and_to_are_inclusive():
    assert ids(**{"from": "105", "to": "107"}) == [7, 6, 5]


@pytest.mark.parametrize("query", [{"count": "101"}, {"count": "0"}, {"skip": "-1"}, {"from": "x"}, {"to": ""}])
def test_a_wrong_parameter_is_named(query):
    with pytest.raises(RazorpayRefused) as refused:
        page(ITEMS, query)
    assert refused.value.body["error"]["field"] == next(iter(query))
