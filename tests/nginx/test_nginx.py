"""A real nginx asks the token service before it lets anybody through: what its configuration promises."""

import dataclasses
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from entitlements.solution import read_solution
from tests.nginx.stage import SOLUTION_HOST, TOKENS, Site, site
from tests.support import emulators
from tests.support.api import Api
from tests.support.signer import SOLUTION
from tests.support.table import PLANS, config

PAGE = (emulators.ROOT / "docs" / "nginx.md").read_text()
CORS, REAL_IP = (
    next(block for block in re.findall(r"```nginx\n(.*?)```", PAGE, re.DOTALL) if word in block)
    for word in ("OPTIONS", "real_ip_header")
)
SETTINGS: dict[str, Any] = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0])
SECRET: str = SETTINGS["origin_secret"]
COSTS = {"GET /health": 0, "POST /search": 3}
FREE = {name: plan for name, plan in PLANS.items() if "credits" not in plan}  # which know no cost above 1
ANOTHER = "127.0.0.3"
BEGIN_LOCATION, BEGIN_SERVER = "    location / {\n", "    server_name solution.example.com;\n"

Start = Callable[..., Site]


@pytest.fixture
def dynamodb_endpoint(moto_endpoint: str) -> str:
    """One emulator will do: nginx sees neither."""
    return moto_endpoint


@pytest.fixture
def service(api: Api) -> Api:
    """The token service of a solution that is set up as the page says."""
    api.table.put_solution(read_solution(config(plans=FREE, costs=COSTS, **SETTINGS)))
    return api


@pytest.fixture
def start(service: Api, tmp_path: Path) -> Iterator[Start]:
    """Starts nginx before the token service, or before whatever `function` is given."""
    with ExitStack() as stack:

        def begin(function: Any = None, secret: str = SECRET, **rest: Any) -> Site:
            return stack.enter_context(site(tmp_path, function or service.answer, secret, **rest))

        yield begin


@pytest.fixture
def token(service: Api) -> str:
    """Of a user with 10 requests a day."""
    service.sign_in()
    service.access.grant(service.user, SOLUTION)
    status, answer = service.call("POST", "/v1/tokens", {"solution_id": SOLUTION}, service.id_token)
    assert status == 200
    return str(answer["token"])


def test_the_page_names_the_secret_that_both_sides_share() -> None:
    assert f'proxy_set_header X-Origin-Secret "{SECRET}";' in PAGE
    assert SETTINGS["trusted_proxies"] == 1


def test_three_requests_of_an_address_pass_and_the_fourth_is_refused(start: Start) -> None:
    nginx = start()
    answers = [nginx.ask() for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 403]
    assert [answer.reason for answer in answers] == [*["ok_anonymous"] * 3, "anonymous_quota_exceeded"]
    assert answers[3].headers["x-gatepass-remaining"] == "0"
    assert nginx.ask(source=ANOTHER).headers["x-gatepass-remaining"] == "2"
    assert len(nginx.seen) == 4
    assert nginx.seen[0].headers["x-gatepass-user-id"] == "anonymous"
    assert nginx.seen[0].headers["x-forwarded-for"] == "127.0.0.2"


