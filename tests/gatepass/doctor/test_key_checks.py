"""Faults of the keys in KMS."""

import json

import pytest

from tests.gatepass.doctor.conftest import Ward


def signing_key(ward: Ward) -> str:
    return str(ward.ring()["keys"][0]["kms_key_id"])


def test_a_disabled_key_and_one_that_will_be_deleted_are_found(ward: Ward) -> None:
    kms, mac = ward.client("kms"), ward.ring()["mac_key_id"]
    kms.disable_key(KeyId=signing_key(ward).rpartition("/")[2])
    kms.schedule_key_deletion(KeyId=mac.rpartition("/")[2], PendingWindowInDays=7)
    disabled, doomed = ward.problems("keys in KMS")
    assert disabled == f"the signing key ({signing_key(ward)}) is Disabled"
    assert doomed.startswith(f"the key that secrets are derived from ({mac}) will be deleted on ")


def test_a_key_that_does_not_exist_is_found(ward: Ward) -> None:
    ring = ward.ring()
    ring["mac_key_id"] = "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-4234-8234-123456789012"
    ward.put_ring(json.dumps(ring))
    assert "does not exist" in ward.problem("keys in KMS")


def test_a_key_without_the_stacks_tag_is_found(ward: Ward) -> None:
    ward.client("kms").untag_resource(KeyId=signing_key(ward), TagKeys=["gatepass:stack"])
    assert "has the tag gatepass:stack = nothing" in ward.problem("keys in KMS")


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "RSA_2048"])
def test_a_key_that_is_not_the_rings_is_found(ward: Ward, spec: str) -> None:
    """By its kind or by its public half: what it signs is refused everywhere."""
    made = ward.client("kms").create_key(
        KeySpec=spec, KeyUsage="SIGN_VERIFY", Tags=[{"TagKey": "gatepass:stack", "TagValue": ward.stack}]
    )
    ring = ward.ring()
    ring["keys"][0]["kms_key_id"] = made["KeyMetadata"]["Arn"]
    ward.put_ring(json.dumps(ring))
    found = ward.problem("keys in KMS")
    assert ("has another public key" in found, "is RSA_2048 for" in found) == (spec != "RSA_2048", spec == "RSA_2048")
