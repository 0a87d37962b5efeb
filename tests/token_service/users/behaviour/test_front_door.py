"""Two people and one address, in any order of steps, with a crash or a lost answer at any call to AWS.

Whoever has the mailbox ends up with the account, the other with nothing; and of a user's tokens one is live at most.
"""

import secrets
from typing import Any

import jwt
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from entitlements.items import attempts_key
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.crash import Crash
from tests.support.signer import SOLUTION

ASK = {"solution_id": SOLUTION}
OWNER, STRANGER = "198.51.100.7", "203.0.113.9"
STRANGERS_PASSWORD = "Str4nger-password"


def test_whoever_registers_somebody_elses_address_first_gains_nothing(real_api: Api) -> None:
    """The attack that worked: Cognito says "not confirmed" to any password, so a stranger's one could not be told."""
    api = real_api
    for extra in ({}, {"password": STRANGERS_PASSWORD}):
        api.call("POST", "/v1/registrations", {"email": EMAIL} | ASK | extra, source_ip=STRANGER)
    confirmed = api.call(
        "POST", "/v1/registrations/confirm", {"email": EMAIL, "password": PASSWORD, "code": api.code()} | ASK
    )
    assert confirmed[0] == 200
    stranger = {"email": EMAIL, "password": STRANGERS_PASSWORD} | ASK
    assert api.call("POST", "/v1/sessions", stranger)[0] == 401
    assert api.call("POST", "/v1/sessions", stranger | {"password": PASSWORD})[0] == 200


def test_an_account_with_a_strangers_password_is_its_owners_after_the_code(real_api: Api) -> None:
    """Accounts of before, and of pools that are adopted, may wait for their code with a password that somebody chose."""
    api = real_api
    api.cognito.sign_up(
        ClientId=api.client, Username=EMAIL, Password=STRANGERS_PASSWORD, SecretHash=api.secret_hash(EMAIL),
        UserAttributes=[{"Name": "email", "Value": EMAIL}],
    )  # fmt: skip
    body = {"email": EMAIL, "password": PASSWORD, "code": api.code()} | ASK
    assert api.call("POST", "/v1/registrations/confirm", body)[0] == 200
    assert api.call("POST", "/v1/sessions", {"email": EMAIL, "password": STRANGERS_PASSWORD} | ASK)[0] == 401


def test_nobody_gets_past_our_api_with_the_clients_id(real_api: Api) -> None:
    """It stands in every ID token. What is public in Cognito wants the client's secret too; the rest is for admins."""
    api = real_api
    api.sign_in()
    claims = jwt.decode(api.id_token, options={"verify_signature": False})
    client, pool = claims["aud"], api.cognito
    login = {"USERNAME": EMAIL, "PASSWORD": PASSWORD}
    attempts: dict[str, dict[str, Any]] = {
        "sign_up": {"Username": "new@example.com", "Password": PASSWORD},
        "resend_confirmation_code": {"Username": EMAIL},
        "confirm_sign_up": {"Username": EMAIL, "ConfirmationCode": "000000"},
        "forgot_password": {"Username": EMAIL},
        "confirm_forgot_password": {"Username": EMAIL, "ConfirmationCode": "000000", "Password": PASSWORD},
        "initiate_auth": {"AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": login},
    }
    refresh = {"AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": {"REFRESH_TOKEN": api.tokens["RefreshToken"]}}
    for operation, parameters in [*attempts.items(), ("initiate_auth", refresh)]:
        with pytest.raises(ClientError) as caught:
            getattr(pool, operation)(ClientId=client, **parameters)
        assert caught.value.response["Error"]["Code"] in ("NotAuthorizedException", "InvalidParameterException"), (
            operation
        )


def session(api: Api, password: str = PASSWORD) -> dict[str, Any]:
    status, welcome = api.call("POST", "/v1/sessions", {"email": EMAIL, "password": password} | ASK)
    assert status == 200
    return dict(welcome)


