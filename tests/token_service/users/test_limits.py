"""Limits before Cognito or KMS is asked: strict for a caller, loose for an address, and never for everybody at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from entitlements.refusals import Refused
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.crash import Crash
from tests.support.signer import SOLUTION
from token_service.repository import Repository
from token_service.users.email_hashes import EmailHashes
from token_service.users.limits import CODES, DAY, HOUR, ROTATIONS, SIGN_INS, SIGN_INS_OF_ALL, Limits

WRONG = {"email": EMAIL, "password": "Wr0ng-password", "solution_id": SOLUTION}
RIGHT = WRONG | {"password": PASSWORD}
START = 1_795_478_400.0


class Kms:
    """The key of the hashes alone: KMS itself is asked in the tests of the API."""

    def mac(self, key_id: str, message: bytes) -> bytes:
        return b"k" * 32


@pytest.fixture
def limits(real_api: Api) -> Limits:
    ring = real_api.keys.ring
    hashes = EmailHashes(Kms(), ring)  # type: ignore[arg-type]
    limits = Limits(Repository(real_api.table.client, real_api.table.name), hashes, lambda: limits.now)  # type: ignore[attr-defined]
    limits.now = START  # type: ignore[attr-defined]
    return limits


def sign_in(api: Api, body: dict[str, Any], source_ip: str = "198.51.100.7") -> int:
    return api.call("POST", "/v1/sessions", body, source_ip=source_ip)[0]


def test_a_stranger_who_guesses_is_stopped_and_the_owner_is_not(real_api: Api, crash: Crash) -> None:
    real_api.sign_in()
    guesses = [sign_in(real_api, WRONG, "203.0.113.9") for _ in range(12)]
    assert guesses == [401] * 10 + [429] * 2
    crash.at(0, False)
    assert sign_in(real_api, WRONG, "203.0.113.9") == 429
    assert "AdminInitiateAuth" not in crash.operations
    assert sign_in(real_api, RIGHT) == 200


def test_what_was_right_does_not_count(real_api: Api) -> None:
    real_api.sign_in()
    assert [sign_in(real_api, RIGHT) for _ in range(SIGN_INS.most + 2)] == [200] * (SIGN_INS.most + 2)


def test_a_network_counts_as_one_caller(real_api: Api) -> None:
    """An IPv6 customer has a /64: 2^64 addresses are one guesser."""
    guesses = [sign_in(real_api, WRONG, f"2001:db8::{n:x}") for n in range(SIGN_INS.most + 1)]
    assert guesses[-1] == 429
    assert sign_in(real_api, WRONG, "2001:db8:0:1::1") == 401


def test_everybody_together_may_guess_fifty_times_an_hour(limits: Limits) -> None:
    for n in range(SIGN_INS_OF_ALL.most):
        limits.try_sign_in(EMAIL, f"192.0.2.{n}")
    with pytest.raises(Refused) as caught:
        limits.try_sign_in(EMAIL, "198.51.100.1")
    assert (caught.value.code, caught.value.retry_after) == ("too_many_requests", HOUR)
    limits.now = START + HOUR  # type: ignore[attr-defined]
    limits.try_sign_in(EMAIL, "198.51.100.1")
    limits.try_sign_in("someone-else@example.com", "198.51.100.1")


def test_concurrent_guesses_get_no_more_than_the_limit(limits: Limits) -> None:
    def guess(_: int) -> bool:
        try:
            limits.try_code(EMAIL, "192.0.2.1")
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(guess, range(40))) == CODES.most


def test_a_container_whose_clock_is_behind_counts_in_the_window_that_has_begun(limits: Limits) -> None:
    for n in range(CODES.most):
        limits.now = START + HOUR - n % 2  # type: ignore[attr-defined]
        limits.try_code(EMAIL, "192.0.2.1")
    for now in (START + HOUR, START + HOUR - 1):
        limits.now = now  # type: ignore[attr-defined]
        with pytest.raises(Refused):
            limits.try_code(EMAIL, "192.0.2.1")


def test_what_is_counted_grows_no_item_and_ends_by_itself(limits: Limits, real_api: Api) -> None:
    for day in range(30):
        limits.now = START + day * DAY  # type: ignore[attr-defined]
        limits.try_code(EMAIL, "192.0.2.1")
        limits.mail(EMAIL)
    items = [item for item in real_api.table.all() if item["pk"].startswith("email#")]
    assert len(items) == 2
    assert all(len(item) <= 7 and item["expires_at"] > limits.now for item in items)  # type: ignore[attr-defined]
    assert EMAIL not in repr(items)


def test_a_user_rotates_twenty_times_a_day(real_api: Api, crash: Crash) -> None:
    real_api.sign_in()
    real_api.access.grant(real_api.user, SOLUTION)
    for _ in range(ROTATIONS.most):
        real_api.services.limits.rotate(real_api.user)
    crash.at(0, False)
    status, problem = real_api.call("POST", "/v1/tokens/rotate", {"solution_id": SOLUTION}, real_api.id_token)
    assert (status, problem["type"]) == (429, "urn:gatepass:too_many_requests")
    assert not {"Sign", "GenerateMac"} & set(crash.operations)
    # Ending a token must always be possible, and so must getting the one that there is.
    assert real_api.call("DELETE", f"/v1/tokens/{SOLUTION}", bearer=real_api.id_token)[0] == 200
    assert real_api.call("POST", "/v1/tokens", {"solution_id": SOLUTION}, real_api.id_token)[0] == 200


def test_a_mail_that_is_not_sent_leaves_the_last_code_valid(real_api: Api) -> None:
    body = {"email": EMAIL, "solution_id": SOLUTION}
    answers = [real_api.call("POST", "/v1/registrations", body)[0] for _ in range(7)]
    assert answers == [202] * 5 + [429] * 2
    code = real_api.code()
    assert real_api.call("POST", "/v1/registrations/confirm", body | {"code": code, "password": PASSWORD})[0] == 200