def test_no_header_of_the_client_s_wins_another_address_or_another_price(start: Start) -> None:
    nginx = start()
    assert [nginx.ask().status for _ in range(3)] == [200] * 3
    elsewhere = {"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
    for forged in (
        elsewhere,
        elsewhere | {"X-Origin-Secret": "a guess at the secret"},
        elsewhere | {"X-Origin-Secret": SECRET},  # nginx says it too: what counts is who wrote the address
        elsewhere | {"X_Forwarded_For": "203.0.113.9", "X_Origin_Secret": SECRET},
        {"Connection": "close, X-Forwarded-For, X-Origin-Secret, X-Original-URI"},
        {"X-Original-URI": "/health", "X-Original-Method": "GET"},
        {"X_Original_URI": "/health"},
        {"X-Original-URL": "/health", "X-Rewrite-URL": "/health"},
    ):
        answer = nginx.ask(headers=forged)
        assert (answer.status, answer.reason) == (403, "anonymous_quota_exceeded"), forged
    assert len(nginx.seen) == 3


def test_with_another_secret_than_the_solution_s_all_visitors_are_one(start: Start) -> None:
    nginx = start(secret="not the secret of the solution")
    addresses = ("127.0.0.2", ANOTHER, "127.0.0.4", "127.0.0.5")
    assert [nginx.ask(source=address).status for address in addresses] == [200, 200, 200, 403]


def test_the_solution_learns_who_asks_from_nginx_alone(start: Start, service: Api, token: str) -> None:
    nginx = start()
    spoofed = {
        f"X-Gatepass-{name}": "pro" for name in ("Reason", "User-Id", "Plan", "Remaining", "Resets-At", "Resign")
    }
    underscored = {name.replace("-", "_"): value for name, value in spoofed.items()}
    assert nginx.ask(token=token, headers=spoofed | underscored).status == 200
    got = nginx.seen[0].headers
    told = {name: value for name, value in got.items() if "gatepass" in name}
    assert told.pop("x-gatepass-resets-at").endswith("T00:00:00Z")
    assert told == {
        "x-gatepass-reason": "ok",
        "x-gatepass-user-id": service.user,
        "x-gatepass-plan": "registered",
        "x-gatepass-remaining": "9",
        "x-gatepass-resign": "false",
    }
    assert "authorization" not in got
    assert "x-origin-secret" not in got


def test_what_a_plan_does_not_have_is_no_gap_for_the_client_s_own_word(start: Start, service: Api, token: str) -> None:
    service.access.set_plan(service.user, SOLUTION, "pro")
    nginx = start()
    spoofed = {"X-Gatepass-Remaining": "5", "X-Gatepass-Resets-At": "never"}
    assert nginx.ask(token=token, headers=spoofed).status == 200
    got = nginx.seen[0].headers
    assert got["x-gatepass-plan"] == "pro"
    assert not {"x-gatepass-remaining", "x-gatepass-resets-at"} & got.keys()


def test_a_client_learns_that_its_token_shall_be_renewed(start: Start, service: Api, token: str) -> None:
    nginx = start()
    assert nginx.ask(token=token).headers["x-gatepass-resign"] == "false"
    service.keys.promote(service.keys.create().kid, in_haste=True)
    service.wire(service.settings)  # a container that has not read the ring yet
    answer = nginx.ask(token=token)
    assert (answer.status, answer.headers["x-gatepass-resign"]) == (200, "true")
    renewed = service.call("POST", "/v1/tokens/refresh", bearer=token)[1]["token"]
    answer = nginx.ask(token=renewed)
    assert (answer.status, answer.headers["x-gatepass-resign"]) == (200, "false")


def test_a_spent_quota_is_403_and_tells_when_it_resets(start: Start, token: str) -> None:
    nginx = start()
    assert [nginx.ask(token=token).status for _ in range(10)] == [200] * 10
    refused = nginx.ask(token=token)
    assert (refused.status, refused.reason) == (403, "quota_exceeded")
    assert refused.headers["x-gatepass-resets-at"].endswith("T00:00:00Z")
    assert len(nginx.seen) == 10


def test_a_bad_token_is_401_with_a_challenge_and_spends_nothing_of_the_address(start: Start, token: str) -> None:
    nginx = start()
    flipped = token[:-10] + ("A" if token[-10] != "A" else "B") + token[-9:]
    for credentials, reason in (
        (f"Bearer {flipped}", "signature_invalid"),
        ("Bearer x", "token_malformed"),
        ("Basic YTpi", "token_malformed"),
        (f"Bearer {token} {token}", "token_malformed"),
    ):
        answer = nginx.ask(headers={"Authorization": credentials})
        assert (answer.status, answer.reason) == (401, reason)
        assert answer.headers["www-authenticate"] == "Bearer"
    two = b"GET / HTTP/1.1\r\nAuthorization: Bearer x\r\nAuthorization: Bearer " + token.encode()
    assert nginx.ask_raw(two).status in (400, 401)
    assert nginx.seen == []
    assert nginx.ask().headers["x-gatepass-remaining"] == "2"


def test_revoking_holds_on_the_very_next_request(start: Start, service: Api, token: str) -> None:
    nginx = start()
    assert nginx.ask(token=token).status == 200
    service.access.suspend(service.user, SOLUTION)
    assert [(a.status, a.reason) for a in [nginx.ask(token=token)]] == [(403, "entitlement_suspended")]
    service.access.revoke(service.user, SOLUTION)
    assert [(a.status, a.reason) for a in [nginx.ask(token=token)]] == [(403, "entitlement_revoked")]
    assert len(nginx.seen) == 1


def test_a_request_costs_what_its_own_method_and_path_cost(start: Start, token: str) -> None:
    nginx = start()
    left = []
    for method, target in (
        ("GET", "/health"),
        ("GET", "/health?a=b%20c"),
        ("GET", "/search"),
        ("POST", "/search"),
        ("POST", "/health/../%73earch?q=100%25%20sure&r=50%+off%zz"),
    ):
        answer = nginx.ask(method, target, token=token)
        assert answer.status == 200
        left.append(int(answer.headers["x-gatepass-remaining"]))
        assert (nginx.seen[-1].method, nginx.seen[-1].target) == (method, target)
    assert left == [10, 10, 9, 6, 3]


def test_bodies_reach_the_solution_and_never_the_token_service(start: Start, service: Api, token: str) -> None:
    events: list[dict[str, Any]] = []

    def watched(event: dict[str, Any], context: Any) -> Any:
        events.append(event)
        return service.answer(event, context)

    nginx = start(watched)
    large = b"x" * 500_000
    form = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": "c=" + "y" * 7_000,
        "Origin": "https://e.example",
    }
    assert nginx.ask("POST", "/a", token=token, body=large, headers=form).status == 200
    assert nginx.ask("POST", "/a", token=token, body=iter([b"chunk", b"ed"])).status == 200
    assert nginx.ask("POST", "/a", token="x", body=large).status == 401
    assert [seen.body for seen in nginx.seen] == [large, b"chunked"]
    assert [event["requestContext"]["http"]["method"] for event in events] == ["GET"] * 3
    assert [event.get("body") for event in events] == [None] * 3
    names = {"host", "authorization", "x-original-method", "x-original-uri", "x-forwarded-for", "x-origin-secret"}
    assert set(events[0]["headers"]) == names | {"x-forwarded-proto"}  # API Gateway's own
    assert events[0]["headers"]["host"] == TOKENS


