"""From a visitor to a user with a token, over HTTP, with the local Cognito, which is as strict as AWS."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from entitlements.refusals import Refused
from tests.support.api import ADDRESS, EMAIL, PASSWORD, Api
from tests.support.crash import Crash
from tests.support.signer import SOLUTION
from token_service.users.registration import Visit

FORM = "application/x-www-form-urlencoded"
HOME = "https://finder.example.com/app"
OTHER = "An0ther-password"


def body(**changes: Any) -> dict[str, Any]:
    return {"email": EMAIL, "password": PASSWORD, "solution_id": SOLUTION} | changes


def registration(**changes: Any) -> dict[str, Any]:
    return {"email": EMAIL, "solution_id": SOLUTION} | changes


def confirmation(**changes: Any) -> dict[str, Any]:
    return body(code="123456") | changes


def register(api: Api, **changes: Any) -> tuple[int, Any]:
    return api.call("POST", "/v1/registrations", registration(**changes))


def confirm(api: Api, **changes: Any) -> tuple[int, Any]:
    """By the mailed code, unless another one is given."""
    email = changes.get("email", EMAIL).lower()
    codes = {} if "code" in changes or email.startswith("nobody") else {"code": api.code(email)}
    return api.call("POST", "/v1/registrations/confirm", confirmation(**codes, **changes))


def forgot(api: Api, email: str = EMAIL) -> tuple[int, Any]:
    return api.call("POST", "/v1/passwords/forgotten", {"email": email})


def sign_in(api: Api, **changes: Any) -> tuple[int, Any]:
    return api.call("POST", "/v1/sessions", body(**changes))


def test_a_visitor_registers_and_comes_back_with_a_token(api: Api) -> None:
    assert register(api, return_to=f"{HOME}/deep") == (202, {"status": "code_mailed"})
    status, welcome = confirm(api, return_to=f"{HOME}/deep", state="page-1")
    assert status == 200
    redirect = urlsplit(welcome["redirect"])
    assert f"{redirect.scheme}://{redirect.netloc}{redirect.path}" == f"{HOME}/deep"
    assert parse_qs(redirect.query) == {"token": [welcome["token"]], "state": ["page-1"]}
    assert (welcome["state"], welcome["code"]) == ("page-1", None)
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


def granted(api: Api) -> list[str | None]:
    """Of each audit entry of a grant, the refusal that it came from."""
    return [item.get("from") for item in api.table.all() if item.get("event") == "granted"]


@pytest.mark.parametrize("reason", ["quota_exceeded", "anonymous_quota_exceeded"])
def test_the_refusal_that_a_registration_came_from_is_in_its_audit_entry_alone(api: Api, reason: str) -> None:
    register(api)
    status, welcome = confirm(api, **{"from": reason})
    assert (status, "from" in welcome, granted(api)) == (200, False, [reason])
    assert [item["sk"].partition("#")[0] for item in api.table.all() if "from" in item] == ["audit"]


def test_the_refusal_counts_for_what_a_sign_in_grants_and_once(api: Api) -> None:
    api.sign_in()
    form = urlencode(body(**{"from": "anonymous_quota_exceeded"}))
    assert api.call("POST", "/v1/sessions", form, content_type=FORM, origin="https://finder.example.com")[0] == 303
    assert sign_in(api, **{"from": "quota_exceeded"})[0] == 200
    assert granted(api) == ["anonymous_quota_exceeded"]


@pytest.mark.parametrize(
    "reason", ["", "ok", "store_unavailable", "<script>", "x" * 5_000, None, 7, ["quota_exceeded"]]
)
def test_another_refusal_is_ignored(api: Api, reason: object) -> None:
    api.sign_in()
    assert sign_in(api, **{"from": reason})[0] == 200
    assert granted(api) == [None]


def test_a_wrong_code_confirms_nothing_and_a_new_one_replaces_the_old(api: Api) -> None:
    register(api)
    first = api.code()
    assert confirm(api, code="abcdef")[1]["type"] == "urn:gatepass:code_invalid"
    api.call("POST", "/v1/registrations/resend", {"email": EMAIL})
    assert first == api.code() or confirm(api, code=first)[1]["type"] == "urn:gatepass:code_invalid"
    assert confirm(api)[0] == 200


def test_a_code_works_once(api: Api) -> None:
    register(api)
    assert confirm(api)[0] == 200
    assert confirm(api)[1]["type"] == "urn:gatepass:code_invalid"


def test_who_registers_again_gets_a_code_for_a_new_password_and_keeps_the_token(api: Api) -> None:
    """The mailbox proves the address, whatever the account's state: a crash between two steps locks nobody out."""
    register(api)
    token = confirm(api)[1]["token"]
    register(api)
    status, welcome = confirm(api, password=OTHER)
    assert (status, welcome["token"]) == (200, token)
    assert (sign_in(api)[0], sign_in(api, password=OTHER)[0]) == (401, 200)


