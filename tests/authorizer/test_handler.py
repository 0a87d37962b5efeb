"""The authorizer as API Gateway meets it: events in, answers out, on a real table."""

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authorizer.answers import AccessNotDecided, Unauthorized
from authorizer.handler import build_gate, make_handler
from entitlements.gate import Gate
from entitlements.items import Key
from entitlements.keyring import KeyState
from entitlements.settings import MissingSetting
from tests.support.emulators import ROOT, free_port
from tests.support.events import (
    ACCOUNT,
    ADDRESS,
    api_request,
    http_1,
    http_2,
    rest_request,
    rest_token,
    websocket_connect,
)
from tests.support.signer import SOLUTION, USER, Signer, ring, secret_of
from tests.support.table import API, PLANS, Table

TOKEN = Signer().token()
NOW = 1_795_478_400.0
BUILDERS: dict[str, Callable[[str | None], dict[str, Any]]] = {
    "rest token": lambda token: rest_token(f"Bearer {token}" if token is not None else None),
    "rest request": rest_request,
    "http 1.0": http_1,
    "http 2.0": http_2,
    "websocket": websocket_connect,
}


class Gatekeeper:
    """A handler with a clock to turn and a log to read."""

    def __init__(self, table: Table) -> None:
        self.table, self.now, self.lines = table, NOW, []  # type: ignore[var-annotated]
        self.handle = make_handler(Gate(table.store), lambda: self.now, self.lines.append)

    def __call__(self, event: Any) -> str:
        """The reason as logged, with the answer checked against it."""
        try:
            answer = self.handle(event, None)
        except Unauthorized as error:
            status = 401 if str(error) == "Unauthorized" else 500
        except AccessNotDecided:
            status = 500
        else:
            allowed = answer.get("isAuthorized")
            if allowed is None:
                (statement,) = answer["policyDocument"]["Statement"]
                allowed = statement["Effect"] == "Allow"
            status = 200 if allowed else 403
            assert answer["context"]["reason"] == self.last["reason"]
            assert all(isinstance(value, str) and value.isascii() for value in answer["context"].values())
        assert self.last["allowed"] == (status == 200)
        self.status = status
        return str(self.last["reason"])

    @property
    def last(self) -> dict[str, Any]:
        line: dict[str, Any] = json.loads(self.lines[-1])
        return line


@pytest.fixture
def gatekeeper(table: Table) -> Gatekeeper:
    table.seed()
    return Gatekeeper(table)


@pytest.mark.parametrize("kind", BUILDERS)
def test_ten_requests_pass_and_the_eleventh_is_refused(gatekeeper: Gatekeeper, kind: str) -> None:
    event = BUILDERS[kind](TOKEN)
    assert [gatekeeper(event) for _ in range(11)] == ["ok"] * 10 + ["quota_exceeded"]
    assert gatekeeper.status == 403


@pytest.mark.parametrize("kind", [k for k in BUILDERS if k != "rest token"])
def test_three_anonymous_requests_of_an_address_pass(gatekeeper: Gatekeeper, kind: str) -> None:
    event = BUILDERS[kind](None)
    reasons = [gatekeeper(event) for _ in range(4)]
    assert reasons == ["ok_anonymous"] * 3 + ["anonymous_quota_exceeded"]


def test_a_refusal_at_a_limit_alone_is_named_in_the_upgrade_link(gatekeeper: Gatekeeper) -> None:
    def link(token: str | None) -> str:
        return str(gatekeeper.handle(http_2(token), None)["context"]["upgradeUrl"])

    plain = "https://marketplace.example.com/solutions?solution_id=faiss-search"
    assert {link(TOKEN) for _ in range(10)} | {link(None) for _ in range(3)} == {plain}
    assert link(TOKEN) == f"{plain}&from=quota_exceeded"
    assert link(None) == f"{plain}&from=anonymous_quota_exceeded"
    gatekeeper.table.put_solution(status="disabled")
    gatekeeper.now += 61
    assert link(None) == plain


