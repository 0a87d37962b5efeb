"""The pictures of usage: whole, the same each time, and only where matplotlib is."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from gatepass.commands.usage_plot import draw
from token_service.usage.reports import Period, report

LAST = date(2026, 11, 30)
PERIOD = Period(LAST - timedelta(days=29), LAST)


def document(*names: str) -> dict[str, Any]:
    counts = {
        "units#anonymous": 3, "units#pro": 100, "visitors": 30, "registrations": 9, "upgrades": 2,
        "walled#anonymous_quota_exceeded": 42, "registered#anonymous_quota_exceeded": 9,
        "paid#anonymous_quota_exceeded": 2, "revenue#pro#INR": 99800, "refunds#pro#INR": 49900, "revenue#pro#USD": 1500,
    }  # fmt: skip
    reports = [report(name, f"The {name}", PERIOD, {LAST: counts} if n == 0 else {}) for n, name in enumerate(names)]
    return {"from": str(PERIOD.first), "to": str(PERIOD.last), "solutions": reports}


def texts(path: Path) -> list[str]:
    """matplotlib draws letters as paths, and leaves each text beside them in a comment."""
    return [text.strip() for text in re.findall(r"<!--(.*?)-->", path.read_text())]


@pytest.mark.long
def test_a_picture_has_four_panels_with_their_figures_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    path, again = tmp_path / "usage.svg", tmp_path / "again.svg"
    for one in (path, again):
        draw(document("finder"), one)
    assert path.read_bytes() == again.read_bytes()
    assert "dc:date" not in path.read_text()
    assert ElementTree.parse(path).getroot().tag.endswith("svg")  # noqa: S314 - our own figure
    found = texts(path)
    assert "The finder (finder), 2026-11-01 to 2026-11-30" in found
    panels = {"Units by plan", "From visitor to paying user", "Revenue less refunds, by plan"}
    assert panels <= set(found)
    for text in (
        "anonymous",
        "pro",
        "11-01",
        "30",
        "9",
        "2",
        "visitors at the free limit",
        "42",
        "₹499.00",
        "$15.00",
    ):
        assert text in found, text


@pytest.mark.long
def test_a_solution_without_figures_is_drawn_too_and_a_name_is_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "usage.svg"
    draw(document("finder", "$x_{1}$ and $\\frac"), path)
    assert texts(path).count("nothing in this period") == 4
