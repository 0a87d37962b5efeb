"""GET /v1/usage and /v1/usage/mine: who may see which figures, and in which shape."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from entitlements.items import listing_key, usage_key, use_key
from tests.support.api import Api
from tests.support.signer import SOLUTION
from token_service.web.usage_models import OwnUsage, UsageReport

OTHER = "other-search"
OWNER, OPERATOR = "owner@example.com", "operator@example.com"


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def units(number: int) -> dict[str, Any]:
    return {"units#registered": number}


@pytest.fixture
def api(real_api: Api) -> Api:
    """With two solutions, and figures of both today."""
    api = real_api
    api.table.put_solution(solution_id=OTHER, name="Other Search")
    for n, solution in enumerate((SOLUTION, OTHER)):
        api.table.put(*listing_key(solution))
        for shard in (0, 15):
            day = usage_key(solution, shard, today().replace("-", ""))
            api.table.put(*day, revision=1, users=1, **units(10 + n))
    return api


def claiming(api: Api, groups: Any) -> str:
    """An ID token with any value as the groups."""
    return api.claiming(**{"cognito:groups": groups})


def seen(api: Api, bearer: str, query: str = "") -> list[str]:
    status, answer = api.call("GET", f"/v1/usage{query}", bearer=bearer)
    assert status == 200, answer
    return [one["solution_id"] for one in answer["solutions"]]


def refused(api: Api, bearer: str | None, query: str = "") -> tuple[int, str]:
    """The problem, which says nothing of any solution."""
    status, answer = api.call("GET", f"/v1/usage{query}", bearer=bearer)
    assert api.headers["Content-Type"] == "application/problem+json"
    assert "Search" not in json.dumps(answer)
    assert "Finder" not in json.dumps(answer)
    return status, answer["type"].removeprefix("urn:gatepass:")


def test_an_operator_sees_every_solution_in_the_documented_shape(api: Api) -> None:
    bearer = api.sign_in(OPERATOR, "operators")
    status, answer = api.call("GET", "/v1/usage", bearer=bearer)
    assert (status, api.headers["Cache-Control"]) == (200, "no-store")
    assert UsageReport(**answer).model_dump(by_alias=True) == answer
    assert answer["to"] == today()
    assert [(one["solution_id"], one["name"]) for one in answer["solutions"]] == [
        (SOLUTION, "AWS Solution Finder"),
        (OTHER, "Other Search"),
    ]
    assert [len(one["days"]) for one in answer["solutions"]] == [30, 30]
    assert answer["solutions"][1]["days"][-1]["units"] == {"registered": 22}
    assert answer["solutions"][1]["total"]["user_days"] == 2


def test_an_operator_may_ask_for_one_solution_and_for_a_period(api: Api) -> None:
    bearer = api.sign_in(OPERATOR, "operators")
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    query = f"?solution_id={OTHER}&from={yesterday}&to={yesterday}"
    [one] = api.call("GET", f"/v1/usage{query}", bearer=bearer)[1]["solutions"]
    assert (one["solution_id"], [day["day"] for day in one["days"]]) == (OTHER, [yesterday])
    assert one["total"]["units"] == {}
    assert refused(api, bearer, "?solution_id=none-such") == (404, "solution_unknown")


def test_an_owner_sees_what_they_own_and_learns_of_nothing_else(api: Api) -> None:
    bearer = api.sign_in(OWNER, f"owners-{SOLUTION}")
    assert seen(api, bearer) == seen(api, bearer, f"?solution_id={SOLUTION}") == [SOLUTION]
    for other in (OTHER, "none-such"):
        assert refused(api, bearer, f"?solution_id={other}") == (403, "usage_forbidden")


def test_an_owner_of_two_sees_both(api: Api) -> None:
    assert seen(api, api.sign_in(OWNER, f"owners-{OTHER}", f"owners-{SOLUTION}")) == [SOLUTION, OTHER]


def test_without_a_token_or_a_group_nobody_sees_figures(api: Api) -> None:
    bearer = api.sign_in(
        "stranger@example.com", "Operators", "operators-eu", "owners-", f"owner-{SOLUTION}", "owners-*"
    )
    for query in ("", f"?solution_id={SOLUTION}", "?solution_id=none-such", "?from=nonsense"):
        assert refused(api, None, query) == (401, "sign_in_required")
        assert refused(api, bearer, query) == (403, "usage_forbidden")
        assert refused(api, api.tokens["AccessToken"], query) == (401, "sign_in_required")


NO_GROUPS: list[Any] = [
    "operators",
    {"operators": True},
    [["operators"]],
    ["operators", 7],
    ["operators", None],
    "['operators']",
    [],
    None,
    True,
    ["operators "],
    [f"owners-{SOLUTION}\n"],
    [f"owners-{SOLUTION}/.."],
]


def test_a_claim_of_another_type_is_no_group(api: Api) -> None:
    api.sign_in()
    for groups in NO_GROUPS:
        assert refused(api, claiming(api, groups)) == (403, "usage_forbidden"), groups


def test_a_list_of_names_is_what_a_claim_must_be(api: Api) -> None:
    api.sign_in()
    assert seen(api, claiming(api, ["others", "operators"])) == [SOLUTION, OTHER]
    assert seen(api, claiming(api, ["others", f"owners-{OTHER}"])) == [OTHER]


def test_who_signed_out_everywhere_or_is_gone_sees_nothing(api: Api) -> None:
    bearer = api.sign_in(OPERATOR, "operators")
    assert api.call("DELETE", "/v1/account", bearer=bearer)[0] == 200
    assert refused(api, bearer) == (401, "sign_in_required")


NO_PERIODS = [
    "?from=2026-11-02&to=2026-11-01",
    "?from=2025-11-30&to=2026-12-01",
    "?from=2026-02-29&to=2026-03-01",
    "?from=20260101",
    "?from=2026-W01-1",
    "?to=now",
    "?to=1999-12-31",
    "?from=0001-01-01&to=0001-01-02",
]


def test_what_is_no_period_is_refused_with_what_to_do(api: Api) -> None:
    bearer = api.sign_in(OPERATOR, "operators")
    told = ("give an earlier", "at most 366", "write YYYY", "2000 to 2999")
    for query in NO_PERIODS:
        status, answer = api.call("GET", f"/v1/usage{query}", bearer=bearer)
        assert (status, answer["type"]) == (422, "urn:gatepass:period_invalid"), query
        assert any(what in answer["detail"] for what in told)


def test_more_than_one_answer_can_hold_is_refused_with_what_to_do(api: Api) -> None:
    for n in range(4):
        api.table.put(*listing_key(f"solution-{n}"))
    bearer = api.sign_in(OPERATOR, "operators")
    year = "?from=2026-01-01&to=2026-12-31"
    status, answer = api.call("GET", f"/v1/usage{year}", bearer=bearer)
    assert (status, answer["type"]) == (422, "urn:gatepass:period_invalid")
    assert answer["detail"].startswith("365 days of 6 solutions are too much")
    assert seen(api, bearer, f"{year}&solution_id={OTHER}") == [OTHER]
    assert len(seen(api, bearer)) == 6


def test_a_damaged_configuration_hides_no_figures(api: Api) -> None:
    api.table.put(f"solution#{OTHER}", "config", document="{")
    [_, other] = api.call("GET", "/v1/usage", bearer=api.sign_in(OPERATOR, "operators"))[1]["solutions"]
    assert (other["name"], other["total"]["units"]) == (OTHER, {"registered": 22})


def test_a_user_sees_their_own_ninety_days_and_nobody_elses(api: Api) -> None:
    somebody = api.sign_in()
    day = today().replace("-", "")
    api.table.put(*use_key(api.user, SOLUTION, day), visitor=False, used=7, revision=1, **units(7))
    api.table.put(*use_key(api.user, OTHER, day), visitor=False, used=5, revision=1, **units(5))
    status, answer = api.call("GET", f"/v1/usage/mine?solution_id={SOLUTION}", bearer=somebody)
    assert (status, answer["solution_id"], len(answer["days"])) == (200, SOLUTION, 90)
    assert OwnUsage(**answer).model_dump() == answer
    assert answer["days"][-1] == {"day": today(), "units": 7}
    assert {one["units"] for one in answer["days"][:-1]} == {0}
    nobody = api.sign_in("nobody@example.com")
    answer = api.call("GET", f"/v1/usage/mine?solution_id={SOLUTION}", bearer=nobody)[1]
    assert {one["units"] for one in answer["days"]} == {0}


def test_ones_own_days_need_a_session_and_a_solution(api: Api) -> None:
    bearer = api.sign_in()
    assert api.call("GET", f"/v1/usage/mine?solution_id={SOLUTION}")[0] == 401
    assert api.call("GET", "/v1/usage/mine?solution_id=none-such", bearer=bearer)[0] == 404
    for query in ("", "?solution_id=UPPER"):
        assert api.call("GET", f"/v1/usage/mine{query}", bearer=bearer)[1]["type"] == "urn:gatepass:request_invalid"