def test_a_visitor_is_logged_only_when_refused_and_under_another_pseudonym_each_day(gatekeeper: Gatekeeper) -> None:
    event = http_2(None)
    for _ in range(3):
        gatekeeper(event)
        assert "visitor" not in gatekeeper.last
    names = []
    for later in (0, 3_600, 86_400):
        gatekeeper.now = NOW + later
        assert gatekeeper(event) == "anonymous_quota_exceeded"
        names.append(gatekeeper.last["visitor"])
    assert names[0] == names[1] != names[2]
    assert all(re.fullmatch(r"[0-9a-f]{16}", name) for name in names)
    gatekeeper(http_2(None, ip="198.51.100.8"))
    assert gatekeeper.last["reason"] == "ok_anonymous"
    (stored,) = [item for item in gatekeeper.table.all() if item["pk"].startswith("ip#") and item["total"] == 3]
    logged = "".join(gatekeeper.lines)
    assert ADDRESS not in logged
    assert stored["pk"].removeprefix("ip#") not in logged
    for _ in range(11):
        gatekeeper(http_2(TOKEN))
    assert (gatekeeper.last["reason"], "visitor" in gatekeeper.last) == ("quota_exceeded", False)


def test_a_token_authorizer_sees_no_address_and_so_has_no_anonymous_tier(gatekeeper: Gatekeeper) -> None:
    assert gatekeeper(rest_token(None)) == "token_missing"
    assert gatekeeper.status == 401


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize("bad", ["", "null", "undefined", "a.b.c", TOKEN[:-1], f"{TOKEN},Bearer {TOKEN}"])
def test_a_bad_token_is_never_taken_for_an_anonymous_request(gatekeeper: Gatekeeper, kind: str, bad: str) -> None:
    before = len(gatekeeper.table.calls)
    assert gatekeeper(BUILDERS[kind](bad)) == "token_malformed"
    assert gatekeeper.status == 401
    assert "UpdateItem" not in gatekeeper.table.calls[before:]