@pytest.mark.parametrize("target", [b"/search#x", b"/health#/../search", "/größe".encode(), b"/\x85search"])
def test_a_path_that_is_none_is_refused_whatever_a_backend_would_make_of_it(
    start: Start, token: str, target: bytes
) -> None:
    nginx = start()
    head = b"POST " + target + b" HTTP/1.1\r\nContent-Length: 0\r\nAuthorization: Bearer " + token.encode()
    assert nginx.ask_raw(head).status == 500
    assert nginx.seen == []


def test_clients_cannot_ask_the_token_service_through_nginx(start: Start) -> None:
    nginx = start()
    assert [nginx.ask(target=target).status for target in ("/_gatepass", "//_gatepass?solution_id=x")] == [404, 404]
    assert nginx.seen == []


def test_allowed_and_refused_alike_go_over_one_connection(start: Start, token: str) -> None:
    nginx = start()
    statuses = [nginx.ask(token=t).status for t in [*[token] * 11, "x", "x", *[None] * 4]]
    assert sorted(set(statuses)) == [200, 401, 403]
    assert nginx.connections() == 1


def refused(nginx: Site, token: str | None = None) -> None:
    began = time.monotonic()
    answer = nginx.ask(token=token)
    assert (answer.status, nginx.seen) == (500, [])
    assert time.monotonic() - began < 10


def test_a_token_service_that_is_away_refuses_everybody(start: Start, token: str) -> None:
    nginx = start()
    nginx.gateway.stop()
    refused(nginx, token)
    refused(nginx)


