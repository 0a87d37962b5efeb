"""The documented infrastructure as code is valid, as the document has it."""

import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.support.emulators import ROOT, unavailable

HEAD = """\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
"""
BACKEND = """\
  Backend:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: a.b
      InlineCode: "def b(event, context): pass"
      Events:
        Search: {Type: %s, Properties: {%s, Method: POST, Path: /search}}
"""
AROUND = {
    "AWS::Serverless::Api": BACKEND % ("Api", "RestApiId: !Ref Api"),
    "AWS::Serverless::HttpApi": BACKEND % ("HttpApi", "ApiId: !Ref HttpApi"),
    "AWS::ApiGateway::Authorizer": "  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: api}}\n",
    "AWS::ApiGatewayV2::Authorizer": (
        "  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: api, ProtocolType: HTTP}}\n"
    ),
}


@pytest.mark.parametrize("resource", AROUND)
def test_the_documented_snippet_passes_sam_validate(resource: str, tmp_path: Path) -> None:
    sam = ROOT / ".venv-sam" / "bin" / "sam"
    found = str(sam) if sam.exists() else shutil.which("sam")
    if found is None:
        unavailable("sam (make .venv-sam/.done)")
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "attach.md").read_text(), re.DOTALL)
    (block,) = [block for block in blocks if f"Type: {resource}\n" in block]
    template = tmp_path / "template.yaml"
    template.write_text(HEAD + AROUND[resource] + textwrap.indent(block, "  "))
    run = subprocess.run(
        [str(found), "validate", "--lint", "--region", "us-east-1", "--template", str(template)],
        env=os.environ | {"SAM_CLI_TELEMETRY": "0", "AWS_ENDPOINT_URL": ""}, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
