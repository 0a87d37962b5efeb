"""`gatepass keys` as operators and scripts use it, and the runbook of docs/operations.md."""

import json
import signal
import subprocess
import time
from typing import Any

import pytest

from entitlements.gate import Gate
from entitlements.items import item_to_wire, keyring_key
from entitlements.table import DEFINITION
from tests.support import emulators
from tests.support.command import Command
from tests.support.emulators import ROOT
from tests.support.market import bearer
from tests.support.runbook import SHELL, runbook, runbook_of_payments
from tests.support.signer import SOLUTION, USER
from tests.support.table import PatientDynamoDB
from token_service.signing.key_lifecycle import STORED_AFTER


@pytest.fixture
def stocked(gatepass: Command) -> Command:
    """A table with a ring, the first solution and a user's token."""
    for command in (
        ["init"],
        ["solutions", "apply", "examples/faiss_search/solution.yaml"],
        ["entitlements", "grant", "--user", USER, "--solution", SOLUTION, "--plan", "pro"],
    ):
        assert gatepass(*command).returncode == 0
    return gatepass


def mint(gatepass: Command) -> str:
    return gatepass("tokens", "mint", "--user", USER, "--solution", SOLUTION).stdout.strip()


def decide(gatepass: Command, token: str) -> str:
    environment = gatepass.environment
    gate = Gate(PatientDynamoDB(environment["AWS_ENDPOINT_URL"], environment["GATEPASS_TABLE"]))
    return gate.decide(SOLUTION, bearer(token), time.time()).reason.value


def keys(gatepass: Command) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(gatepass("keys", "list", "--json").stdout)["keys"]
    return found


def set_back(gatepass: Command, seconds: int) -> None:
    """Make the ring so much older, since nobody wants to wait."""
    environment = gatepass.environment
    client = emulators.client("dynamodb", environment["AWS_ENDPOINT_URL"])
    item = client.get_item(TableName=environment["GATEPASS_TABLE"], Key=keyring_key().wire)["Item"]
    document = json.loads(item["document"]["S"])
    for key in (*document["keys"], *document.get("pending", {}).values()):
        key |= {name: key[name] - seconds for name in ("since", "created_at") if name in key}
    client.put_item(
        TableName=environment["GATEPASS_TABLE"], Item=item | item_to_wire({"document": json.dumps(document)})
    )


def test_the_runbook_for_a_leaked_signing_key(stocked: Command) -> None:
    token = mint(stocked)
    assert decide(stocked, token) == "ok"
    run = stocked.shell([*SHELL, runbook()["A signing key has leaked"]])
    assert run.returncode == 0, run.stderr
    assert decide(stocked, token) == "key_revoked"
    assert [key["state"] for key in keys(stocked)] == ["revoked", "signing"]
    assert decide(stocked, mint(stocked)) == "ok"


def test_the_runbook_for_a_leaked_token(stocked: Command) -> None:
    token, blocks = mint(stocked), runbook()["A token has leaked"]
    run = stocked.shell([*SHELL, f"USER_ID={USER}\n{blocks}"])
    assert run.returncode == 0, run.stderr
    assert "plan        pro" in run.stdout
    assert decide(stocked, token) == "entitlement_revoked"


def test_the_runbook_for_a_leaked_mac_key(stocked: Command) -> None:
    token = mint(stocked)
    (old,) = mac_keys(stocked)
    run = stocked.shell([*SHELL, runbook()["The MAC key has leaked"]])
    assert run.returncode == 0, run.stderr
    assert "ended 1 tokens" in run.stdout
    assert "continue with: gatepass tokens rotate --all" in run.stderr
    assert decide(stocked, token) == "token_superseded"
    new = mint(stocked)
    assert new.partition(".")[0] != token.partition(".")[0]
    assert decide(stocked, new) == "ok"
    assert [(key["mac_key"] == old["mac_key"], key["tokens"]) for key in mac_keys(stocked)] == [(False, 1), (True, 0)]