@pytest.mark.parametrize("what", ["closed", "silent"])
def test_an_address_where_nobody_answers_refuses_everybody(start: Start, hanging_server: str, what: str) -> None:
    port = emulators.free_port() if what == "closed" else int(hanging_server.rpartition(":")[2])
    refused(start(edits={f"server {TOKENS}:443;": f"server 127.0.0.1:{port};"}))


def test_an_answer_that_takes_too_long_is_a_refusal_and_asked_for_once(start: Start) -> None:
    asked, end = [], threading.Event()

    def slow(event: dict[str, Any], context: Any) -> Any:
        asked.append(event)
        end.wait(8)
        return {"statusCode": 200, "body": ""}

    nginx = start(slow, edits={"proxy_read_timeout 10s;": "proxy_read_timeout 500ms;"})
    refused(nginx)
    end.set()
    assert len(asked) == 1


def test_a_certificate_for_another_name_is_not_believed(start: Start) -> None:
    nginx = start(names=("evil.example.com", SOLUTION_HOST))
    refused(nginx)
    assert "certificate does not match" in (nginx.folder / "error.log").read_text()


def test_a_certificate_of_an_unknown_authority_is_not_believed(start: Start) -> None:
    nginx = start(edits={"/etc/ssl/certs/ca-certificates.crt": "/etc/ssl/certs/ca-certificates.crt"})
    refused(nginx)
    assert "certificate verify error" in (nginx.folder / "error.log").read_text()


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 503])
def test_only_2xx_lets_anybody_through(start: Start, status: int) -> None:
    refused(start(lambda event, context: {"statusCode": status, "headers": {"Location": "https://e.example"}}))


def test_a_table_that_is_away_refuses_everybody(start: Start, service: Api, token: str) -> None:
    service.wire(dataclasses.replace(service.settings, dynamodb_endpoint=f"http://127.0.0.1:{emulators.free_port()}"))
    refused(start(), token)


def test_a_solution_that_does_not_exist_is_the_operator_s_error_and_refuses_everybody(start: Start) -> None:
    refused(start(edits={f"solution_id={SOLUTION};": "solution_id=none-such;"}))


def test_a_solution_that_is_switched_off_says_so(start: Start, service: Api, token: str) -> None:
    service.table.put_solution(read_solution(config(status="disabled", **SETTINGS)))
    service.wire(service.settings)
    nginx = start()
    answer = nginx.ask(token=token)
    assert (answer.status, answer.reason, nginx.seen) == (403, "solution_disabled", [])


def test_without_the_page_s_block_a_preflight_is_refused(start: Start) -> None:
    nginx = start()
    assert nginx.ask("OPTIONS", headers={"Origin": "https://page.example.com"}).status == 401
    assert nginx.seen == []


def test_with_it_nginx_answers_preflights_and_the_page_can_read_refusals(start: Start) -> None:
    nginx = start(edits={BEGIN_LOCATION: BEGIN_LOCATION + CORS})
    preflight = nginx.ask("OPTIONS", headers={"Access-Control-Request-Method": "POST"})
    assert (preflight.status, nginx.seen) == (204, [])
    assert preflight.headers["access-control-allow-headers"] == "authorization, content-type"
    answers = [nginx.ask() for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 403]
    for answer in [preflight, *answers]:
        assert answer.headers["access-control-allow-origin"] == "https://page.example.com"
    assert [answer.reason for answer in answers] == [*["ok_anonymous"] * 3, "anonymous_quota_exceeded"]


def test_behind_a_load_balancer_the_address_that_it_tells_counts_and_nobody_else_s_word(start: Start) -> None:
    block = REAL_IP.replace("10.0.0.0/8", "127.0.0.9")
    nginx = start(edits={BEGIN_SERVER: BEGIN_SERVER + block})
    visitors = ["203.0.113.9, 198.51.100.1"] * 3 + ["203.0.113.8, 198.51.100.1", "198.51.100.2"]
    balanced = [nginx.ask(source="127.0.0.9", headers={"X-Forwarded-For": visitor}) for visitor in visitors]
    assert [answer.status for answer in balanced] == [200, 200, 200, 403, 200]
    direct = [nginx.ask(headers={"X-Forwarded-For": f"203.0.113.{n}"}).status for n in range(4)]
    assert direct == [200, 200, 200, 403]
