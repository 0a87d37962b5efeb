"""From a visitor to a user with a token, over HTTP, with moto's Cognito, which takes any code and mails nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.signer import SOLUTION
from tests.support.table import Table

FORM = "application/x-www-form-urlencoded"
HOME = "https://finder.example.com/app"
OTHER = "An0ther-password"


def body(**changes: Any) -> dict[str, Any]:
    return {"email": EMAIL, "password": PASSWORD, "solution_id": SOLUTION} | changes


def confirmation(**changes: Any) -> dict[str, Any]:
    return {"email": EMAIL, "code": "123456", "solution_id": SOLUTION} | changes


def register(api: Api, **changes: Any) -> tuple[int, Any]:
    return api.call("POST", "/v1/registrations", body(**changes))


def confirm(api: Api, **changes: Any) -> tuple[int, Any]:
    """By the mailed code, unless another one is given."""
    email = changes.get("email", EMAIL).lower()
    codes = {} if "code" in changes or email.startswith("nobody") else {"code": api.code(email)}
    return api.call("POST", "/v1/registrations/confirm", confirmation(**codes, **changes))


def sign_in(api: Api, **changes: Any) -> tuple[int, Any]:
    return api.call("POST", "/v1/sessions", body(**changes))


def test_a_visitor_registers_and_comes_back_with_a_token(api: Api) -> None:
    assert register(api, return_to=f"{HOME}?q=1") == (202, {"status": "code_mailed"})
    status, welcome = confirm(api, return_to=f"{HOME}?q=1")
    assert status == 200
    redirect = urlsplit(welcome["redirect"])
    assert f"{redirect.scheme}://{redirect.netloc}{redirect.path}" == HOME
    assert parse_qs(redirect.query) == {"q": ["1"], "token": [welcome["token"]]}
    status, decision = api.call("POST", "/v1/validate", {"solution_id": SOLUTION}, welcome["token"])
    assert (status, decision["plan"]) == (200, "registered")


def test_a_second_browser_gets_the_same_token(api: Api) -> None:
    register(api)
    token = confirm(api)[1]["token"]
    status, welcome = sign_in(api)
    assert (status, welcome["token"]) == (200, token)
    assert api.call("POST", "/v1/tokens", {"solution_id": SOLUTION}, welcome["id_token"])[1]["token"] == token


def test_a_user_who_is_new_to_a_solution_gets_its_default_plan(api: Api) -> None:
    api.sign_in()
    api.table.put_solution(solution_id="another-one")
    assert sign_in(api, solution_id="another-one")[0] == 200
    assert api.access.find(api.user, "another-one").plan == "registered"  # type: ignore[union-attr]


def test_registering_again_answers_the_same_for_every_address(api: Api) -> None:
    register(api)
    assert register(api) == (202, {"status": "code_mailed"})
    confirm(api)
    answers = [register(api), register(api, email="nobody@example.com")]
    assert answers == [(202, {"status": "code_mailed"})] * 2
    for path in ("/v1/registrations/resend", "/v1/passwords/forgotten"):
        answers = [
            api.call("POST", path, {"email": email}) for email in (EMAIL, "who@example.com", "nobody@example.com")
        ]
        assert answers == [(202, {"status": "code_mailed"})] * 3


def test_a_code_proves_nothing_about_a_confirmed_address(api: Api) -> None:
    register(api)
    confirm(api)
    confirmed, unknown = confirm(api), confirm(api, email="nobody@example.com")
    assert confirmed == unknown
    assert (confirmed[0], confirmed[1]["type"]) == (401, "urn:gatepass:sign_in_required")
    assert "token" not in confirmed[1]


def test_a_wrong_code_confirms_nothing_and_a_new_one_replaces_the_old(api: Api) -> None:
    register(api)
    first = api.code()
    assert confirm(api, code="abcdef")[1]["type"] == "urn:gatepass:code_invalid"
    api.call("POST", "/v1/registrations/resend", {"email": EMAIL})
    assert first == api.code() or confirm(api, code=first)[1]["type"] == "urn:gatepass:code_invalid"
    assert confirm(api)[0] == 200


def test_wrong_passwords_and_unknown_addresses_look_the_same(api: Api) -> None:
    register(api)
    confirm(api)
    wrong, unknown = sign_in(api, password=OTHER), sign_in(api, email="nobody@example.com")
    assert wrong == unknown
    assert (wrong[0], wrong[1]["type"]) == (401, "urn:gatepass:credentials_invalid")


def test_an_address_must_be_confirmed_before_it_signs_in(api: Api) -> None:
    register(api)
    status, problem = sign_in(api)
    assert (status, problem["type"]) == (403, "urn:gatepass:confirmation_required")


@pytest.mark.parametrize(
    ("password", "missing"),
    [
        ("short-A1", "12 characters"),
        ("no-upper-case-1", "upper-case"),
        ("NO-LOWER-CASE-1", "lower"),
        ("No-digits-here", "digit"),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_a_weak_password_is_named_for_known_and_unknown_addresses_alike(
    api: Api, password: str, missing: str, known: bool
) -> None:
    if known:
        register(api)
    status, problem = register(api, password=password)
    assert (status, problem["type"]) == (400, "urn:gatepass:password_weak")
    assert missing in problem["detail"]


def test_whoever_registers_somebody_elses_address_wins_nothing(api: Api) -> None:
    """An attacker signs up with the victim's address first, or again; the mailed code goes to the victim."""
    register(api, password=OTHER)
    register(api)
    register(api, password=OTHER)
    status, problem = confirm(api)
    assert (status, problem["type"]) == (400, "urn:gatepass:password_required")
    assert confirm(api, password=PASSWORD)[0] == 200
    assert sign_in(api)[0] == 200
    assert sign_in(api, password=OTHER)[0] == 401