def test_the_runbook_for_a_table_restored_from_a_backup(stocked: Command) -> None:
    """What had ended since the backup comes back with it, until the runbook has been followed."""
    environment, name = stocked.environment, stocked.environment["GATEPASS_TABLE"]
    client = emulators.client("dynamodb", environment["AWS_ENDPOINT_URL"])
    users = {verb: f"00000000-0000-4000-8000-{n:012d}" for n, verb in enumerate(("suspend", "revoke", "late"))}
    tokens = {}

    def of(user: str, *command: str) -> str:
        run = stocked(*command, "--user", user, "--solution", SOLUTION)
        assert run.returncode == 0, run.stderr
        return run.stdout.strip()

    for user in users.values():
        of(user, "entitlements", "grant")
    for user in (USER, users["suspend"], users["revoke"]):
        tokens[user] = of(user, "tokens", "mint")
    backup = client.scan(TableName=name)["Items"]
    tokens[users["late"]] = of(users["late"], "tokens", "mint")  # and it leaked:
    for user in (USER, users["late"]):
        of(user, "tokens", "rotate")
    of(users["suspend"], "entitlements", "suspend")
    of(users["revoke"], "entitlements", "revoke")
    assert "ok" not in {decide(stocked, token) for token in tokens.values()}

    environment["OLD_TABLE"], environment["GATEPASS_TABLE"] = name, f"{name}-restored"
    client.create_table(TableName=environment["GATEPASS_TABLE"], **DEFINITION)
    for item in backup:
        client.put_item(TableName=environment["GATEPASS_TABLE"], Item=item)
    assert {decide(stocked, token) for user, token in tokens.items() if user != users["late"]} == {"ok"}
    run = stocked.shell([*SHELL, runbook()["The table was restored from a backup"]])
    assert run.returncode == 0, run.stderr
    assert "ok" not in {decide(stocked, token) for token in tokens.values()}
    assert decide(stocked, of(users["late"], "tokens", "mint")) == "ok"
    assert decide(stocked, tokens[users["late"]]) == "token_superseded"
    for user, status in ((users["suspend"], "suspended"), (users["revoke"], "revoked"), (USER, "active")):
        found = json.loads(of(user, "entitlements", "show", "--json"))
        assert found["status"] == status


def test_every_block_of_the_operations_page_runs(stocked: Command) -> None:
    mint(stocked)
    others = {*runbook_of_payments(), "The portal"}
    blocks = [block for title, block in runbook().items() if title not in others]
    run = stocked.shell([*SHELL, "\n".join(blocks)])
    assert run.returncode == 0, run.stderr
    assert len(blocks) >= 5


