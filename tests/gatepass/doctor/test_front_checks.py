"""Faults of the token service, as HTTP shows them, and of the user pool."""

import json

from entitlements.keyring import KeyRing
from tests.gatepass.doctor.conftest import Ward
from tests.support.emulators import free_port
from tests.support.scripted import answer, scripted


def test_a_token_service_that_publishes_these_keys_is_sound_and_another_is_not(ward: Ward) -> None:
    published = KeyRing.from_document(json.dumps(ward.ring()), 1).jwks()
    for body, verdict, what in (
        (published, "ok", "publishes 1 keys"),
        ({"keys": []}, "problem", "publishes other keys than the ring's"),
    ):
        with scripted(answer(body)) as server:
            ward.change_stack(TokenServiceUrl=server.url)
            found = ward.line("token service")
            assert (found[0], what in found[1]) == (verdict, True)
            assert server.requests[0].startswith(b"GET /.well-known/jwks.json ")


def test_a_token_service_that_fails_or_is_away_is_found(ward: Ward) -> None:
    with scripted(answer({"message": "Internal Server Error"}, "500 Internal Server Error")) as server:
        ward.change_stack(TokenServiceUrl=server.url)
        assert "answered 500" in ward.problem("token service")
    ward.change_stack(TokenServiceUrl=f"http://127.0.0.1:{free_port()}")
    assert "gave no answer" in ward.problem("token service")


def test_a_pool_that_must_not_be_used_is_found(ward: Ward) -> None:
    ward.pool.cognito.update_user_pool(
        UserPoolId=ward.pool.id, AutoVerifiedAttributes=["email"],
        AdminCreateUserConfig={"AllowAdminCreateUserOnly": True},
        AccountRecoverySetting={"RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}]},
    )  # fmt: skip
    assert "only administrators can create users" in ward.problems("user pool")
    ward.pool.cognito.delete_user_pool(UserPoolId=ward.pool.id)
    assert "there is no user pool" in ward.problem("user pool")


def test_warnings_about_the_pool_are_no_problems(ward: Ward) -> None:
    ward.pool.client("page", secret=False)
    assert ward.line("user pool")[1].endswith("gatepass init prints 1 warnings")
