"""The conformance suite on MiniStack: its template, set up by the lines of docs/conformance.md, before the stack's gate."""

import shlex
import subprocess
from urllib.parse import urlsplit

import pytest

from tests.conformance import local_apis, runner
from tests.conformance.__main__ import target_of
from tests.conformance.cases import CASES
from tests.conformance.differences import check
from tests.conformance.model import ApiFormat, Case, Target
from tests.deploy.cloud import ARCHITECTURE, Cloud
from tests.deploy.conftest import Operator
from tests.support.emulators import ROOT
from tests.support.runbook import SHELL, shell_blocks

_, SET_UP, _ = shell_blocks("conformance.md")["Run it against AWS"]


@pytest.fixture(scope="module")
def target(cloud: Cloud, gatepass: Operator, market: str, outputs: dict[str, str]) -> Target:
    made = cloud.deploy("conformance", local_apis.TEMPLATE, Architecture=ARCHITECTURE, GateArn=outputs["AuthorizerArn"])
    apis = {name: made[output] for name, output in (("REST_API_ID", "RestApiId"), ("HTTP_API_ID", "HttpApiId"))}
    done = subprocess.run([*SHELL, f"{SET_UP}\nexport -p"], cwd=ROOT, env=gatepass.command.environment | apis,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.removeprefix("declare -x ") for line in done.stdout.splitlines() if "_TOKEN=" in line]
    tokens = dict("".join(shlex.split(line)).split("=", 1) for line in lines)
    port = urlsplit(cloud.endpoint).port
    rest, http = (f"{cloud.endpoint}/{urlsplit(made[output]).path.strip('/')}" for output in ("RestUrl", "HttpUrl"))
    found = target_of(tokens | {"URL": rest, "HTTP_URL": http})
    assert isinstance(found, Target), found
    hosts = {
        format: f"{apis['REST_API_ID' if format is ApiFormat.REST else 'HTTP_API_ID']}.execute-api.localhost:{port}"
        for format in ApiFormat
    }
    found = Target("MiniStack", found.urls, found.tokens, hosts)
    runner.spend(found)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_ministack_differs_only_as_is_known(target: Target, case: Case) -> None:
    check(target, case)
