"""Nobody learns who is registered: not by status, headers or body, and not by how much there is to do."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import PASSWORD, Api
from tests.support.crash import Crash
from tests.support.signer import SOLUTION

STATES = ("unknown", "pending", "confirmed", "deleted", "invited")
PLACE = {"solution_id": SOLUTION}
WRONG = {"code": "wrong0", "password": PASSWORD}
ROUTES: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "register": ("/v1/registrations", lambda email: {"email": email} | PLACE),
    "resend": ("/v1/registrations/resend", lambda email: {"email": email}),
    "forgotten": ("/v1/passwords/forgotten", lambda email: {"email": email}),
    "confirm": ("/v1/registrations/confirm", lambda email: {"email": email} | WRONG | PLACE),
    "reset": ("/v1/passwords", lambda email: {"email": email} | WRONG),
    "sign in": ("/v1/sessions", lambda email: {"email": email, "password": "Wr0ng-password"} | PLACE),
    "sign in to the account": ("/v1/sessions", lambda email: {"email": email, "password": "Wr0ng-password"}),
}


def prepare(api: Api, state: str) -> str:
    """An address in a state."""
    email = f"{state}@example.com"
    if state == "invited":
        api.cognito.admin_create_user(UserPoolId=api.pool, Username=email)
        return email
    if state == "unknown":
        return email
    api.call("POST", "/v1/registrations", {"email": email} | PLACE)
    if state == "pending":
        return email
    api.call(
        "POST", "/v1/registrations/confirm", {"email": email, "code": api.code(email), "password": PASSWORD} | PLACE
    )
    if state == "deleted":
        signed_in = api.call("POST", "/v1/sessions", {"email": email, "password": PASSWORD} | PLACE)[1]
        assert api.call("DELETE", "/v1/account", bearer=signed_in["id_token"])[0] == 200
    return email


@contextmanager
def no_mail(mailbox: Path) -> Iterator[None]:
    """A folder in the mailbox's place, into which nothing can be written."""
    kept = mailbox.with_suffix(".kept")
    os.rename(mailbox, kept)
    mailbox.mkdir()
    try:
        yield
    finally:
        mailbox.rmdir()
        os.rename(kept, mailbox)


@pytest.fixture
def ready(real_api: Api) -> dict[str, str]:
    """Addresses in all states. The container is warm: what it asks for once, it has."""
    emails = {state: prepare(real_api, state) for state in STATES}
    for route in ("sign in", "reset"):
        path, body = ROUTES[route]
        real_api.call("POST", path, body("warm@example.com"))
    return emails


def an_hour_passes(api: Api) -> None:
    """What was counted of attempts is of a window that has ended."""
    for item in api.table.all():
        if item["sk"] == "attempts":
            api.table.client.delete_item(
                TableName=api.table.name, Key={name: {"S": item[name]} for name in ("pk", "sk")}
            )


@pytest.mark.parametrize("mail", ["mail goes out", "mail fails"])
def test_every_route_answers_alike_for_every_state(
    real_api: Api, ready: dict[str, str], crash: Crash, mailbox: Path, capsys: pytest.CaptureFixture[str], mail: str
) -> None:
    for route, (path, body) in ROUTES.items():
        an_hour_passes(real_api)
        seen = {}
        capsys.readouterr()
        for state, email in ready.items():
            crash.at(0, False)
            if mail == "mail fails":
                with no_mail(mailbox):
                    answer = real_api.call("POST", path, body(email))
            else:
                answer = real_api.call("POST", path, body(email))
            seen[state] = (*answer, real_api.headers, crash.calls)
        assert seen == dict.fromkeys(STATES, seen["unknown"]), route
        told = capsys.readouterr().out
        assert not any(email in told for email in ready.values())
        failed = '"mail_failed": 1' in told
        # That an invited user can get no code is no failure of mail.
        assert failed is (mail == "mail fails" and route in ("register", "resend", "forgotten"))


def test_the_limits_hold_alike_for_every_state(real_api: Api, ready: dict[str, str]) -> None:
    for route, most in {"register": 5, "confirm": 10, "sign in": 10, "sign in to the account": 10}.items():
        an_hour_passes(real_api)
        path, body = ROUTES[route]
        seen = {}
        for state, email in ready.items():
            statuses = [real_api.call("POST", path, body(email))[0] for _ in range(most + 1)]
            assert 0 < int(real_api.headers["Retry-After"]) <= 3600
            seen[state] = statuses
        assert seen == dict.fromkeys(STATES, seen["unknown"])
        assert seen["unknown"][-1] == 429
        assert 429 not in seen["unknown"][:-1]