def test_a_rotation_waits_can_be_interrupted_and_goes_on(stocked: Command) -> None:
    dry = stocked("keys", "rotate", "--dry-run").stdout.splitlines()
    assert [line.split()[0] for line in dry] == ["create", "wait", "promote"]
    with subprocess.Popen(
        ["gatepass", "keys", "rotate"], cwd=ROOT, env=stocked.preloaded, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as rotation:  # fmt: skip
        assert rotation.stdout is not None
        assert rotation.stderr is not None
        assert rotation.stdout.readline().startswith("published")
        assert rotation.stdout.readline().startswith("waiting")
        rotation.send_signal(signal.SIGINT)
        assert "run the same command again to continue" in rotation.stderr.read()
    assert rotation.returncode == 1
    assert [key["state"] for key in keys(stocked)] == ["signing", "published"]
    published = keys(stocked)[1]["kid"]
    early = stocked("keys", "promote", published)
    assert (early.returncode, "too recently" in early.stderr) == (1, True)
    set_back(stocked, 300)
    again = stocked("keys", "rotate")
    assert (again.returncode, "waiting" in again.stdout) == (0, False)
    assert [key["state"] for key in keys(stocked)] == ["verifying", "signing"]
    assert keys(stocked)[1]["kid"] == published
    assert "nothing to do" in stocked("keys", "rotate").stdout


def test_a_key_that_is_young_enough_is_left_alone(stocked: Command) -> None:
    assert "nothing to do" in stocked("keys", "rotate", "--older-than", "1").stdout
    set_back(stocked, 86_400)
    assert stocked("keys", "rotate", "--older-than", "1", "--dry-run").stdout.startswith("create")
    assert stocked("keys", "rotate", "--older-than", "-1").returncode == 2


def test_draining_and_retiring(stocked: Command) -> None:
    token = mint(stocked)
    old = keys(stocked)[0]["kid"]
    assert keys(stocked)[0]["tokens"] == 1
    assert stocked("keys", "rotate", "--now").returncode == 0
    assert json.loads(stocked("keys", "drain", old, "--json").stdout)["left"] == 1
    refused = stocked("keys", "retire", old)
    assert (refused.returncode, "s or pass --force" in refused.stderr) == (1, True)
    set_back(stocked, STORED_AFTER)
    refused = stocked("keys", "retire", old)
    assert (refused.returncode, "1 live tokens" in refused.stderr) == (1, True)
    assert mint(stocked) != token
    assert json.loads(stocked("keys", "drain", old[:20], "--json").stdout)["left"] == 0
    assert "retired" in stocked("keys", "retire", old).stdout
    assert decide(stocked, token) == "key_unknown"
    assert decide(stocked, mint(stocked)) == "ok"


def test_revoking_says_how_long_gates_may_still_accept_the_key(stocked: Command) -> None:
    old = keys(stocked)[0]["kid"]
    refused = stocked("keys", "revoke", old, "--reason", "x")
    assert (refused.returncode, "keys rotate --now first" in refused.stderr) == (1, True)
    stocked("keys", "rotate", "--now")
    assert "after 60 s no gate accepts" in stocked("keys", "revoke", old, "--reason", "leaked").stdout
    assert keys(stocked)[0]["reason"] == "leaked"
    assert stocked("keys", "revoke", old).returncode == 2


def mac_keys(gatepass: Command) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(gatepass("keys", "list", "--json").stdout)["mac_keys"]
    return found


def test_the_list_shows_that_the_first_mac_key_stays_in_use_for_hashes_of_addresses(stocked: Command) -> None:
    (first,) = mac_keys(stocked)
    assert (first["derives"], first["hashes"], first["tokens"]) == ("new tokens", "email addresses", 0)
    for _ in range(2):
        assert stocked("keys", "replace-mac", "--now").returncode == 0
    new, old = mac_keys(stocked)
    assert (new["derives"], new["hashes"]) == ("new tokens", "")
    assert old == first | {"derives": ""}
    assert "email addresses" in stocked("keys", "list").stdout


def test_a_replacement_of_the_mac_key_waits_can_be_interrupted_and_goes_on(stocked: Command) -> None:
    (first,) = mac_keys(stocked)
    with subprocess.Popen(
        ["gatepass", "keys", "replace-mac"], cwd=ROOT, env=stocked.preloaded, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as replacement:  # fmt: skip
        assert replacement.stdout is not None
        assert replacement.stderr is not None
        made = replacement.stdout.readline().split()[1]
        assert replacement.stdout.readline().startswith("waiting")
        replacement.send_signal(signal.SIGINT)
        assert "run the same command again to continue" in replacement.stderr.read()
    assert replacement.returncode == 1
    assert mac_keys(stocked) == [first]
    (pending,) = json.loads(stocked("keys", "list", "--json").stdout)["pending"]
    assert (pending["pending"], pending["kms_key"]) == ("mac", made)
    assert made in stocked("keys", "list").stdout
    set_back(stocked, 300)
    again = stocked("keys", "replace-mac")
    assert (again.returncode, "waiting" in again.stdout) == (0, False)
    assert mac_keys(stocked)[0]["mac_key"] == made


def test_a_pending_key_that_is_gone_from_kms_is_given_up_for_another(stocked: Command) -> None:
    gone = "arn:aws:kms:us-east-1:123456789012:key/gone"
    environment = stocked.environment
    client = emulators.client("dynamodb", environment["AWS_ENDPOINT_URL"])
    item = client.get_item(TableName=environment["GATEPASS_TABLE"], Key=keyring_key().wire)["Item"]
    document = json.loads(item["document"]["S"]) | {"pending": {"signing": {"kms_key_id": gone, "since": 1}}}
    client.put_item(
        TableName=environment["GATEPASS_TABLE"], Item=item | item_to_wire({"document": json.dumps(document)})
    )
    refused = stocked("keys", "create")
    assert (refused.returncode, "--anew if that key is gone from KMS" in refused.stderr) == (1, True)
    # In a process of its own, whose log nobody has set up.
    created = stocked.shell(["gatepass", "keys", "create", "--anew"])
    assert (created.returncode, f"{gone} is given up: delete it in KMS" in created.stderr) == (0, True)
    assert [key["state"] for key in keys(stocked)] == ["signing", "published"]
