"""Checks of the keys in KMS that the token service signs with and derives from.

https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from entitlements.keyring import KeyRing, KeyState, SigningKey
from gatepass.aws_calls import CallFailed
from gatepass.doctor.checkup import Check, Examination, Skipped, Trouble
from gatepass.doctor.patient import Patient
from gatepass.doctor.store_checks import required_ring
from gatepass.environment import LOCAL_STACK
from token_service.signing.kms import STACK_TAG

SIGNING_SPEC: Final = ("ECC_NIST_P256", "SIGN_VERIFY")
MAC_SPEC: Final = ("HMAC_256", "GENERATE_VERIFY_MAC")


class KeyUse(NamedTuple):
    """A KMS key of the ring. `public` is the ring's copy of its public half, for keys that sign."""

    what: str
    key_id: str
    spec: tuple[str, str]
    public: SigningKey | None = None


def check_keys(patient: Patient) -> Examination:
    """Whether each KMS key that is in use exists, is enabled, and is allowed to the token service by its tag."""
    ring = required_ring(patient)
    if patient.emulated and not patient.environment.endpoint:
        raise Skipped("AWS_ENDPOINT_URL is not set, so there is no KMS to ask")
    uses = list(_uses(ring))
    for use in uses:
        yield from _check_key(patient, use)
    return f"{len({use.key_id for use in uses})} keys exist, are enabled, and are this stack's"


def _uses(ring: KeyRing) -> Iterator[KeyUse]:
    for key in ring.keys:
        # The others only verify, which needs no KMS.
        if key.state in (KeyState.SIGNING, KeyState.PUBLISHED):
            yield KeyUse(f"the {key.state} key", key.kms_key_id, SIGNING_SPEC, key)
    yield KeyUse("the key that secrets are derived from", ring.mac_key_id, MAC_SPEC)
    if ring.email_key != ring.mac_key_id:
        yield KeyUse("the key that hashes email addresses", ring.email_key, MAC_SPEC)


def _check_key(patient: Patient, use: KeyUse) -> Iterator[Trouble]:
    name = f"{use.what} ({use.key_id})"
    replace = "run gatepass keys rotate" if use.spec is SIGNING_SPEC else "run gatepass keys replace-mac"
    try:
        key = patient.aws.call("kms", "describe_key", KeyId=use.key_id)["KeyMetadata"]
    except CallFailed as error:
        if error.code != "NotFoundException":
            raise
        yield Trouble(f"{name} does not exist", f"{replace}; a test key can be used only by the samples' fixture")
        return
    if key["KeyState"] == "PendingDeletion":
        yield Trouble(
            f"{name} will be deleted on {key.get('DeletionDate', 'a day that is not told')}",
            f"run aws kms cancel-key-deletion and enable-key --key-id {use.key_id} now",
        )
        return
    if key["KeyState"] != "Enabled":
        yield Trouble(f"{name} is {key['KeyState']}", f"run aws kms enable-key --key-id {use.key_id}")
        return
    if (key.get("KeySpec"), key.get("KeyUsage")) != use.spec:
        yield Trouble(f"{name} is {key.get('KeySpec')} for {key.get('KeyUsage')}", replace)
        return
    tags = patient.aws.call("kms", "list_resource_tags", KeyId=use.key_id)["Tags"]
    wanted = patient.stack or (LOCAL_STACK if patient.emulated else "")
    found = next((tag["TagValue"] for tag in tags if tag["TagKey"] == STACK_TAG), "")
    if wanted and found != wanted:
        yield Trouble(
            f"{name} has the tag {STACK_TAG} = {found or 'nothing'}, so the token service may not use it",
            f"run aws kms tag-resource --key-id {use.key_id} --tags TagKey={STACK_TAG},TagValue={wanted}",
        )
    if use.public is not None and patient.environment.kms.signing_key(use.key_id, 0).kid != use.public.kid:
        yield Trouble(f"{name} has another public key than the ring: its signatures are refused", replace)


CHECKS: Final = (
    Check(
        "keys in KMS", ("kms:DescribeKey", "kms:ListResourceTags", "kms:GetPublicKey", "dynamodb:GetItem"), check_keys
    ),
)
