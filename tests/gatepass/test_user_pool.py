"""`gatepass init` looks at the user pool before it makes a key, and says what is wrong with it and what to do."""

import json
import secrets
from typing import Any

import pytest

from entitlements.table import DEFINITION
from gatepass.aws_calls import Aws
from gatepass.cli import main
from tests.support import emulators
from tests.support.command import Command
from tests.support.scripted import error, scripted

GOOD = {
    "UsernameAttributes": ["email"],
    "AutoVerifiedAttributes": ["email"],
    "UsernameConfiguration": {"CaseSensitive": False},
    "Schema": [{"Name": "email", "AttributeDataType": "String", "Required": True, "Mutable": False}],
    "AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}]},
}


class Pool:
    """A pool on an emulator."""

    def __init__(self, endpoint: str, **settings: Any) -> None:
        self.cognito = emulators.client("cognito-idp", endpoint)
        self.id = self.cognito.create_user_pool(PoolName="t", **settings)["UserPool"]["Id"]

    def client(self, name: str, secret: bool = True, **settings: Any) -> str:
        settings = {"ExplicitAuthFlows": ["ALLOW_ADMIN_USER_PASSWORD_AUTH"]} | settings
        made = self.cognito.create_user_pool_client(
            UserPoolId=self.id, ClientName=name, GenerateSecret=secret, PreventUserExistenceErrors="ENABLED", **settings
        )
        client_id: str = made["UserPoolClient"]["ClientId"]
        return client_id


@pytest.fixture
def good(moto_endpoint: str, gatepass: Command) -> Pool:
    pool = Pool(moto_endpoint, **GOOD)
    gatepass.environment |= {
        "GATEPASS_USER_POOL_ID": pool.id,
        "GATEPASS_USER_POOL_CLIENT_ID": pool.client("gatepass"),
    }
    return pool


def test_a_good_pool_is_not_mentioned(gatepass: Command, good: Pool) -> None:
    run = gatepass("init")
    assert (run.returncode, run.stderr) == (0, "")


def test_on_an_emulator_faults_are_told_and_hold_nothing_up(gatepass: Command, moto_endpoint: str) -> None:
    """Its users are nobody, and a pool made in a hurry is good enough to try things out."""
    gatepass.environment["GATEPASS_USER_POOL_ID"] = Pool(moto_endpoint).id
    run = gatepass("init")
    assert (run.returncode, "warning: " in run.stderr, "not the user name" in run.stderr) == (0, True, True)
    gatepass.environment["GATEPASS_USER_POOL_ID"] = "us-east-1_nothere"
    assert gatepass("init").returncode == 0


def test_warnings_are_printed_each_time_and_hold_nothing_up(gatepass: Command, good: Pool) -> None:
    public = [good.client(f"page {n}", secret=False) for n in range(70)]  # more than one page of the list
    for expected in ("has a key ring now", "nothing to do"):
        run = gatepass("init")
        assert run.returncode == 0
        assert expected in run.stdout
        warned = [line for line in run.stderr.splitlines() if line.startswith("gatepass: warning: the client ")]
        assert len(warned) == len(public) == len(run.stderr.splitlines())
        assert all(any(client in line for line in warned) for client in public)


def test_without_our_client_named_the_rest_is_checked(gatepass: Command, good: Pool) -> None:
    del gatepass.environment["GATEPASS_USER_POOL_CLIENT_ID"]
    run = gatepass("init")
    assert run.returncode == 0
    assert "set GATEPASS_USER_POOL_CLIENT_ID" in run.stderr


def test_an_emulator_without_a_pool_is_not_asked_about_one(gatepass: Command) -> None:
    run = gatepass("init")
    assert (run.returncode, run.stderr) == (0, "")


