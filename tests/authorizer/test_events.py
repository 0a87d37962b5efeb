"""Events as an API's caller can shape them: read in linear time, and never a surprise."""

import time
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authorizer.events import read_event
from tests.support.events import rest_request


def greedy(path: str, decoded: str) -> str:
    event: dict[str, Any] = rest_request(None) | {
        "resource": "/{proxy+}", "path": path, "pathParameters": {"proxy": decoded}
    }  # fmt: skip
    asked = read_event(event)
    assert asked is not None
    return asked.request.path


@pytest.mark.parametrize(
    ("path", "decoded", "read"),
    [
        ("/base/a/b", "a/b", "/a/b"),
        ("/base/a%2Fb/c", "a/b/c", "/a%2Fb/c"),
        ("/base/%C3%A9/b", "é/b", "/%C3%A9/b"),
        ("/base/a//b/", "a//b/", "/a//b/"),
        ("/a/a/a", "a/a", "/a/a"),
        ("/base/%e9/b", "\ufffd/b", "/%e9/b"),
        ("/base/other", "something else", "/something%20else"),
        ("/base/x", "", "/"),
        ("/x/", "", "/"),
        ("", "a", "/a"),
    ],
)
def test_a_greedy_variable_is_read_as_it_was_sent(path: str, decoded: str, read: str) -> None:
    assert greedy(path, decoded) == read


@given(st.lists(st.sampled_from(["a", "%2f", "%41", "é", "%C3%A9", "/", ".", "%", "%e9"]), max_size=9).map("".join))
def test_every_end_of_a_path_is_found_by_what_it_decodes_to(path: str) -> None:
    path = f"/{path}"
    for start in (n + 1 for n, character in enumerate(path) if character == "/"):
        found = greedy(path, unquote(path[start:]))[1:]
        assert unquote(found) == unquote(path[start:])
        assert path.endswith(found)


def test_a_long_path_is_read_in_linear_time() -> None:
    """8 KB are what API Gateway takes: before any token is looked at, nothing may be quadratic in them."""

    def seconds(size: int) -> float:
        path, begun = "/a" * (size // 2), time.process_time()
        for _ in range(3):
            greedy(path, "no end of it")
            greedy(path, path[1:] + "x")
            greedy(path, "%" + path[2:])
        return time.process_time() - begun

    seconds(8_000)
    # Sixteen times as much takes sixteen times as long, with room for a busy machine; quadratic, 256 times.
    assert seconds(128_000) < 80 * max(min(seconds(8_000) for _ in range(3)), 0.0005)
