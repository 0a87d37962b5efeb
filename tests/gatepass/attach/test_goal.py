"""What a run is asked for, and what it takes over from one that was cut off."""

import pytest

from gatepass.attach.goal import AttachOptions

EARLIER = AttachOptions("arn:earlier", ("POST /search",), ("GET /health",), True, True)


def test_a_run_that_asks_for_nothing_finishes_the_earlier_one() -> None:
    again = AttachOptions("arn:now").or_those_of(EARLIER)
    assert again == AttachOptions("arn:now", ("POST /search",), ("GET /health",), True, True)


@pytest.mark.parametrize(
    "options",
    [
        AttachOptions("arn:now", only=("GET /a",)),
        AttachOptions("arn:now", except_=("GET /a",)),
        AttachOptions("arn:now", replace_auth=True),
        AttachOptions("arn:now", replace_responses=True),
    ],
)
def test_a_run_that_asks_for_something_is_taken_at_its_word(options: AttachOptions) -> None:
    assert options.or_those_of(EARLIER) == options


def test_routes_that_are_gone_are_not_asked_for() -> None:
    assert EARLIER.within({"POST /search"}) == AttachOptions("arn:earlier", ("POST /search",), (), True, True)
