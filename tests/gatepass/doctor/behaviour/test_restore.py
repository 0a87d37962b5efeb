"""The walk through a restore in docs/operations.md: what a restored table lacks is what the doctor finds, and no more."""

import re

from tests.gatepass.doctor.conftest import Ward
from tests.support.emulators import ROOT

TEXT = (ROOT / "docs" / "operations.md").read_text()


def restored(ward: Ward) -> None:
    """Put the table's backup in its place, as step 3 does."""
    client = ward.client("dynamodb")
    backup = client.create_backup(TableName=ward.table, BackupName="restore")["BackupDetails"]["BackupArn"]
    client.update_table(TableName=ward.table, DeletionProtectionEnabled=False)
    client.delete_table(TableName=ward.table)
    client.restore_table_from_backup(TargetTableName=ward.table, BackupArn=backup)


def test_a_restored_table_is_sound_once_its_settings_are_set_and_its_stream_is_read(ward: Ward) -> None:
    before = ward.items()
    restored(ward)
    assert ward.items() == before
    client = ward.client("dynamodb")
    # moto keeps the stream's setting, which AWS does not.
    client.update_table(TableName=ward.table, StreamSpecification={"StreamEnabled": False})
    ward.named = ward.stack  # --stack: the copy has no tag
    found = [what.partition(":")[0].partition(", by")[0] for what in ward.problems("table")]
    assert found == [
        "no usage is counted",
        "nothing expires",
        "the tag gatepass",
        "deletion protection is off",
        "point-in-time recovery is off",
    ]
    assert "no event source mapping" in ward.problem("usage")

    arn = client.describe_table(TableName=ward.table)["Table"]["TableArn"]
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "gatepass:stack", "Value": ward.stack}])
    ttl = {"Enabled": True, "AttributeName": "expires_at"}
    client.update_time_to_live(TableName=ward.table, TimeToLiveSpecification=ttl)
    ward.backups(True)
    client.update_table(TableName=ward.table, DeletionProtectionEnabled=True)
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    client.update_table(TableName=ward.table, StreamSpecification=stream)
    assert ward.problems("table") == []
    assert "no event source mapping" in ward.problem("usage")
    ward.named = ""
    ward.stream = client.describe_table(TableName=ward.table)["Table"]["LatestStreamArn"]
    assert ward.problems() == []


def test_the_page_sets_each_setting_that_the_doctor_looks_at() -> None:
    (steps,) = re.findall(r"^## Backup and restore\n(.*?)(?=^## )", TEXT, re.DOTALL | re.MULTILINE)
    for setting in (
        "Key=gatepass:stack",
        "AttributeName=expires_at",
        "PointInTimeRecoveryEnabled=true",
        "--deletion-protection-enabled",
        "StreamViewType=NEW_AND_OLD_IMAGES",
        "create-event-source-mapping",
    ):
        assert setting in steps