def test_registering_twice_with_the_same_password_needs_it_no_third_time(api: Api) -> None:
    register(api)
    register(api)
    assert confirm(api)[0] == 200


def test_a_forgotten_password_is_replaced_by_a_mailed_code(api: Api) -> None:
    register(api)
    confirm(api)
    api.call("POST", "/v1/passwords/forgotten", {"email": EMAIL})
    for email in (EMAIL, "nobody@example.com"):
        wrong = {"email": email, "code": "abcdef", "password": OTHER}
        assert api.call("POST", "/v1/passwords", wrong)[1]["type"] == "urn:gatepass:code_invalid"
    new = {"email": EMAIL, "code": api.code(), "password": OTHER}
    assert api.call("POST", "/v1/passwords", new) == (200, {"status": "password_set"})
    assert sign_in(api, password=OTHER)[0] == 200
    assert sign_in(api)[0] == 401


def test_a_revoked_user_does_not_come_back_by_signing_in(api: Api) -> None:
    api.sign_in()
    sign_in(api)
    api.access.revoke(api.user, SOLUTION)
    status, problem = sign_in(api)
    assert (status, problem["type"]) == (403, "urn:gatepass:entitlement_revoked")


@pytest.mark.parametrize(
    "return_to",
    [
        "https://evil.example.com/app",
        "https://finder.example.com.evil.example/app",
        "https://finder.example.com@evil.example/app",
        "https://evil.example/https://finder.example.com/app",
        "//evil.example/app",
        "/app",
        "javascript:alert(1)//https://finder.example.com/app",
        "http://finder.example.com/app",
        "https://finder.example.com:8443/app",
        "https://finder.example.com/apple",
        "https://finder.example.com/",
        "https://finder.example.com/app/../admin",
        "https://finder.example.com/app/%2e%2e/admin",
        "https://finder.example.com/app/..%2fadmin",
        "https://finder.example.com/app//evil.example",
        "https://finder.example.com\\@evil.example/app",
        "https:\\\\finder.example.com/app",
        "https://finder.example.com/app\\..\\admin",
        "https://finder%2eexample.com/app",
        "https://finder.example.com%00.evil.example/app",
        " https://finder.example.com/app",
        "https://finder.example.com/app\n",
        "https://finder.example.com/app\t",
        "https://f\u0456nder.example.com/app",
        "https://user:pass@finder.example.com/app",
        "https://[::1/app",
        "data:text/html,x",
        "https://finder.example.com/app" + "a" * 2_048,
    ],
)
def test_no_token_is_sent_anywhere_but_to_the_solutions_pages(api: Api, return_to: str) -> None:
    api.sign_in()
    for path, asked in (
        ("/v1/registrations", body(return_to=return_to, email="new@example.com")),
        ("/v1/registrations/confirm", confirmation(return_to=return_to)),
        ("/v1/sessions", body(return_to=return_to)),
    ):
        status, problem = api.call("POST", path, asked)
        assert (status, problem["type"]) in (
            (400, "urn:gatepass:return_to_refused"),
            (400, "urn:gatepass:request_invalid"),
        )
    assert api.access.find(api.user, SOLUTION) is None