@pytest.mark.parametrize("end", ["confirm", "reset", "sign out", "delete"])
@pytest.mark.parametrize("rotate", [False, True])
def test_a_session_of_before_is_void_and_a_token_where_it_shall_be(real_api: Api, end: str, rotate: bool) -> None:
    """Within one second too: what ends sessions ends those that began in the same one."""
    api = real_api
    api.sign_in()
    before = session(api)
    thief = before["id_token"]
    if end in ("confirm", "reset"):
        api.call("POST", "/v1/passwords/forgotten", {"email": EMAIL})
        path = {"confirm": "/v1/registrations/confirm", "reset": "/v1/passwords"}[end]
        body = {"email": EMAIL, "code": api.code(), "password": "An0ther-password", "rotate_tokens": rotate}
        status, _ = api.call("POST", path, body | (ASK if end == "confirm" else {}))
    elif end == "sign out":
        status, _ = api.call("DELETE", f"/v1/sessions?rotate_tokens={str(rotate).lower()}", bearer=thief)
    else:
        status, _ = api.call("DELETE", "/v1/account", bearer=thief)
    assert status == 200
    for method, path, asked in (
        ("POST", "/v1/tokens", ASK),
        ("POST", "/v1/tokens/rotate", ASK),
        ("POST", "/v1/visits", ASK),
        ("GET", "/v1/entitlements", None),
        ("DELETE", f"/v1/tokens/{SOLUTION}", None),
        ("DELETE", "/v1/sessions", None),
    ):
        status, problem = api.call(method, path, asked, thief)
        assert (status, problem["type"]) == (401, "urn:gatepass:sign_in_required"), path
    reason = api.call("POST", "/v1/validate", ASK, before["token"])[1]["reason"]
    assert reason == ("entitlement_revoked" if end == "delete" else "token_superseded" if rotate else "ok")
    if end != "delete":
        # Whoever signs in now is signed in, be it within the same second.
        after = session(api, PASSWORD if end == "sign out" else "An0ther-password")
        assert api.call("GET", "/v1/entitlements", bearer=after["id_token"])[0] == 200
        assert (after["token"] == before["token"]) is not rotate


