"""The real `sam build` and `sam local invoke`, on whatever engine DOCKER_HOST offers."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.sam.conftest import HOST, PARAMETERS, sam
from tests.support import emulators
from tests.support.emulators import ROOT
from tests.support.table import Table

EVENTS = ROOT / "events"
EXPECTED: dict[str, str] = json.loads((EVENTS / "fixture.json").read_text())["expected"]
BUILD = ROOT / ".aws-sam" / "build" / "Authorizer"
ZIPPED_BUDGET = 6_000_000


def seed(table: Table) -> None:
    for item in table.all():
        key = {name: {"S": item[name]} for name in ("pk", "sk")}
        table.client.delete_item(TableName=table.name, Key=key)
    for item in json.loads((EVENTS / "fixture.json").read_text())["items"]:
        table.put(**item)


def test_the_bundle_holds_exactly_what_it_should(tmp_path: Path) -> None:
    names = {path.name.partition(".")[0] for path in BUILD.iterdir()}
    assert names == {"authorizer", "entitlements", "cryptography", "_cffi_backend", "tzdata"}
    ours = {p.relative_to(ROOT) for package in ("authorizer", "entitlements") for p in (ROOT / package).glob("*.py")}
    assert {
        p.relative_to(BUILD) for package in ("authorizer", "entitlements") for p in (BUILD / package).rglob("*.py")
    } == ours
    sources = {path.relative_to(BUILD) for path in BUILD.rglob("*.py")}
    compiled = {
        path.parent.parent.relative_to(BUILD) / f"{path.name.partition('.')[0]}.py" for path in BUILD.rglob("*.pyc")
    }
    assert compiled == sources
    for path in BUILD.rglob("*.pyc"):
        assert int.from_bytes(path.read_bytes()[4:8], "little") == 0b01  # PEP 552: hash-based, unchecked
    archive = tmp_path / "bundle.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bundle:
        for path in BUILD.rglob("*"):
            bundle.write(path, path.relative_to(BUILD))
    assert archive.stat().st_size < ZIPPED_BUDGET


def test_the_token_services_bundle_holds_its_own_code_only() -> None:
    folder = BUILD.with_name("TokenService")
    names = {path.name for path in folder.iterdir()}
    assert {"token_service", "entitlements", "pydantic", "aws_lambda_powertools"} <= names
    assert not {"authorizer", "gatepass", "tests", "boto3"} & names


def test_a_second_build_ships_changed_code() -> None:
    module = ROOT / "entitlements" / "reasons.py"
    original = module.read_text()
    try:
        module.write_text(original + "\nCHANGED = True\n")
        assert sam("build", "--cached", "--parameter-overrides", PARAMETERS).returncode == 0
        assert "CHANGED" in (BUILD / "entitlements" / "reasons.py").read_text()
    finally:
        module.write_text(original)
        assert sam("build", "--parameter-overrides", PARAMETERS).returncode == 0


@pytest.mark.parametrize("name", EXPECTED)
def test_sam_local_invoke_gives_the_reason_of_each_sample(table: Table, variables: Path, name: str) -> None:
    seed(table)
    run = sam("local", "invoke", "Authorizer", "-e", str(EVENTS / name), "--env-vars", str(variables),
              "--parameter-overrides", PARAMETERS)  # fmt: skip
    line = next((line for line in run.stderr.splitlines() + run.stdout.splitlines() if '"_aws"' in line), None)
    assert line is not None, run.stderr
    assert json.loads(line[line.index("{") :])["reason"] == EXPECTED[name]
    assert "gp1_" not in run.stdout + run.stderr


def test_sam_local_invoke_runs_the_token_service(table: Table, tmp_path: Path) -> None:
    seed(table)
    endpoint = f"http://{HOST}:{table.client.meta.endpoint_url.rpartition(':')[2]}"
    pool = {"GATEPASS_USER_POOL_ID": "us-east-1_none", "GATEPASS_USER_POOL_CLIENT_ID": "none"}
    settings = {"GATEPASS_TABLE": table.name, "AWS_ENDPOINT_URL": endpoint} | pool | emulators.CREDENTIALS
    (tmp_path / "env.json").write_text(json.dumps({"TokenService": settings}))
    event = EVENTS / "token_service" / "http_validate_anonymous.json"
    run = sam("local", "invoke", "TokenService", "-e", str(event), "--env-vars", str(tmp_path / "env.json"),
              "--parameter-overrides", PARAMETERS)  # fmt: skip
    answer = json.loads(run.stdout.splitlines()[-1])
    assert (answer["statusCode"], json.loads(answer["body"])["reason"]) == (200, "ok_anonymous")


def test_sam_local_invoke_runs_the_scheduled_rotation(table: Table, tmp_path: Path) -> None:
    seed(table)
    endpoint = f"http://{HOST}:{table.client.meta.endpoint_url.rpartition(':')[2]}"
    settings = {"GATEPASS_TABLE": table.name, "AWS_ENDPOINT_URL": endpoint, "GATEPASS_STACK": "t"}
    settings |= {"GATEPASS_ROTATION_DAYS": "3650"} | emulators.CREDENTIALS
    (tmp_path / "env.json").write_text(json.dumps({"KeyRotation": settings}))
    run = sam("local", "invoke", "KeyRotation", "-e", str(EVENTS / "key_rotation" / "schedule_daily.json"), "--env-vars",
              str(tmp_path / "env.json"), "--parameter-overrides", PARAMETERS)  # fmt: skip
    assert '"signing_key_overdue": 0' in run.stdout + run.stderr