@pytest.mark.parametrize(
    ("return_to", "begins"),
    [
        (f"{HOME}/", f"{HOME}/?token=gp1_"),
        (f"{HOME}/deep/er?x=%2F", f"{HOME}/deep/er?x=%2F&token=gp1_"),
        (f"{HOME}?token=old#there", f"{HOME}?token=gp1_"),
        ("https://FINDER.example.com:443/app", "https://FINDER.example.com:443/app?token=gp1_"),
        (None, f"{HOME}?token=gp1_"),
    ],
)
def test_the_solutions_own_pages_get_it(api: Api, return_to: str | None, begins: str) -> None:
    api.sign_in()
    status, welcome = sign_in(api, return_to=return_to)
    assert status == 200
    assert welcome["redirect"].startswith(begins)


def test_the_fragment_keeps_the_token_out_of_server_logs(api: Api) -> None:
    api.sign_in()
    api.table.put_solution(return_urls=[HOME], token_delivery="fragment")
    redirect = sign_in(api, return_to=f"{HOME}?q=1")[1]["redirect"]
    assert redirect.startswith(f"{HOME}?q=1#token=gp1_")


@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/registrations/confirm"])
def test_a_form_is_answered_by_a_redirect_that_nobody_keeps(api: Api, path: str) -> None:
    if path == "/v1/sessions":
        api.sign_in()
        fields = body(return_to=HOME)
    else:
        register(api)
        fields = confirmation(return_to=HOME, password="", code=api.code())
    status, text = api.call("POST", path, urlencode(fields), content_type=FORM, origin="https://finder.example.com")
    assert (status, text) == (303, "")
    assert api.headers["Location"].startswith(f"{HOME}?token=gp1_")
    assert (api.headers["Referrer-Policy"], api.headers["Cache-Control"]) == ("no-referrer", "no-store")


@pytest.mark.parametrize("origin", ["https://evil.example.com", "null"])
def test_another_sites_form_signs_nobody_in(api: Api, origin: str) -> None:
    api.sign_in()
    status, problem = api.call("POST", "/v1/sessions", urlencode(body()), content_type=FORM, origin=origin)
    assert (status, problem["type"]) == (403, "urn:gatepass:origin_unknown")


@pytest.mark.parametrize(
    ("content_type", "text", "status"),
    [
        (FORM, '{"email": "x"}', 400),
        (FORM, "email=a&email=b", 400),
        (FORM, "nonsense", 400),
        ("text/plain", "{}", 415),
        ("multipart/form-data; boundary=x", "--x", 415),
    ],
)
def test_a_body_of_another_kind_is_a_problem(api: Api, content_type: str, text: str, status: int) -> None:
    assert api.call("POST", "/v1/sessions", text, content_type=content_type)[0] == status


@pytest.mark.parametrize(
    "email",
    [
        "",
        "x",
        "@example.com",
        "a@b",
        "a b@example.com",
        "a@example.com\n",
        "a@@example.com",
        "a" * 250 + "@example.com",
    ],
)
def test_an_address_that_is_none_is_refused_and_never_repeated(api: Api, email: str) -> None:
    status, problem = register(api, email=email)
    assert (status, problem["type"]) == (400, "urn:gatepass:request_invalid")
    assert PASSWORD not in str(problem)


