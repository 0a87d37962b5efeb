"""Checks of the table, and of what the gate reads in it: the key ring, the solutions.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
"""

from collections.abc import Iterator
from typing import Any, Final

from entitlements.gate import Gate, Request
from entitlements.items import StoreUnavailable, solution_prefix
from entitlements.keyring import KeyRing, KeyRingError, KeyState
from entitlements.table import DEFINITION, GSI_BY_SOLUTION, TTL_ATTRIBUTE
from gatepass.aws_calls import CallFailed
from gatepass.doctor.checkup import Check, Examination, Hopeless, Skipped, Trouble
from gatepass.doctor.patient import Patient
from token_service.signing.key_lifecycle import SIGNING
from token_service.signing.kms import STACK_TAG
from token_service.signing.rotation import DAY, GRACE_DAYS, age

PENDING_DAYS: Final = 2
"""A key that was made is in use within two runs of the daily rotation."""
UNKNOWN_CALLER: Final = frozenset(
    {
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html"""
RESTORE: Final = "restore a backup: docs/operations.md, Backup and restore"


def check_table(patient: Patient) -> Examination:
    """Whether the table is there and is what the stack defines."""
    from botocore.exceptions import ClientError

    try:
        found = patient.dynamodb.call("dynamodb", "describe_table", TableName=patient.table)["Table"]
    except CallFailed as error:
        if not isinstance(error.__cause__, ClientError):
            mend = "check the network, AWS_REGION, and AWS_ENDPOINT_URL, and that AWS credentials are set"
            raise Hopeless(Trouble(f"DynamoDB cannot be asked: {error.__cause__}", mend)) from error
        if error.code in UNKNOWN_CALLER:
            raise Hopeless(Trouble(f"AWS refuses your credentials: {error}", "sign in to AWS again")) from error
        if error.code != "ResourceNotFoundException":
            raise
        mend = f"check GATEPASS_TABLE and AWS_REGION; if it is lost, {RESTORE}"
        if patient.emulated:
            mend = "run gatepass init"
        raise Hopeless(Trouble(f"there is no table {patient.table} in this account and Region", mend)) from error
    if found.get("TableStatus") != "ACTIVE":
        yield Trouble(f"{patient.table} is {found.get('TableStatus')}", "wait until it is ACTIVE, and run this again")
    yield from _definition(found)
    ttl = patient.dynamodb.call("dynamodb", "describe_time_to_live", TableName=patient.table)
    told = ttl["TimeToLiveDescription"]
    if (told.get("AttributeName"), told["TimeToLiveStatus"] in ("ENABLED", "ENABLING")) != (TTL_ATTRIBUTE, True):
        yield Trouble("nothing expires: TTL is off", f"turn it on for the attribute {TTL_ATTRIBUTE}")
    protected = bool(patient.stack) or not patient.emulated
    if protected:
        yield from _protection(patient, found)
    return f"{patient.table}: keys, index, stream, TTL" + (", backups, protection" if protected else "")


def _definition(found: dict[str, Any]) -> Iterator[Trouble]:
    other = "it is not Gatepass's table: check GATEPASS_TABLE"
    if found["KeySchema"] != DEFINITION["KeySchema"]:
        yield Trouble(f"the keys are {_names(found['KeySchema'])} instead of pk and sk", other)
    index = next((i for i in found.get("GlobalSecondaryIndexes", ()) if i["IndexName"] == GSI_BY_SOLUTION), None)
    if index is None or index["KeySchema"] != DEFINITION["GlobalSecondaryIndexes"][0]["KeySchema"]:
        yield Trouble(f"there is no index {GSI_BY_SOLUTION} of solution_id and user_id", "deploy the stack again")
    elif index.get("IndexStatus", "ACTIVE") != "ACTIVE":
        yield Trouble(f"the index {GSI_BY_SOLUTION} is {index['IndexStatus']}", "wait until it is ACTIVE")
    if found.get("StreamSpecification", {}).get("StreamViewType") != "NEW_AND_OLD_IMAGES":
        yield Trouble(
            "no usage is counted: the stream does not have new and old images",
            "deploy the stack again, or turn the stream on with NEW_AND_OLD_IMAGES",
        )


def _names(schema: list[dict[str, str]]) -> str:
    return " and ".join(key["AttributeName"] for key in schema)


def _protection(patient: Patient, found: dict[str, Any]) -> Iterator[Trouble]:
    call, again = patient.dynamodb.call, "deploy the stack again, or turn it on for this table"
    tags = call("dynamodb", "list_tags_of_resource", ResourceArn=found["TableArn"])["Tags"]
    tagged = next((tag["Value"] for tag in tags if tag["Key"] == STACK_TAG), "")
    if not tagged or patient.named_stack not in ("", tagged):
        yield Trouble(
            f"the tag {STACK_TAG} is {tagged or 'missing'}, by which the command knows the stack",
            f"tag the table with {STACK_TAG} and the name of its stack",
        )
    if not found.get("DeletionProtectionEnabled"):
        yield Trouble("deletion protection is off", again)
    backups = call("dynamodb", "describe_continuous_backups", TableName=patient.table)["ContinuousBackupsDescription"]
    if backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") != "ENABLED":
        yield Trouble("point-in-time recovery is off: there are no backups", again)
    # Emulators encrypt nothing, and do not all say that they do.
    if not patient.emulated and found.get("SSEDescription", {}).get("Status") not in ("ENABLED", "UPDATING"):
        yield Trouble("the table is not encrypted by a KMS key", again)


def required_ring(patient: Patient) -> KeyRing:
    """The key ring; raises `Skipped` if there is none that can be used, which `check_ring` reports."""
    try:
        ring = patient.ring
    except KeyRingError:
        ring = None
    if ring is None:
        raise Skipped("needs the key ring")
    return ring


def check_ring(patient: Patient) -> Examination:
    """Whether the key ring can be used, and how old the signing key is."""
    try:
        ring = patient.ring
    except KeyRingError as error:
        yield Trouble(f"the key ring is damaged: {error}", RESTORE)
        return ""
    if ring is None:
        yield Trouble("there is no key ring", "run gatepass init")
        return ""
    for kind, made in ring.pending.items():
        if patient.now - made.since > PENDING_DAYS * DAY:
            command = "gatepass keys rotate" if kind == SIGNING else "gatepass keys replace-mac"
            yield Trouble(
                f"a new {kind} key has been pending for {_days(patient.now - made.since)} days",
                f"run {command} to finish",
            )
    for key in ring.keys:
        if key.state is KeyState.PUBLISHED and patient.now - key.since > PENDING_DAYS * DAY:
            yield Trouble(
                f"{key.kid} has been published for {_days(patient.now - key.since)} days and does not sign",
                f"run gatepass keys promote {key.kid}",
            )
    days = _days(age(ring.signing_key, patient.now))
    limit = int(patient.parameters.get("KeyRotationDays", "0")) if patient.stack else 0
    if limit and days > limit + GRACE_DAYS:
        yield Trouble(
            f"the signing key is {days} days old, and KeyRotationDays is {limit}",
            "see the log of the function KeyRotation, and run gatepass keys rotate",
        )
    return f"issuer {ring.issuer}, version {ring.version}, signing key {ring.signing_kid} is {days} days old"


def _days(seconds: float) -> int:
    return int(seconds // DAY)


def check_solutions(patient: Patient) -> Examination:
    """Whether the gate's own code can decide a request to each solution. It spends nothing."""
    required_ring(patient)
    decided = 0
    gate = Gate(patient.repository)
    for key in sorted(patient.repository.scan_keys(solution_prefix())):
        try:
            # Without a token and an address: no counter is even read.
            gate.decide(key.subject, Request("GET", "/"), patient.now, spending=False)
            decided += 1
        except StoreUnavailable as error:
            yield Trouble(str(error), f"apply it again: gatepass solutions apply FILE of {key.subject}")
    return f"requests to {decided} can be decided" if decided else "none is applied yet: gatepass solutions apply FILE"


CHECKS: Final = (
    Check(
        "table",
        (
            "dynamodb:DescribeTable",
            "dynamodb:DescribeTimeToLive",
            "dynamodb:ListTagsOfResource",
            "dynamodb:DescribeContinuousBackups",
        ),
        check_table,
    ),
    Check("key ring", ("dynamodb:GetItem", "cloudformation:DescribeStacks"), check_ring),
    Check("solutions", ("dynamodb:GetItem", "dynamodb:Scan"), check_solutions),
)