@pytest.mark.parametrize(
    ("password", "missing"),
    [
        ("short-A1", "12 characters"),
        ("no-upper-case-1", "upper-case"),
        ("NO-LOWER-CASE-1", "lower"),
        ("No-digits-here", "digit"),
        ("ÉÉÉÉÉÉÉÉÉÉÉaa1", "upper-case"),  # Cognito counts basic Latin letters alone
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_a_weak_password_is_named_for_known_and_unknown_addresses_alike(
    api: Api, password: str, missing: str, known: bool
) -> None:
    if known:
        register(api)
    status, problem = confirm(api, password=password, code="123456")
    assert (status, problem["type"]) == (400, "urn:gatepass:password_weak")
    assert missing in problem["detail"]


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
        "https://finder.example.com/app?api=https://evil.example",
        "https://finder.example.com/app?tenant=1&tenant=1",
        "https://finder.example.com/app" + "a" * 2_048,
    ],
)
def test_no_token_is_sent_anywhere_but_to_the_solutions_pages(api: Api, return_to: str) -> None:
    api.sign_in()
    for path, asked in (
        ("/v1/registrations", registration(return_to=return_to, email="new@example.com")),
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
        (f"{HOME}/deep/er", f"{HOME}/deep/er?token=gp1_"),
        (f"{HOME}#there", f"{HOME}?token=gp1_"),
        (f"{HOME}/shop?tenant=1&x=%2F", f"{HOME}/shop?tenant=1&x=%2F&token=gp1_"),
        (f"{HOME}/shop/2?x=%2F", f"{HOME}/shop/2?x=%2F&token=gp1_"),
        ("https://FINDER.example.com:443/app", "https://FINDER.example.com:443/app?token=gp1_"),
        (None, f"{HOME}?token=gp1_"),
    ],
)
def test_the_solutions_own_pages_get_it(api: Api, return_to: str | None, begins: str) -> None:
    api.sign_in()
    api.table.put_solution(return_urls=[f"{HOME}/shop?tenant=1&x=%2F", HOME], frontend_url=HOME)
    status, welcome = sign_in(api, return_to=return_to)
    assert status == 200
    assert welcome["redirect"].startswith(begins)


def test_the_fragment_keeps_the_token_out_of_server_logs(api: Api) -> None:
    api.sign_in()
    api.table.put_solution(return_urls=[HOME], token_delivery="fragment")
    redirect = sign_in(api, return_to=f"{HOME}/deep", state="page-1")[1]["redirect"]
    assert redirect.startswith(f"{HOME}/deep#token=gp1_")
    assert redirect.endswith("&state=page-1")


@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/registrations/confirm"])
def test_a_form_is_answered_by_a_redirect_that_nobody_keeps(api: Api, path: str) -> None:
    if path == "/v1/sessions":
        api.sign_in()
        fields = body(return_to=HOME)
    else:
        register(api)
        fields = confirmation(return_to=HOME, state="page-1", code=api.code())
    status, text = api.call("POST", path, urlencode(fields), content_type=FORM, origin="https://finder.example.com")
    assert (status, text) == (303, "")
    assert api.headers["Location"].startswith(f"{HOME}?token=gp1_")
    assert (api.headers["Referrer-Policy"], api.headers["Cache-Control"]) == ("no-referrer", "no-store")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://finder.example.com", 303),
        ("https://marketplace.example.com", 303),
        ("https://evil.example.com", 403),
        ("https://other.example.com", 403),  # the page of another solution
        ("null", 403),
        ("", 403),
    ],
)
def test_forms_are_taken_from_the_solution_they_name_and_its_marketplace(api: Api, origin: str, status: int) -> None:
    api.sign_in()
    api.table.put_solution(solution_id="another-one", frontend_url="https://other.example.com/")
    api.table.put("origin#https://other.example.com", "solution#another-one")
    headers = {"origin": origin} if origin else {}
    found, problem = api.call("POST", "/v1/sessions", urlencode(body()), content_type=FORM, **headers)
    assert found == status
    assert status == 303 or problem["type"] == "urn:gatepass:origin_unknown"


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


def test_concurrent_registrations_end_in_one_user_one_entitlement_one_token(real_api: Api) -> None:
    api = real_api
    barrier = threading.Barrier(5, timeout=60)

    def journey(_: int) -> str:
        registration, visit = api.services.registration, Visit(SOLUTION)
        barrier.wait()
        registration.register(EMAIL, visit)
        barrier.wait()
        with suppress(Refused):  # one of the five spends the code
            registration.confirm(EMAIL, api.code(), PASSWORD, visit, ADDRESS)
        barrier.wait()
        return registration.sign_in(EMAIL, PASSWORD, visit, ADDRESS).token or ""

    with ThreadPoolExecutor(5) as pool:
        tokens = set(pool.map(journey, range(5)))
    assert len(tokens) == 1
    assert len(api.cognito.list_users(UserPoolId=api.pool)["Users"]) == 1
    assert (
        len(
            [
                item
                for item in api.table.all()
                if item["sk"] == f"solution#{SOLUTION}" and item["pk"].startswith("user#")
            ]
        )
        == 1
    )


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize("step", ["register", "confirm", "sign in"])
def test_a_crash_at_any_call_is_healed_by_repeating_the_step(
    real_api: Api, crash: Crash, step: str, after: bool
) -> None:
    api = real_api
    number = 0
    while number < 40:
        number += 1
        who = f"user{number}-{after}@example.com"
        steps = {"register": register, "confirm": confirm, "sign in": sign_in}
        for earlier in list(steps)[: list(steps).index(step)]:
            assert steps[earlier](api, email=who)[0] in (200, 202)
        api.wire(api.settings, behind=1)  # no step waits for the next second
        crash.at(number, after)
        status, _ = steps[step](api, email=who)
        fired = crash.calls >= number
        crash.at(0, False)
        if not fired:
            break
        if status not in (200, 202):
            status, problem = steps[step](api, email=who)
            # A code may be spent: another one is asked for.
            assert status in (200, 202) or problem["type"] == "urn:gatepass:code_invalid"
        if step == "register" or status == 400:
            register(api, email=who)
            assert confirm(api, email=who)[0] == 200
        status, welcome = sign_in(api, email=who)
        assert status == 200
        assert api.call("POST", "/v1/validate", {"solution_id": SOLUTION}, welcome["token"])[0] == 200
    assert number > 3
