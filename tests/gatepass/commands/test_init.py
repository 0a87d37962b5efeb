"""`gatepass init`: it begins once, and changes nothing of what is there."""

import json
from pathlib import Path

import pytest

from tests.support import emulators
from tests.support.command import Command


def test_init_twice_changes_nothing_and_the_issuer_stays(gatepass: Command) -> None:
    assert "issuer gatepass-local" in gatepass("init").stdout
    assert "nothing to do" in gatepass("init").stdout
    other = gatepass("init", "--issuer", "another")
    assert (other.returncode, "cannot change" in other.stderr) == (1, True)


def test_the_fixture_seeds_an_emulator_and_nothing_else(gatepass: Command) -> None:
    assert gatepass("init", "--fixture", "events/fixture.json").returncode == 0
    listed = json.loads(gatepass("entitlements", "list", "--solution", "faiss-search", "--json").stdout)
    assert len(listed) == 7
    gatepass.environment["AWS_ENDPOINT_URL"] = "https://dynamodb.us-east-1.amazonaws.com"
    refused = gatepass("init", "--fixture", "events/fixture.json")
    assert (refused.returncode, "refused on AWS" in refused.stderr) == (1, True)


def test_a_damaged_key_ring_is_named_and_left_alone(gatepass: Command) -> None:
    gatepass("init")
    client = emulators.client("dynamodb", gatepass.environment["AWS_ENDPOINT_URL"])
    item = {"pk": {"S": "keyring"}, "sk": {"S": "current"}, "version": {"N": "1"}}
    client.put_item(TableName=gatepass.environment["GATEPASS_TABLE"], Item=item)
    run = gatepass("init")
    assert (run.returncode, "key ring is damaged" in run.stderr) == (1, True)


@pytest.mark.parametrize("text", ['{"items": [1]}', '{"items": 5}', "[]", "{}"])
def test_a_fixture_that_is_none_is_a_clear_refusal(gatepass: Command, tmp_path: Path, text: str) -> None:
    (tmp_path / "fixture.json").write_text(text)
    run = gatepass("init", "--fixture", str(tmp_path / "fixture.json"))
    assert (run.returncode, "cannot be read as a fixture" in run.stderr) == (1, True)


def test_a_fixture_does_not_replace_a_key_ring_that_is_in_use(gatepass: Command) -> None:
    gatepass("init")
    before = gatepass("keys", "list").stdout
    refused = gatepass("init", "--fixture", "events/fixture.json")
    assert (refused.returncode, "seed an empty table" in refused.stderr) == (1, True)
    assert gatepass("keys", "list").stdout == before
    assert gatepass("solutions", "list", "--json").stdout == "[]\n"


def test_a_fixture_can_be_seeded_again(gatepass: Command) -> None:
    for _ in range(2):
        assert gatepass("init", "--fixture", "events/fixture.json").returncode == 0
