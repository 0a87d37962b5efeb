"""Who was refused at a limit, read from the decision log."""

import base64
import gzip
from typing import Any

import pytest

from tests.support.events import logs
from tests.support.signer import SOLUTION, USER
from token_service.usage.refusals import Wall, walls
from token_service.usage.stream import Malformed


def found(*lines: Any) -> list[Wall]:
    return list(walls(logs(*lines), lambda solution, at: f"{solution} {at:.0f}"))


LINE = {"reason": "quota_exceeded", "allowed": False, "solution": SOLUTION, "user": USER}


def test_a_user_and_a_visitor_at_a_limit() -> None:
    visitor = LINE | {"reason": "anonymous_quota_exceeded", "user": "anonymous", "visitor": "0123456789abcdef"}
    day = f"{SOLUTION} 1795478400"
    assert found(LINE, visitor) == [
        Wall(SOLUTION, day, "quota_exceeded", USER, False, 1_795_478_400),
        Wall(SOLUTION, day, "anonymous_quota_exceeded", "0123456789abcdef", True, 1_795_478_400),
    ]


@pytest.mark.parametrize(
    "line",
    [
        LINE | {"reason": "ok"},
        LINE | {"reason": "store_unavailable"},
        LINE | {"reason": ["quota_exceeded"]},
        LINE | {"solution": "unknown solution"},
        LINE | {"user": None},
        {"reason": "anonymous_quota_exceeded", "solution": SOLUTION, "user": "anonymous"},
        "START RequestId: 1",
        "[1]",
        "",
    ],
)
def test_other_lines_are_passed_over(line: Any) -> None:
    assert found(line) == []


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"awslogs": {"data": "no base64"}},
        {"awslogs": {"data": base64.b64encode(b"no gzip").decode()}},
        {"awslogs": {"data": base64.b64encode(gzip.compress(b"[]")).decode()}},
        {"awslogs": {"data": base64.b64encode(gzip.compress(b"{}")[:-5]).decode()}},
    ],
)
def test_an_event_of_another_shape_is_malformed(event: Any) -> None:
    with pytest.raises(Malformed):
        list(walls(event, lambda *_: ""))