def test_the_answer_of_a_rest_api_covers_its_whole_stage(gatekeeper: Gatekeeper) -> None:
    """A policy for the one method would, from a cache, refuse all others (auth0-samples#8)."""
    answer = gatekeeper.handle(rest_request(TOKEN, path="/a:b/c_d/" + "x" * 800), None)
    (statement,) = answer["policyDocument"]["Statement"]
    assert statement == {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{ACCOUNT}:abc123/prod/*"}
    assert answer["principalId"] == USER


def test_other_partitions_keep_theirs(gatekeeper: Gatekeeper) -> None:
    event = rest_request(TOKEN)
    event["methodArn"] = event["methodArn"].replace("arn:aws:", "arn:aws-us-gov:")
    answer = gatekeeper.handle(event, None)
    assert answer["policyDocument"]["Statement"][0]["Resource"].startswith("arn:aws-us-gov:")


def test_a_simple_response_tells_the_api_who_came_and_what_is_left(gatekeeper: Gatekeeper) -> None:
    assert gatekeeper.handle(http_2(TOKEN), None) == {
        "isAuthorized": True,
        "context": {
            "reason": "ok",
            "userId": USER,
            "solutionId": SOLUTION,
            "plan": "registered",
            "limit": "10",
            "used": "1",
            "remaining": "9",
            "resetsAt": "2026-11-25T00:00:00Z",
            "upgradeUrl": "https://marketplace.example.com/solutions?solution_id=faiss-search",
            "resign": "false",
        },
    }


def test_an_http_api_with_simple_responses_off_gets_policies(gatekeeper: Gatekeeper) -> None:
    gatekeeper.table.put(f"api#{API}", "config", solution_id=SOLUTION, policy_responses=True)
    answer = gatekeeper.handle(http_2(TOKEN), None)
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"
    gatekeeper.table.put_entitlement(status="suspended")
    answer = gatekeeper.handle(http_2(TOKEN), None)
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"
    assert answer["context"]["reason"] == "entitlement_suspended"


def test_an_unlimited_plan_has_no_limit_to_tell(gatekeeper: Gatekeeper) -> None:
    gatekeeper.table.put_entitlement(plan="pro", total=41)
    context = gatekeeper.handle(http_2(TOKEN), None)["context"]
    assert (context["limit"], context["remaining"], context["resetsAt"]) == ("", "", "")
    assert context["used"] == "42"


def test_one_call_to_the_table_for_every_decision_of_a_warm_container(gatekeeper: Gatekeeper) -> None:
    gatekeeper(http_2(TOKEN))
    for event in [http_2(TOKEN)] * 10 + [http_2(None)] * 4 + [rest_request(TOKEN, method="GET", path="/health")]:
        gatekeeper.table.calls.clear()
        gatekeeper(event)
        assert gatekeeper.table.calls == ["UpdateItem"]


def test_who_goes_on_after_a_refusal_costs_a_read_with_a_token_and_nothing_without(gatekeeper: Gatekeeper) -> None:
    events = {"quota_exceeded": http_2(TOKEN), "anonymous_quota_exceeded": http_2(None)}
    for event in events.values():
        for _ in range(11):
            gatekeeper(event)
    gatekeeper.table.calls.clear()
    assert [gatekeeper(event) for event in events.values()] == list(events)
    assert gatekeeper.table.calls == ["GetItem"]
    # What costs nothing is not refused at a limit.
    assert gatekeeper(rest_request(TOKEN, method="GET", path="/health")) == "ok"
    assert gatekeeper(rest_request(None, method="GET", path="/health")) == "ok_anonymous"


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"plan": "pro"}, "ok"),
        ({"status": "suspended"}, "entitlement_suspended"),
        ({"jti": "newer"}, "token_superseded"),
        ({"plan": "pack-100", "granted": 100}, "ok"),
    ],
)
def test_a_change_holds_on_the_next_request_of_a_refused_user_too(
    gatekeeper: Gatekeeper, attributes: dict[str, Any], reason: str
) -> None:
    assert [gatekeeper(http_2(TOKEN)) for _ in range(12)][-2:] == ["quota_exceeded"] * 2
    gatekeeper.table.put_entitlement(**attributes)
    assert gatekeeper(http_2(TOKEN)) == reason
    gatekeeper.table.calls.clear()
    gatekeeper(http_2(TOKEN))
    assert gatekeeper.table.calls == ["UpdateItem" if reason == "ok" else "GetItem"]


def test_a_refused_visitor_passes_after_what_can_let_a_visitor_pass(gatekeeper: Gatekeeper) -> None:
    """A new configuration, the end of the item, and the item deleted by hand."""

    def refused() -> bool:
        return [gatekeeper(http_2(None)) for _ in range(12)][-1] == "anonymous_quota_exceeded"

    assert refused()
    gatekeeper.table.put_solution(plans=PLANS | {"anonymous": {"limits": {"lifetime": 5}}})
    assert gatekeeper(http_2(None)) == "anonymous_quota_exceeded"  # until the configuration is read again
    gatekeeper.now += 61
    assert gatekeeper(http_2(None)) == "ok_anonymous"
    assert refused()
    (item,) = [item for item in gatekeeper.table.all() if item["pk"].startswith("ip#")]
    delete = {"TableName": gatekeeper.table.name, "Key": Key.of(item).wire}
    gatekeeper.now = item["expires_at"]
    gatekeeper.table.client.delete_item(**delete)
    assert gatekeeper(http_2(None)) == "ok_anonymous"
    assert refused()
    gatekeeper.table.client.delete_item(**delete)
    assert gatekeeper(http_2(None)) == "anonymous_quota_exceeded"
    gatekeeper.now += 61
    assert gatekeeper(http_2(None)) == "ok_anonymous"


def test_a_day_that_begins_lets_refused_visitors_and_users_pass(gatekeeper: Gatekeeper) -> None:
    gatekeeper.table.put_solution(plans=PLANS | {"anonymous": {"limits": {"day": 2}}})
    events = [http_2(TOKEN), http_2(None)]
    assert [[gatekeeper(event) for _ in range(12)][-1] for event in events] == [
        "quota_exceeded",
        "anonymous_quota_exceeded",
    ]
    gatekeeper.now += 86_400
    assert [gatekeeper(event) for event in events] == ["ok", "ok_anonymous"]


def test_no_call_at_all_for_a_token_that_fails_before_the_write(gatekeeper: Gatekeeper) -> None:
    gatekeeper(http_2(TOKEN))
    gatekeeper.now += 6
    gatekeeper(http_2(Signer("unknown").token()))  # the one bounded look for an unknown key
    gatekeeper.table.calls.clear()
    bad = {
        "signature_invalid": Signer("another").token(kid=Signer().key().kid),
        "issuer_mismatch": Signer().token(issuer="another"),
        "solution_mismatch": Signer().token(solution_id="another-one"),
        "key_unknown": Signer("unknown").token(),
        "token_malformed": "gp1_",
    }
    assert [gatekeeper(http_2(token)) for token in bad.values()] == list(bad)
    assert gatekeeper.table.calls == []


@pytest.mark.parametrize(
    ("attributes", "reason", "status"),
    [
        ({"status": "suspended"}, "entitlement_suspended", 403),
        ({"status": "revoked", "jti": None}, "entitlement_revoked", 403),
        ({"jti": "newer"}, "token_superseded", 401),
        ({"plan": "gone"}, "plan_unknown", 403),
        ({"plan": "anonymous"}, "plan_unknown", 403),
        ({"plan": "pro", "paid_until": int(NOW) + 1}, "ok", 200),
        ({"plan": "pack-100", "granted": 1}, "ok", 200),
        ({"plan": "pack-100", "granted": 1, "total": 1}, "quota_exceeded", 403),
    ],
)
def test_a_change_of_the_entitlement_holds_on_the_next_request(
    gatekeeper: Gatekeeper, attributes: dict[str, Any], reason: str, status: int
) -> None:
    assert gatekeeper(http_2(TOKEN)) == "ok"
    gatekeeper.table.put_entitlement(**attributes)
    assert (gatekeeper(http_2(TOKEN)), gatekeeper.status) == (reason, status)


def test_a_lapsed_plan_falls_back_to_the_default(gatekeeper: Gatekeeper) -> None:
    gatekeeper.table.put_entitlement(plan="pro", paid_until=int(NOW))
    reasons = [gatekeeper(http_2(TOKEN)) for _ in range(11)]
    assert reasons == ["ok"] * 10 + ["quota_exceeded"]
    assert gatekeeper.last["plan"] == "registered"


def test_changed_limits_hold_within_a_minute(gatekeeper: Gatekeeper) -> None:
    assert gatekeeper(http_2(TOKEN)) == "ok"
    gatekeeper.table.put_solution(plans=PLANS | {"registered": {"limits": {"day": 1}}})
    gatekeeper.now += 59.9
    assert gatekeeper(http_2(TOKEN)) == "ok"
    gatekeeper.now += 0.1
    assert gatekeeper(http_2(TOKEN)) == "quota_exceeded"


def test_a_revoked_key_is_refused_within_a_minute(gatekeeper: Gatekeeper) -> None:
    assert gatekeeper(http_2(TOKEN)) == "ok"
    gatekeeper.table.put_ring(ring(Signer("new").key(), Signer().key(KeyState.REVOKED)))
    gatekeeper.now += 60
    assert gatekeeper(http_2(TOKEN)) == "key_revoked"


def test_a_new_key_is_found_at_once_but_looked_for_at_most_every_five_seconds(gatekeeper: Gatekeeper) -> None:
    assert gatekeeper(http_2(TOKEN)) == "ok"
    new = Signer("new").token()
    gatekeeper.table.put_ring(ring(Signer("new").key(), Signer().key(KeyState.VERIFYING)))
    assert gatekeeper(http_2(new)) == "key_unknown"
    gatekeeper.now += 5
    assert gatekeeper(http_2(new)) == "ok"


def test_other_solutions_apis_and_users(gatekeeper: Gatekeeper) -> None:
    assert gatekeeper(http_2(TOKEN, api="unlinked")) == "api_unknown"
    assert gatekeeper(http_2(Signer().token("00000000-0000-4000-8000-000000000000"))) == "entitlement_missing"
    assert gatekeeper.status == 401


def test_a_disabled_solution_refuses_everybody(table: Table) -> None:
    table.seed()
    table.put_solution(status="disabled")
    gatekeeper = Gatekeeper(table)
    assert gatekeeper(http_2(TOKEN)) == gatekeeper(http_2(None)) == "solution_disabled"


def test_without_an_anonymous_plan_a_token_is_needed(table: Table) -> None:
    table.seed()
    table.put_solution(plans={"registered": {"limits": {"day": 10}}})
    assert Gatekeeper(table)(http_2(None)) == "token_missing"


@pytest.mark.parametrize("kind", ["rest request", "http 1.0", "http 2.0"])
def test_options_without_a_token_is_refused_and_spends_nothing(gatekeeper: Gatekeeper, kind: str) -> None:
    makers: dict[str, Any] = {"rest request": rest_request, "http 1.0": http_1, "http 2.0": http_2}
    event = makers[kind](None, method="OPTIONS")
    assert gatekeeper(event) == "token_missing"
    assert "UpdateItem" not in gatekeeper.table.calls


def test_preflight_that_an_http_api_sends_as_to_a_backend_is_answered_and_spends_nothing(
    gatekeeper: Gatekeeper,
) -> None:
    preflight = api_request("OPTIONS", "/search")
    assert gatekeeper.handle(preflight, None) == {"statusCode": 204}
    assert gatekeeper.lines == []
    # Nothing else that comes so is answered, and no authorizer's event is taken for it.
    for event in (api_request("POST", "/search"), preflight | {"version": "1.0"}, preflight | {"type": "REQUEST"}):
        with pytest.raises(Unauthorized):
            gatekeeper.handle(event, None)


def test_a_request_that_costs_nothing_verifies_without_spending(gatekeeper: Gatekeeper) -> None:
    health = rest_request(TOKEN, method="GET", path="/health")
    assert gatekeeper(health) == "ok"
    assert gatekeeper.last["used"] == 0
    gatekeeper.table.put_entitlement(d20261124=10)
    assert gatekeeper(health) == "ok"
    assert gatekeeper(rest_request(TOKEN)) == "quota_exceeded"
    gatekeeper.table.put_entitlement(status="suspended")
    assert gatekeeper(health) == "entitlement_suspended"


def test_ipv6_counts_by_network(gatekeeper: Gatekeeper) -> None:
    reasons = [gatekeeper(http_2(None, ip=f"2001:db8:1:2::{n}")) for n in range(1, 5)]
    assert reasons == ["ok_anonymous"] * 3 + ["anonymous_quota_exceeded"]
    assert gatekeeper(http_2(None, ip="2001:db8:1:3::1")) == "ok_anonymous"


def test_a_forged_forwarding_header_wins_nothing(gatekeeper: Gatekeeper) -> None:
    for n in range(4):
        event = http_2(None)
        event["headers"]["x-forwarded-for"] = f"203.0.113.{n}, {ADDRESS}"
        reason = gatekeeper(event)
    assert reason == "anonymous_quota_exceeded"


def test_behind_a_proxy_with_the_origin_secret_the_visitor_counts(table: Table) -> None:
    table.seed()
    table.put_solution(trusted_proxies=1, origin_secret="0123456789abcdef")
    gatekeeper = Gatekeeper(table)

    def visit(client: str, secret: str) -> str:
        event = http_2(None)
        event["headers"] |= {"x-forwarded-for": f"6.6.6.6, {client}, {ADDRESS}", "x-origin-secret": secret}
        return gatekeeper(event)

    assert {visit(f"203.0.113.{n}", "0123456789abcdef") for n in range(6)} == {"ok_anonymous"}
    assert [visit(f"203.0.113.{n}", "wrong") for n in range(4)][-1] == "anonymous_quota_exceeded"


def test_two_different_tokens_are_refused_and_the_same_one_twice_is_one(gatekeeper: Gatekeeper) -> None:
    event = rest_request(TOKEN)
    event["multiValueHeaders"]["Authorization"] = [f"Bearer {TOKEN}"] * 2
    assert gatekeeper(event) == "ok"
    event["multiValueHeaders"]["Authorization"][1] = f"Bearer {Signer().token(issuer='another')}"
    assert gatekeeper(event) == "token_malformed"


def test_the_header_may_have_any_case_and_another_scheme_is_refused(gatekeeper: Gatekeeper) -> None:
    event = http_2(None)
    event["headers"]["AUTHORIZATION"] = f"bearer  {TOKEN}"
    assert gatekeeper(event) == "ok"
    event["headers"]["AUTHORIZATION"] = "Basic dXNlcjpwYXNz"
    assert gatekeeper(event) == "token_malformed"


def test_the_query_parameter_counts_only_where_the_solution_says_so(gatekeeper: Gatekeeper) -> None:
    event = http_2(None) | {"rawQueryString": f"token={TOKEN}"}
    assert gatekeeper(event) == "ok_anonymous"
    gatekeeper.table.put_solution(allow_query_token=True)
    gatekeeper.now += 60
    assert gatekeeper(event) == "ok"


def test_null_headers_are_no_headers(gatekeeper: Gatekeeper) -> None:
    assert gatekeeper(rest_request(None) | {"headers": None, "multiValueHeaders": None}) == "ok_anonymous"


def test_http_paths_below_a_named_stage_cost_what_their_route_costs(gatekeeper: Gatekeeper) -> None:
    event = http_2(TOKEN, method="GET", path="/health")
    event |= {"rawPath": "/live/health", "routeKey": "$default", "routeArn": f"{ACCOUNT}:abc123/live/GET/health"}
    assert gatekeeper(event) == "ok"
    assert gatekeeper.last["used"] == 0


def test_a_greedy_route_below_a_base_path_mapping_costs_what_its_path_costs(gatekeeper: Gatekeeper) -> None:
    event = rest_request(TOKEN, method="GET", path="/mapped/health")
    event |= {"resource": "/{proxy+}", "pathParameters": {"proxy": "health"}}
    assert gatekeeper(event) == "ok"
    assert gatekeeper.last["used"] == 0


@pytest.mark.parametrize(
    ("resource", "path", "parameters", "cost"),
    [
        ("/items/{id}", "/items/7", {"id": "7"}, 3),
        ("/items/{other}", "/base/items/7", {"other": "7"}, 3),
        ("/items/{id}", "/items/a%2Fb", {"id": "a/b"}, 3),
        ("/items/{id}", "/items/special", {"id": "special"}, 2),
        ("/{proxy+}", "/base/items/7", {"proxy": "items/7"}, 3),
        ("/{proxy+}", "/items/a%2Fb", {"proxy": "items/a/b"}, 3),
        ("/items/{id}", "/items/7", None, 3),
    ],
)
def test_a_request_costs_what_its_route_costs_wherever_the_api_is_mapped(
    table: Table, resource: str, path: str, parameters: dict[str, str] | None, cost: int
) -> None:
    table.seed()
    table.put_solution(
        plans={"registered": {"limits": {"day": 10}}}, costs={"GET /items/{id}": 3, "GET /items/special": 2}
    )
    gatekeeper = Gatekeeper(table)
    event = rest_request(TOKEN, method="GET", path=path) | {"resource": resource, "pathParameters": parameters}
    assert gatekeeper(event) == "ok"
    assert gatekeeper.last["used"] == cost


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(event=st.dictionaries(st.text(max_size=10), JSON, max_size=5) | JSON)
def test_any_json_as_an_event_is_a_clean_refusal(gatekeeper: Gatekeeper, event: Any) -> None:
    assert gatekeeper(event) == "api_unknown"
    assert gatekeeper.status == 401


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [path] + [p for key, inner in value.items() for p in paths(inner, (*path, key))]
    return [path]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from(sorted(BUILDERS)), token=st.sampled_from([None, TOKEN]), junk=JSON)
def test_a_real_event_with_any_field_replaced_is_never_a_500(
    gatekeeper: Gatekeeper, data: st.DataObject, kind: str, token: str | None, junk: Any
) -> None:
    event = copy.deepcopy(BUILDERS[kind](token))
    *parents, last = data.draw(st.sampled_from(paths(event)[1:]))
    target = event
    for key in parents:
        target = target[key]
    target[last] = junk
    gatekeeper(event)
    assert gatekeeper.status in (200, 401, 403)


def texts(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all strings in an event."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] if isinstance(value, str) else [found for key, one in items for found in texts(one, (*path, key))]


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize("token", [None, TOKEN])
def test_half_a_character_anywhere_in_an_event_is_never_a_500(
    gatekeeper: Gatekeeper, kind: str, token: str | None
) -> None:
    """JSON can carry one half of a surrogate pair (RFC 8259 section 8.2), which nothing can encode."""
    event = BUILDERS[kind](token) | {"pathParameters": {"proxy": "x", "id": "y"}}
    if kind in ("rest request", "http 1.0"):
        event |= {"resource": "/{id}/{proxy+}"}
    elif kind == "http 2.0":
        event |= {"routeKey": "GET /{id}/{proxy+}"}
    for *parents, last in texts(event):
        broken = copy.deepcopy(event)
        target: Any = broken
        for key in parents:
            target = target[key]
        target[last] += "\ud800"
        gatekeeper(broken)
        assert gatekeeper.status in (200, 401, 403), (*parents, last)


def test_no_log_line_holds_a_token_a_secret_or_an_address(gatekeeper: Gatekeeper) -> None:
    for build in BUILDERS.values():
        for token in (TOKEN, None, TOKEN[:-2], Signer("another").token()):
            gatekeeper(build(token))
    log = "".join(gatekeeper.lines)
    for private in ("gp1_", ADDRESS, *TOKEN.split("."), secret_of().hex()):
        assert private not in log
    for line in gatekeeper.lines:
        json.loads(line)
        assert line.count("\n") == 1


def test_a_log_line_is_embedded_metric_format(gatekeeper: Gatekeeper) -> None:
    gatekeeper(http_2(TOKEN))
    line = gatekeeper.last
    assert line["_aws"]["Timestamp"] == NOW * 1000
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    names = {metric["Name"] for metric in directive["Metrics"]}.union(*directive["Dimensions"])
    assert names <= line.keys()
    assert (line["api_id"], line["stage"]) == (API, http_2(TOKEN)["requestContext"]["stage"])


def test_without_a_key_ring_or_a_whole_configuration_everybody_is_refused(table: Table) -> None:
    table.put(f"api#{API}", "config", solution_id=SOLUTION)
    solution = table.put_solution()
    assert Gatekeeper(table)(http_2(TOKEN)) == "store_unavailable"
    table.put_ring()
    table.put(f"solution#{SOLUTION}", "config", document=solution.to_document()[:-9])
    assert Gatekeeper(table)(http_2(TOKEN)) == "store_unavailable"
    table.put_solution()
    for damage in ({"document": ring().to_document().replace('"x":"', '"x":"AA')}, {"version": "1"}):
        table.put("keyring", "current", **({"document": ring().to_document(), "version": 1} | damage))
        assert Gatekeeper(table)(http_2(TOKEN)) == "store_unavailable"


def environment(endpoint: str) -> dict[str, str]:
    return {
        "GATEPASS_TABLE": "t",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }


def refusal(endpoint: str) -> dict[str, Any]:
    """The log line of a request that meets that endpoint, wired as in Lambda."""
    lines: list[str] = []
    with pytest.raises(AccessNotDecided):
        make_handler(build_gate(environment(endpoint)), write=lines.append)(http_2(TOKEN), None)
    line: dict[str, Any] = json.loads(lines[-1])
    assert line["reason"] == "store_unavailable"
    return line


def test_a_table_that_is_away_is_a_refusal() -> None:
    assert "cannot be reached: ConnectionRefusedError" in refusal(f"http://127.0.0.1:{free_port()}")["detail"]


@pytest.mark.parametrize(
    "code", ["ProvisionedThroughputExceededException", "ThrottlingException", "InternalServerError"]
)
def test_a_table_that_throttles_is_a_refusal_after_three_attempts(failing_server: Any, code: str) -> None:
    failing_server.code = code
    assert refusal(failing_server.url)["detail"] == f"DynamoDB refused GetItem: {code}"
    assert failing_server.requests == 3


@pytest.mark.long
def test_a_table_that_hangs_is_a_refusal_within_the_time_limit(hanging_server: str) -> None:
    line = refusal(hanging_server)
    assert "TimeoutError" in line["detail"]
    assert line["latency_ms"] < 9_000  # the function's own limit, below the 10 s of an HTTP API


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("name", ["GATEPASS_TABLE", "AWS_REGION"])
def test_a_missing_setting_is_named_at_the_start(name: str) -> None:
    settings = environment("http://127.0.0.1:1") | {name: ""}
    with pytest.raises(MissingSetting, match=name):
        build_gate(settings)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "GATEPASS_"))} | settings
    code = "import gc\ntry:\n import authorizer.handler\nfinally:\n print(gc.isenabled())"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=clean, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (1, "True\n")
    assert name in run.stderr
