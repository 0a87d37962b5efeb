"""The HTTP API: the same token each time, the gate's own decision, problem documents, and only real ID tokens."""

import base64
import dataclasses
import json
import re
import time
import uuid
from typing import Any

import jwt
import pytest
from aws_lambda_powertools.event_handler import Response
from cryptography.hazmat.primitives.asymmetric import rsa

from entitlements.keyring import KeyRing
from entitlements.settings import MissingSetting
from tests.support import emulators
from tests.support.api import Api
from tests.support.signer import SOLUTION, Signer
from tests.support.table import PLANS
from token_service.settings import Settings
from token_service.web import edge


@pytest.fixture
def api(api: Api) -> Api:
    """With a user signed in."""
    api.sign_in()
    return api


def test_a_signed_in_user_gets_the_same_token_each_time(api: Api) -> None:
    api.access.grant(api.user, SOLUTION)
    status, first = api.call("POST", "/v1/tokens", {"solution_id": SOLUTION}, api.id_token)
    assert (status, api.headers["Cache-Control"]) == (200, "no-store")
    assert api.call("POST", "/v1/tokens", {"solution_id": SOLUTION}, api.id_token) == (200, first)
    status, decision = api.call("POST", "/v1/validate", {"solution_id": SOLUTION}, first["token"])
    assert (status, decision["reason"], decision["remaining"]) == (200, "ok", 9)


def test_without_an_entitlement_there_is_no_token(api: Api) -> None:
    status, body = api.call("POST", "/v1/tokens", {"solution_id": SOLUTION}, api.id_token)
    assert (status, body["type"]) == (401, "urn:gatepass:entitlement_missing")
    assert api.headers["Content-Type"] == "application/problem+json"