class Deployed:
    """An emulator that passes for AWS, and on it the table of a stack, which may say more of itself."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint, self.stack, self.table = endpoint, f"s-{secrets.token_hex(6)}", f"t-{secrets.token_hex(6)}"
        tags = [{"Key": "gatepass:stack", "Value": self.stack}]
        emulators.client("dynamodb", endpoint).create_table(TableName=self.table, Tags=tags, **DEFINITION)

    def tell(self, **outputs: str) -> None:
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
        cloudformation = emulators.client("cloudformation", self.endpoint)
        cloudformation.create_stack(StackName=self.stack, TemplateBody=json.dumps(template))


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, moto_endpoint: str) -> Deployed:
    deployed = Deployed(moto_endpoint)
    monkeypatch.setattr("gatepass.environment._emulated", lambda _: False)  # its address would give it away
    for name in ("GATEPASS_USER_POOL_ID", "GATEPASS_USER_POOL_CLIENT_ID"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_endpoint)
    monkeypatch.setenv("GATEPASS_TABLE", deployed.table)
    return deployed


def test_on_aws_faults_are_listed_and_no_key_is_made(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = Pool(deployed.endpoint, AdminCreateUserConfig={"AllowAdminCreateUserOnly": True})
    client = pool.client("gatepass", secret=False)
    monkeypatch.setenv("GATEPASS_USER_POOL_ID", pool.id)
    monkeypatch.setenv("GATEPASS_USER_POOL_CLIENT_ID", client)
    kms = emulators.client("kms", deployed.endpoint)
    before = len(kms.list_keys()["Keys"])
    assert main(["init", "--issuer", "a-market"]) == 1
    first, *faults = capsys.readouterr().err.splitlines()
    assert first == f"gatepass: the user pool {pool.id} cannot be used as it is:"
    assert len(faults) == 7
    assert any("not the user name" in fault for fault in faults)
    assert any(f"client {client} has no secret" in fault for fault in faults)
    assert len(kms.list_keys()["Keys"]) == before


def test_on_aws_a_ring_that_is_there_does_not_excuse_a_pool(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--issuer", "a-market"]) == 0
    capsys.readouterr()
    monkeypatch.setenv("GATEPASS_USER_POOL_ID", Pool(deployed.endpoint).id)
    assert main(["init", "--issuer", "a-market"]) == 1
    assert capsys.readouterr().out == ""


def test_on_aws_a_pool_that_is_not_there_is_a_clear_refusal(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEPASS_USER_POOL_ID", "us-east-1_nothere")
    assert main(["init", "--issuer", "a-market"]) == 1
    assert "there is no user pool us-east-1_nothere" in capsys.readouterr().err


def test_on_aws_the_stack_tells_which_pool_and_client(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    pool = Pool(deployed.endpoint, **GOOD)
    client = pool.client("gatepass", secret=False)
    deployed.tell(UserPoolId=pool.id, UserPoolClientId=client)
    assert main(["init", "--issuer", "a-market"]) == 1
    assert f"Gatepass's client {client} has no secret" in capsys.readouterr().err


def test_on_aws_a_variable_wins_over_the_stack(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.tell(UserPoolId=Pool(deployed.endpoint).id, UserPoolClientId="another-pools")
    monkeypatch.setenv("GATEPASS_USER_POOL_ID", Pool(deployed.endpoint, **GOOD).id)
    assert main(["init", "--issuer", "a-market"]) == 0
    assert "set GATEPASS_USER_POOL_CLIENT_ID" in capsys.readouterr().err


@pytest.mark.parametrize("outputs", [None, {"SomethingElse": "x"}])
def test_on_aws_a_stack_that_does_not_tell_is_no_reason_to_fail(
    deployed: Deployed, capsys: pytest.CaptureFixture[str], outputs: dict[str, str] | None
) -> None:
    if outputs is not None:
        deployed.tell(**outputs)
    assert main(["init", "--issuer", "a-market"]) == 0
    assert "the user pool was not checked: set GATEPASS_USER_POOL_ID" in capsys.readouterr().err


@pytest.mark.parametrize("named", [True, False])
def test_a_pool_that_may_not_be_read_is_refused_where_it_was_named(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], named: bool
) -> None:
    pool = Pool(deployed.endpoint, **GOOD).id
    deployed.tell(UserPoolId=pool)
    if named:
        monkeypatch.setenv("GATEPASS_USER_POOL_ID", pool)
    with scripted(error("AccessDeniedException")) as denying:

        def client(service: str) -> Any:
            return emulators.client(service, denying.url if service == "cognito-idp" else deployed.endpoint)

        monkeypatch.setattr("gatepass.environment.Environment.aws", Aws(client))
        assert main(["init", "--issuer", "a-market"]) == int(named)
    told = capsys.readouterr().err
    assert "was not checked, which needs cognito-idp:DescribeUserPool" in told
    assert "AccessDeniedException" in told