@pytest.mark.parametrize("path", ["/v1/tokens", "/v1/visits"])
def test_a_thief_who_asks_while_the_owner_signs_out_gets_no_token(
    real_api: Api, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Between the end of the tokens and the end of the sessions, and in flight over both."""
    api = real_api
    api.sign_in()
    owner, thief = session(api)["id_token"], session(api)["id_token"]
    end, got = api.services.sessions.end, list[Any]()

    def polled(user_id: str) -> None:
        got.append(api.call("POST", path, ASK, thief))
        end(user_id)

    with monkeypatch.context() as patch:
        patch.setattr(api.services.sessions, "end", polled)
        assert api.call("DELETE", "/v1/sessions?rotate_tokens=true", bearer=owner)[0] == 200
    token = got[0][1]["token"]
    assert api.call("POST", "/v1/validate", ASK, token)[1]["reason"] == "token_superseded"

    late = session(api)["id_token"]
    mint = api.services.minting.mint

    def in_flight(user_id: str, solution_id: str) -> str:
        end(user_id)
        return mint(user_id, solution_id)

    monkeypatch.setattr(api.services.minting, "mint", in_flight)
    status, problem = api.call("POST", path, ASK, late)
    assert (status, problem["type"]) == (401, "urn:gatepass:sign_in_required")


def test_a_clock_that_is_behind_gives_no_session_back(real_api: Api) -> None:
    real_api.sign_in()
    sessions = real_api.services.sessions
    sessions.end(real_api.user)
    was = sessions.account(real_api.user)["not_before"]
    sessions._clock = lambda: was - 60.0
    sessions.end(real_api.user)
    assert sessions.account(real_api.user)["not_before"] == was


class TwoPeople(RuleBasedStateMachine):
    """Each run has an address of its own. The owner reads the mails; the stranger knows the address."""

    def __init__(self, api: Api, crash: Crash) -> None:
        super().__init__()
        self.api, self.crash = api, crash
        self.email = f"{secrets.token_hex(8)}@example.com"
        self.passwords: list[str] = []
        self.tokens: set[str] = set()
        self.session = ""

    def hours_pass(self) -> None:
        """How often is tried is another test's matter."""
        for caller in ("", OWNER, STRANGER):
            key = attempts_key(self.api.services.limits._hashes.of(self.email, caller))
            self.api.table.client.delete_item(TableName=self.api.table.name, Key=key.wire)

    def call(self, method: str, path: str, body: Any = None, who: str = OWNER, **more: Any) -> tuple[int, Any]:
        status, answer = self.api.call(method, path, body, source_ip=who, **more)
        if status < 300 and isinstance(answer, dict) and answer.get("token"):
            assert who == OWNER
            self.tokens.add(answer["token"])
        return status, answer

    @initialize()
    def start(self) -> None:
        self.crash.at(0, False)

    @rule(number=st.integers(1, 14), after=st.booleans())
    def something_will_break(self, number: int, after: bool) -> None:
        self.breaks = (number, after)

    breaks: tuple[int, bool] = (0, False)

    def step(self, *arguments: Any, **more: Any) -> tuple[int, Any]:
        """A call in which what was announced breaks."""
        arranged, self.breaks = self.breaks, (0, False)
        self.hours_pass()
        self.crash.at(*arranged)
        try:
            return self.call(*arguments, **more)
        finally:
            self.crash.at(0, False)

    @rule(path=st.sampled_from(["/v1/registrations", "/v1/registrations/resend", "/v1/passwords/forgotten"]),
          who=st.sampled_from([OWNER, STRANGER]))  # fmt: skip
    def ask_for_a_code(self, path: str, who: str) -> None:
        body = {"email": self.email} | (ASK if path == "/v1/registrations" else {})
        status, answer = self.step("POST", path, body, who)
        assert status >= 500 or (status, answer) == (202, {"status": "code_mailed"})

    def code(self) -> str:
        try:
            return self.api.code(self.email)
        except IndexError:
            return "000000"

    @rule(confirm=st.booleans(), rotate=st.booleans())
    def owner_chooses_a_password(self, confirm: bool, rotate: bool) -> None:
        self.passwords.append(f"Owner-{secrets.token_hex(8)}1")
        body = {"email": self.email, "code": self.code(), "password": self.passwords[-1], "rotate_tokens": rotate}
        path = "/v1/registrations/confirm" if confirm else "/v1/passwords"
        self.step("POST", path, body | (ASK if confirm else {}))

    @rule(code=st.sampled_from(["000000", "123456"]), confirm=st.booleans())
    def stranger_tries_a_code(self, code: str, confirm: bool) -> None:
        if code == self.code():
            return
        body = {"email": self.email, "code": code, "password": STRANGERS_PASSWORD}
        path = "/v1/registrations/confirm" if confirm else "/v1/passwords"
        status, _ = self.step("POST", path, body | (ASK if confirm else {}), STRANGER)
        assert status == 400 or status >= 500

    @rule()
    def stranger_signs_in(self) -> None:
        status, _ = self.step(
            "POST", "/v1/sessions", {"email": self.email, "password": STRANGERS_PASSWORD} | ASK, STRANGER
        )
        assert status == 401 or status >= 500

    @precondition(lambda self: self.passwords)
    @rule()
    def owner_signs_in(self) -> None:
        status, answer = self.step("POST", "/v1/sessions", {"email": self.email, "password": self.passwords[-1]} | ASK)
        if status == 200:
            self.session = answer["id_token"]

    @precondition(lambda self: self.session)
    @rule(rotate=st.booleans())
    def owner_signs_out(self, rotate: bool) -> None:
        self.step("DELETE", f"/v1/sessions?rotate_tokens={str(rotate).lower()}", bearer=self.session)

    @precondition(lambda self: self.session)
    @rule(path=st.sampled_from(["/v1/tokens/rotate", "/v1/visits"]))
    def owner_gets_a_token(self, path: str) -> None:
        self.step("POST", path, ASK, bearer=self.session)

    @precondition(lambda self: self.session)
    @rule()
    def owner_deletes_the_account(self) -> None:
        self.step("DELETE", "/v1/account", bearer=self.session)

    @invariant()
    def one_token_is_live_at_most(self) -> None:
        live = [token for token in self.tokens if self.reason(token) == "ok"]
        assert len(live) <= 1

    def reason(self, token: str) -> str:
        body = ASK | {"spend": False, "path": "/health"}
        return str(self.api.call("POST", "/v1/validate", body, token)[1]["reason"])

    def teardown(self) -> None:
        """When nothing breaks any more, the mailbox is enough to get in; and the stranger is still outside."""
        self.crash.at(0, False)
        for _ in range(2):  # a deletion that broke off is finished by the first
            self.hours_pass()
            assert self.call("POST", "/v1/registrations", {"email": self.email} | ASK)[0] == 202
            body = {"email": self.email, "code": self.code(), "password": PASSWORD} | ASK
            status, welcome = self.call("POST", "/v1/registrations/confirm", body)
            if status == 200:
                break
        assert status == 200, welcome
        status, again = self.call("POST", "/v1/sessions", {"email": self.email, "password": PASSWORD} | ASK)
        assert (status, again["token"], self.reason(again["token"])) == (200, welcome["token"], "ok")
        self.one_token_is_live_at_most()
        for password in (STRANGERS_PASSWORD, *self.passwords):
            self.hours_pass()
            body = {"email": self.email, "password": password} | ASK
            assert self.call("POST", "/v1/sessions", body, STRANGER)[0] == 401


def test_two_people_and_one_address(real_api: Api, crash: Crash) -> None:
    # A second behind Cognito's, so that no step has to wait for the next second; sessions have tests of their own.
    real_api.wire(real_api.settings, behind=1)

    class Here(TwoPeople):
        def __init__(self) -> None:
            super().__init__(real_api, crash)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=30, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )  # fmt: skip