def test_an_address_counts_whatever_its_case(api: Api) -> None:
    register(api, email="Someone@Example.COM")
    token = confirm(api)[1]["token"]
    assert sign_in(api, email="SOMEONE@example.com")[1]["token"] == token


def test_an_unknown_or_disabled_solution_is_told_before_anything_is_done(api: Api) -> None:
    assert register(api, solution_id="none-such")[1]["type"] == "urn:gatepass:solution_unknown"
    api.table.put_solution(status="disabled")
    assert register(api)[1]["type"] == "urn:gatepass:solution_disabled"
    assert api.cognito.list_users(UserPoolId=api.pool)["Users"] == []


def test_concurrent_registrations_end_in_one_user_one_entitlement_one_token(
    real_table: Table, moto_endpoint: str, mailbox: Path
) -> None:
    api = Api(real_table, moto_endpoint, mailbox)
    barrier = threading.Barrier(5, timeout=60)

    def journey(_: int) -> str:
        registration = api.services.registration
        barrier.wait()
        registration.register(EMAIL, PASSWORD, SOLUTION, None)
        barrier.wait()
        try:
            return registration.confirm(EMAIL, api.code(), SOLUTION, None).token
        except Exception:
            return registration.sign_in(EMAIL, PASSWORD, SOLUTION, None).token

    with ThreadPoolExecutor(5) as pool:
        tokens = set(pool.map(journey, range(5)))
    assert len(tokens) == 1
    assert len(api.cognito.list_users(UserPoolId=api.pool)["Users"]) == 1
    assert (
        len(
            [
                item
                for item in real_table.all()
                if item["sk"] == f"solution#{SOLUTION}" and item["pk"].startswith("user#")
            ]
        )
        == 1
    )


class Crash:
    """Lets the calls to AWS through up to the n-th, which fails before or after it was carried out, and then again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self.fatal, self.after = 0, 0, False
        import botocore.client

        real = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]
        crash = self

        def call(client: Any, operation: str, parameters: Any) -> Any:
            crash.calls += 1
            fatal = crash.calls == crash.fatal
            if fatal and not crash.after:
                raise EndpointConnectionError(endpoint_url="gone")
            answer = real(client, operation, parameters)
            if fatal:
                raise EndpointConnectionError(endpoint_url="gone")
            return answer

        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)

    def at(self, number: int, after: bool) -> None:
        self.calls, self.fatal, self.after = 0, number, after


@pytest.fixture
def crash(monkeypatch: pytest.MonkeyPatch) -> Crash:
    return Crash(monkeypatch)


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize("step", ["register", "confirm", "sign in"])
def test_a_crash_at_any_call_is_healed_by_repeating_the_step(
    real_table: Table, moto_endpoint: str, mailbox: Path, crash: Crash, step: str, after: bool
) -> None:
    api = Api(real_table, moto_endpoint, mailbox)
    number = 0
    while number < 40:
        number += 1
        who = f"user{number}-{after}@example.com"
        steps = {"register": register, "confirm": confirm, "sign in": sign_in}
        for earlier in list(steps)[: list(steps).index(step)]:
            assert steps[earlier](api, email=who)[0] in (200, 202)
        api.wire(api.settings)
        crash.at(number, after)
        status, _ = steps[step](api, email=who)
        fired = crash.calls >= number
        crash.at(0, False)
        if not fired:
            break
        if status not in (200, 202):
            status, problem = steps[step](api, email=who)
            # A code is spent by its confirmation: from then on the password is the proof.
            assert status in (200, 202) or problem["type"] == "urn:gatepass:sign_in_required"
        if step == "register":
            confirm(api, email=who)
        status, welcome = sign_in(api, email=who)
        assert status == 200
        assert api.call("POST", "/v1/validate", {"solution_id": SOLUTION}, welcome["token"])[0] == 200
    assert number > 3
