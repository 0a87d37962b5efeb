"""scripts/rotate-keys.sh, by the lines for cron and CI in docs/operations.md."""

import json
import re
import subprocess
from typing import Any

import pytest
import yaml

from entitlements.items import item_to_wire, keyring_key
from tests.support import emulators
from tests.support.command import Command
from tests.support.crash import Crash
from tests.support.emulators import ROOT
from tests.support.policy import actions

PAGE = (ROOT / "docs" / "operations.md").read_text()
DAY = 86_400


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.fixture
def initialized(gatepass: Command) -> Command:
    assert gatepass("init").returncode == 0
    return gatepass


def set_back(gatepass: Command, days: int) -> None:
    """Make the keys so much older."""
    environment = gatepass.environment
    client = emulators.client("dynamodb", environment["AWS_ENDPOINT_URL"])
    where = {"TableName": environment["GATEPASS_TABLE"]}
    item = client.get_item(Key=keyring_key().wire, **where)["Item"]
    document = json.loads(item["document"]["S"])
    for key in document["keys"]:
        key |= {name: key[name] - days * DAY for name in ("since", "created_at") if name in key}
    client.put_item(Item=item | item_to_wire({"document": json.dumps(document)}), **where)


def states(gatepass: Command) -> list[str]:
    return [key["state"] for key in json.loads(gatepass("keys", "list", "--json").stdout)["keys"]]


def make_due(gatepass: Command) -> None:
    """A signing key of 91 days, and its successor, so that nobody waits."""
    assert gatepass("keys", "create").returncode == 0
    set_back(gatepass, 91)
    assert states(gatepass) == ["signing", "published"]


def emulated(gatepass: Command) -> dict[str, str]:
    """What stands in for the machine's role and the reader's own values."""
    return {name: value for name, value in gatepass.environment.items() if name.startswith(("AWS_", "GATEPASS_"))}


def as_cron(gatepass: Command) -> "subprocess.CompletedProcess[str]":
    """Run the crontab's command as cron does, crontab(5): with /bin/sh, and little more than its own variables."""
    *settings, line = [text for text in block("crontab").splitlines() if text and not text.startswith("#")]
    variables = dict(setting.split("=", 1) for setting in settings)
    assert variables.keys() == {"GATEPASS_TABLE", "AWS_REGION", "MAILTO"}
    *schedule, command = line.split(maxsplit=5)
    assert all(re.fullmatch(r"\*|\d+", field) for field in schedule)
    assert "%" not in command
    assert "/opt/gatepass/" in command
    environment = {"HOME": "/", "LOGNAME": "root", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"} | variables
    return subprocess.run(
        ["/bin/sh", "-c", command.replace("/opt/gatepass", str(ROOT))], cwd="/", env=environment | emulated(gatepass),
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_cron_rotates_a_key_that_is_due_and_mails_nothing(initialized: Command) -> None:
    for due, expected in ((False, ["signing"]), (True, ["verifying", "signing"])):
        if due:
            make_due(initialized)
        run = as_cron(initialized)
        assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
        assert states(initialized) == expected


def test_cron_mails_a_failure(initialized: Command) -> None:
    initialized.environment["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{emulators.free_port()}"
    run = as_cron(initialized)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("gatepass: DynamoDB gave no answer")


def test_the_workflow_rotates_a_key_that_is_due(initialized: Command) -> None:
    workflow: dict[Any, Any] = yaml.safe_load(block("yaml"))
    (schedule,) = workflow[True]["schedule"]  # YAML 1.1 reads the key `on` as true
    assert len(schedule["cron"].split()) == 5
    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    (job,) = workflow["jobs"].values()
    assert job["env"].keys() == {"GATEPASS_TABLE", "AWS_REGION"}
    make_due(initialized)
    for step in job["steps"]:
        assert len({"uses", "run"} & step.keys()) == 1
        if "run" in step:
            done = initialized.shell(["bash", "-e", "-o", "pipefail", "-c", step["run"]])
            assert done.returncode == 0, done.stderr
    assert states(initialized) == ["verifying", "signing"]


def test_the_documented_permissions_are_enough(initialized: Command, crash: Crash) -> None:
    named = set(
        re.findall(r"`(\w+:\w+)`", PAGE[PAGE.index("The credentials need what") : PAGE.index("For cron, install")])
    )
    permitted = {action.partition(":")[2] for action in actions("KeyRotationRole") | named}
    script = (ROOT / "scripts" / "rotate-keys.sh").read_text()
    (command,) = re.findall(r'^(?:exec )?"\$gatepass" (.+)$', script, re.MULTILINE)
    set_back(initialized, 91)
    crash.at(0, after=False)
    assert initialized(*command.replace('"$days"', "90").split(), "--now").returncode == 0
    # It is allowed by the permissions for what is in it, which the function's role has for the same code:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    called = set(crash.operations) - {"TransactWriteItems"}
    assert {"CreateKey", "DescribeTable"} <= called
    assert called <= permitted
