"""The conformance suite on `sam local start-api`: the template's APIs before the authorizer that `sam build` made."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.conformance import local_apis, runner
from tests.conformance.cases import CASES
from tests.conformance.differences import check
from tests.conformance.model import ApiFormat, Ask, Case, Target
from tests.conformance.seeded import seed
from tests.sam.conftest import HOST
from tests.support import emulators
from tests.support.emulators import ROOT, free_port, process
from tests.support.make_events import SAM_LOCAL_API
from tests.support.table import Table

AUTHORIZER = f"""\
Resources:
  Authorizer:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: {ROOT}/.aws-sam/build/Authorizer
      Handler: authorizer.handler.lambda_handler
      MemorySize: 512
      Environment:
        Variables: {{GATEPASS_TABLE: "", AWS_ENDPOINT_URL: ""}}
"""


@pytest.fixture(scope="module")
def target(table: Table, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("conformance")
    own = Table(table.client, "conformance")
    tokens = seed(own, SAM_LOCAL_API)
    endpoint = f"http://{HOST}:{table.client.meta.endpoint_url.rpartition(':')[2]}"
    settings = {"GATEPASS_TABLE": own.name, "AWS_ENDPOINT_URL": endpoint} | emulators.CREDENTIALS
    (folder / "env.json").write_text(json.dumps({"Authorizer": settings}))
    template = local_apis.TEMPLATE.read_text()
    # sam finds an authorizer's function only in the same template.
    for was, becomes in {
        "Resources:\n": AUTHORIZER,
        "!Ref GateArn": "!GetAtt Authorizer.Arn",
        "CodeUri: functions": f"CodeUri: {local_apis.TEMPLATE.with_name('functions')}",
    }.items():
        assert was in template
        template = template.replace(was, becomes)
    (folder / "template.yaml").write_text(template)
    port = free_port()
    command = ["sam", "local", "start-api", "-t", str(folder / "template.yaml"), "--port", str(port), "--env-vars",
               str(folder / "env.json"), "--warm-containers", "EAGER", "--parameter-overrides", "Architecture=x86_64"]  # fmt: skip
    with process(command, port, SAM_CLI_TELEMETRY="0") as url:
        found = Target("sam local", dict.fromkeys(ApiFormat, url), tokens)
        _warm(found)
        yield found


def _warm(target: Target) -> None:
    """The emulator's first answers can time out on a busy machine."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            if runner.ask(target, ApiFormat.REST, Ask("/gate/probe")).status == 200:
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise AssertionError("sam local does not answer")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_sam_local_differs_only_as_is_known(target: Target, case: Case) -> None:
    check(target, case)
