"""Faults of the table, and of what the gate reads in it."""

import json

import pytest

from entitlements.keyring import KeyState
from tests.gatepass.doctor.conftest import Ward
from tests.support import emulators
from tests.support.command import Command
from tests.support.signer import Signer
from token_service.signing.rotation import DAY


def test_lost_protection_of_the_table_is_found(ward: Ward) -> None:
    client = ward.client("dynamodb")
    client.update_table(TableName=ward.table, DeletionProtectionEnabled=False)
    ward.backups(False)
    client.update_time_to_live(
        TableName=ward.table, TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires_at"}
    )
    found = [what.partition(" is ")[0] for what in ward.problems("table")]
    assert found == ["nothing expires: TTL", "deletion protection", "point-in-time recovery"]


def test_a_table_without_encryption_by_kms_is_found(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepass.environment._emulated", lambda _: False)  # emulators are not asked
    assert ward.line("table")[0] == "ok"
    found = ward.client("dynamodb").describe_table(TableName=ward.table)["Table"]
    del found["SSEDescription"]
    ward.answers["describe_table"] = lambda _: {"Table": found}
    assert ward.problem("table") == "the table is not encrypted by a KMS key"


def test_a_table_of_another_shape_is_found(gatepass: Command) -> None:
    client = emulators.client("dynamodb", gatepass.environment["AWS_ENDPOINT_URL"])
    client.create_table(
        TableName=gatepass.environment["GATEPASS_TABLE"], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )  # fmt: skip
    found = [line["what"] for line in json.loads(gatepass("doctor", "--json").stdout) if line["check"] == "table"]
    assert [what.partition(":")[0] for what in found] == [
        "the keys are id instead of pk and sk",
        "there is no index by_solution of solution_id and user_id",
        "no usage is counted",
        "nothing expires",
    ]


def test_a_restored_table_lacks_its_tag_and_is_not_the_stacks(ward: Ward) -> None:
    client = ward.client("dynamodb")
    arn = client.describe_table(TableName=ward.table)["Table"]["TableArn"]
    client.untag_resource(ResourceArn=arn, TagKeys=["gatepass:stack"])
    found = ward.doctor("--stack", ward.stack)
    assert [line["what"] for line in found if line["status"] == "problem"] == [
        "the tag gatepass:stack is missing, by which the command knows the stack"
    ]


@pytest.mark.parametrize("document", ["", "{}", '{"issuer": "a"}'])
def test_a_damaged_key_ring_is_found_once(ward: Ward, document: str) -> None:
    ward.put_ring(document)
    assert "the key ring is damaged" in ward.problem("key ring")
    assert ward.line("keys in KMS") == ("skipped", "needs the key ring")


def test_without_a_key_ring_init_is_asked_for(ward: Ward) -> None:
    ward.client("dynamodb").delete_item(TableName=ward.table, Key={"pk": {"S": "keyring"}, "sk": {"S": "current"}})
    assert ward.problem("key ring") == "there is no key ring"


def test_a_key_that_stayed_pending_or_published_is_found(ward: Ward) -> None:
    ring, long_ago = ward.ring(), 1_000_000_000
    ring["pending"] = {kind: {"kms_key_id": "arn:x", "since": long_ago} for kind in ("signing", "mac")}
    waiting = Signer().key(KeyState.PUBLISHED)
    ring["keys"].append(waiting._replace(since=long_ago)._asdict())
    ward.put_ring(json.dumps(ring))
    assert [line.remedy for line in ward.examine("key ring")] == [
        "run gatepass keys rotate to finish",
        "run gatepass keys replace-mac to finish",
        f"run gatepass keys promote {waiting.kid}",
    ]


def test_a_signing_key_past_the_age_of_its_rotation_is_found(ward: Ward) -> None:
    ring = ward.ring()
    ring["keys"][0]["created_at"] -= 100 * DAY
    ward.put_ring(json.dumps(ring))
    verdict, what = ward.line("key ring")
    assert (verdict, "is 100 days old" in what) == ("ok", True)
    ward.change_stack({"KeyRotationDays": "97"})
    assert ward.line("key ring")[0] == "ok"
    ward.change_stack({"KeyRotationDays": "90"})
    assert ward.problem("key ring") == "the signing key is 100 days old, and KeyRotationDays is 90"


def test_a_damaged_solution_is_found(ward: Ward) -> None:
    key = {"pk": {"S": "solution#faiss-search"}, "sk": {"S": "config"}}
    ward.client("dynamodb").put_item(TableName=ward.table, Item=key | {"document": {"S": "{}"}})
    assert "the configuration of faiss-search is damaged" in ward.problem("solutions")