def test_only_an_id_token_of_this_pool_and_client_signs_in(api: Api) -> None:
    foreign = rsa.generate_private_key(65537, 2048)
    claims = jwt.decode(api.id_token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(api.id_token)["kid"]
    forged = jwt.encode(claims, foreign, "RS256", {"kid": kid})
    symmetric = jwt.encode(claims, "x" * 32, "HS256", {"kid": kid})
    unsigned = jwt.encode(claims, "", "none", {"kid": kid})
    for bearer in (None, "", "x", forged, symmetric, unsigned, api.tokens["AccessToken"], api.id_token[:-4]):
        status, body = api.call("POST", "/v1/tokens", {"solution_id": SOLUTION}, bearer)
        assert (status, body["type"]) == (401, "urn:gatepass:sign_in_required")


def test_validate_decides_as_the_gate_does_and_says_429(api: Api) -> None:
    ask = {"solution_id": SOLUTION, "method": "POST", "path": "/search"}
    assert [api.call("POST", "/v1/validate", ask)[0] for _ in range(4)] == [200, 200, 200, 429]
    _, body = api.call("POST", "/v1/validate", ask)
    assert (body["status"], body["reason"], body["remaining"], body["allowed"]) == (
        429,
        "anonymous_quota_exceeded",
        0,
        False,
    )


def test_validate_can_ask_without_spending(api: Api) -> None:
    ask = {"solution_id": SOLUTION, "method": "POST", "path": "/search", "spend": False}
    assert [api.call("POST", "/v1/validate", ask)[1]["used"] for _ in range(5)] == [0] * 5


@pytest.mark.parametrize(
    "body",
    ["", "[]", "no json", {}, {"solution_id": 7}, {"solution_id": "UPPER"}, {"solution_id": SOLUTION, "more": 1}],
)
@pytest.mark.parametrize("path", ["/v1/tokens", "/v1/validate"])
def test_bad_input_is_a_problem_that_names_the_key(api: Api, path: str, body: Any) -> None:
    status, problem = api.call("POST", path, body, api.id_token)
    assert (status, problem["type"]) == (400, "urn:gatepass:request_invalid")
    assert problem["faults"]


def test_a_solutions_public_facts(api: Api) -> None:
    status, body = api.call("GET", f"/v1/solutions/{SOLUTION}")
    assert status == 200
    assert body["plans"] == {
        "anonymous": {"model": "free", "limits": {"lifetime": 3}},
        "registered": {"model": "free", "limits": {"day": 10}},
        "pro": {
            "model": "recurring",
            "limits": {},
            "price": {
                "amount": 49900,
                "currency": "INR",
                "interval": "month",
                "every": 1,
                "readable": "₹499.00 every month",
            },
        },
        "pack-100": {
            "model": "prepaid",
            "limits": {},
            "credits": 100,
            "price": {"amount": 9900, "currency": "INR", "readable": "₹99.00 for 100 requests"},
        },
    }
    assert not {"origin_secret_sha256", "return_urls"} & body.keys()
    assert api.call("GET", "/v1/solutions/none-such")[0] == 404


def test_a_solution_shows_what_each_one_off_payment_buys(api: Api) -> None:
    price = {"amount": 1500, "currency": "KWD"}
    api.table.put_solution(
        plans=PLANS
        | {"week": {"limits": {"day": 5}, "price": price | {"days": 7}}, "forever": {"limits": {}, "price": price}}
    )
    plans = api.call("GET", f"/v1/solutions/{SOLUTION}")[1]["plans"]
    assert (plans["week"]["model"], plans["forever"]["model"]) == ("days", "once")
    assert plans["week"]["price"] == price | {"days": 7, "readable": "KWD 1.500 for 7 days"}
    assert plans["forever"]["price"] == price | {"readable": "KWD 1.500 once"}


def test_the_public_keys_verify_the_tokens(api: Api) -> None:
    api.access.grant(api.user, SOLUTION)
    token = api.call("POST", "/v1/tokens", {"solution_id": SOLUTION}, api.id_token)[1]["token"]
    status, keys = api.call("GET", "/.well-known/jwks.json")
    assert (status, api.headers["Cache-Control"]) == (200, "public, max-age=60")
    key = jwt.PyJWK(keys["keys"][0])
    claims = jwt.decode(token.partition(".")[2], key, algorithms=["ES256"], audience=SOLUTION)
    assert claims["sub"] == api.user


def test_a_token_is_renewed_by_itself_alone(api: Api) -> None:
    api.access.grant(api.user, SOLUTION)
    token = api.call("POST", "/v1/tokens", {"solution_id": SOLUTION}, api.id_token)[1]["token"]
    status, body = api.call("POST", "/v1/tokens/refresh", bearer=token)
    assert (status, body, api.headers["Cache-Control"]) == (200, {"token": token}, "no-store")


@pytest.mark.parametrize(
    ("bearer", "type_"),
    [(None, "token_missing"), ("", "token_malformed"), ("x", "token_malformed"), ("gp1_x", "token_malformed")],
)
def test_what_cannot_be_renewed_is_a_problem(api: Api, bearer: str | None, type_: str) -> None:
    status, body = api.call("POST", "/v1/tokens/refresh", bearer=bearer)
    assert (status, body["type"]) == (401, f"urn:gatepass:{type_}")


def test_somebody_elses_token_cannot_be_renewed(api: Api) -> None:
    status, body = api.call("POST", "/v1/tokens/refresh", bearer=Signer().token())
    assert (status, body["type"]) == (401, "urn:gatepass:token_superseded")


def test_an_unknown_route_is_a_problem_too(api: Api) -> None:
    assert api.call("GET", "/v1/none-such")[1]["type"] == "urn:gatepass:route_unknown"


def test_a_token_of_somebody_else_validates_as_nobody(api: Api) -> None:
    status, body = api.call("POST", "/v1/validate", {"solution_id": SOLUTION}, str(uuid.uuid4()))
    assert (status, body["reason"]) == (401, "token_malformed")


@pytest.mark.parametrize(
    ("body", "encoded"), [("a", True), ("//4=", True), ("\udfff", False), ("[" * 10_000, False), ("null", False)]
)
def test_a_body_that_cannot_be_read_is_a_problem(api: Api, body: str, encoded: bool) -> None:
    assert api.call("POST", "/v1/validate", body, encoded=encoded)[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/tokens", "OPTIONS, POST"),
        ("PUT", "/v1/sessions", "DELETE, OPTIONS, POST"),
        ("POST", f"/v1/tokens/{SOLUTION}", "DELETE, OPTIONS"),
        ("POST", f"/v1/solutions/{SOLUTION}", "GET, HEAD, OPTIONS"),
        ("HEAD", "/v1/tokens", "OPTIONS, POST"),
        ("BREW", "/v1/docs", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(api: Api, method: str, path: str, allowed: str) -> None:
    status, problem = api.call(method, path)
    assert (status, api.headers["Allow"]) == (405, allowed)
    assert method == "HEAD" or problem["type"] == "urn:gatepass:method_not_allowed"


@pytest.mark.parametrize("path", ["/v1", "/v1/tokens/", f"/v1/tokens/{SOLUTION}/more", "/v1/nothing", "/"])
def test_a_path_that_is_none_is_404_whatever_the_method(api: Api, path: str) -> None:
    for method in ("GET", "POST", "DELETE", "HEAD", "PUT"):
        assert api.call(method, path)[0] == 404
        assert "Allow" not in api.headers


@pytest.mark.parametrize(
    "path", [f"/v1/solutions/{SOLUTION}", "/.well-known/jwks.json", "/v1/openapi.json", "/v1/docs"]
)
def test_head_is_get_without_content(api: Api, path: str) -> None:
    status, whole = api.call("GET", path)
    headers = api.headers
    assert (status, bool(whole)) == (200, True)
    assert api.call("HEAD", path) == (200, "")
    assert api.headers == headers


@pytest.mark.parametrize("encoded", [False, True])
def test_a_route_can_have_the_body_as_it_was_signed(api: Api, encoded: bool) -> None:
    """A signature is over bytes: spacing, key order and characters outside ASCII must arrive as they were sent."""
    text = '{ "b":1,\r\n\t"a" : "\u00e9\\u00e9" }'
    seen = []

    @api.app.post("/v1/signed")
    def signed() -> Response[str]:
        seen.append((edge.raw_body(api.app), api.app.current_event.json_body))
        return Response(200, "text/plain", "")

    body = base64.b64encode(text.encode()).decode() if encoded else text
    assert api.call("POST", "/v1/signed", body, encoded=encoded)[0] == 200
    assert seen == [(text.encode(), {"b": 1, "a": "\u00e9\u00e9"})]
    assert api.call("POST", "/v1/signed", "", encoded=encoded)[0] == 200
    assert seen[1][0] == b""


def test_a_body_that_is_too_large_is_refused_unread(api: Api) -> None:
    largest = base64.b64encode(b" " * 16_384).decode()
    assert api.call("POST", "/v1/validate", largest, encoded=True)[1]["type"] == "urn:gatepass:request_invalid"
    assert api.call("POST", "/v1/validate", "x" * 16_385)[1]["type"] == "urn:gatepass:request_too_large"


def test_an_unknown_solution_is_named_as_such(api: Api) -> None:
    status, body = api.call("POST", "/v1/validate", {"solution_id": "none-such"})
    assert (status, body["type"]) == (404, "urn:gatepass:solution_unknown")


def test_what_spends_leaves_the_gates_log_line_and_a_question_leaves_none(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    api.call("POST", "/v1/validate", {"solution_id": SOLUTION})
    line = json.loads(capsys.readouterr().out)
    assert (line["reason"], line["solution"], line["used"]) == ("ok_anonymous", SOLUTION, 1)
    assert "198.51.100.7" not in json.dumps(line)
    api.call("POST", "/v1/validate", {"solution_id": SOLUTION, "spend": False})
    assert capsys.readouterr().out == ""


def test_a_visitor_who_is_refused_gets_a_link_that_says_so_and_a_pseudonym_in_the_log(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        api.call("POST", "/v1/validate", {"solution_id": SOLUTION})
    capsys.readouterr()
    status, refusal = api.call("POST", "/v1/validate", {"solution_id": SOLUTION})
    assert (status, refusal["upgradeUrl"].partition("&")[2]) == (429, "from=anonymous_quota_exceeded")
    assert "visitor" not in refusal
    assert re.fullmatch(r"[0-9a-f]{16}", json.loads(capsys.readouterr().out)["visitor"])


@pytest.mark.parametrize("away", ["hangs", "is not there"])
def test_a_table_that_is_away_is_answered_within_the_functions_time_and_logged(
    api: Api, hanging_server: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], away: str
) -> None:
    endpoint = hanging_server if away == "hangs" else f"http://127.0.0.1:{emulators.free_port()}"
    api.wire(dataclasses.replace(api.settings, dynamodb_endpoint=endpoint))
    for path, bearer in (("/v1/validate", None), ("/v1/tokens", api.id_token)):
        began = time.monotonic()
        status, body = api.call("POST", path, {"solution_id": SOLUTION}, bearer)
        assert (status, body["type"]) == (500, "urn:gatepass:store_unavailable")
        assert time.monotonic() - began < 29
    assert json.loads(capsys.readouterr().out.splitlines()[0])["reason"] == "store_unavailable"
    assert "DynamoDB gave no answer to get_item" in caplog.text


def test_a_refusal_of_kms_is_told_to_the_operator_alone(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    api.access.grant(api.user, SOLUTION)
    ring = KeyRing("gatepass-test", (Signer().key(),), "arn:aws:kms:us-east-1:123456789012:key/gone", b"a" * 32)
    api.table.put_ring(ring)
    status, body = api.call("POST", "/v1/tokens", {"solution_id": SOLUTION}, api.id_token)
    assert (status, body["type"]) == (500, "urn:gatepass:kms_refused")
    assert "NotFoundException" not in json.dumps(body)
    assert "NotFoundException" in caplog.text


@pytest.mark.parametrize(
    "name", ["GATEPASS_TABLE", "AWS_REGION", "GATEPASS_USER_POOL_ID", "GATEPASS_USER_POOL_CLIENT_ID"]
)
def test_a_missing_setting_is_named(name: str) -> None:
    names = ("GATEPASS_TABLE", "AWS_REGION", "GATEPASS_USER_POOL_ID", "GATEPASS_USER_POOL_CLIENT_ID")
    with pytest.raises(MissingSetting, match=name):
        Settings.read(dict.fromkeys(names, "x") | {name: ""})
