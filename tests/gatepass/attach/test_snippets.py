"""The documented SAM and CloudFormation is valid as the document has it, and makes what `attach` makes."""

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint
from cfnlint.decode import decode_str

from entitlements.solution import read_solution
from gatepass.attach import responses, snippets
from tests.support.emulators import ROOT
from tests.support.infrastructure import assert_gated, blocks, made_by_attach, resolve
from tests.support.sam import run, sam, translate
from tests.support.table import config

HEAD = """\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
"""
FUNCTION = """\
Backend:
  Type: AWS::Serverless::Function
  Properties:
    Runtime: python3.13
    Handler: a.b
    InlineCode: "def b(event, context): pass"
"""
SEARCH = "    Events:\n      Search: {Type: Api, Properties: {RestApiId: !Ref Api, Method: POST, Path: /search}}\n"
V2_BACKEND = """\
Backend:
  Type: AWS::ApiGatewayV2::Integration
  Properties: {ApiId: !Ref Api, IntegrationType: HTTP_PROXY, IntegrationMethod: ANY, IntegrationUri: "https://example.com"%s}
"""
REST = """\
Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: api}}
Search: {Type: AWS::ApiGateway::Resource, Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: a}}
"""
WEBSOCKET = """\
Api:
  Type: AWS::ApiGatewayV2::Api
  Properties: {Name: api, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
"""
REFUSED = "What a refused browser reads"
AROUND = {
    "SAM, REST": FUNCTION + SEARCH,
    "SAM, HTTP": FUNCTION,
    "CloudFormation, REST": REST,
    "CloudFormation, HTTP": V2_BACKEND % ', PayloadFormatVersion: "1.0"',
    "CloudFormation, WebSocket": WEBSOCKET + V2_BACKEND % "",
    REFUSED: REST,
}


def documented(heading: str) -> str:
    """A whole template of what is documented, and of what it stands in."""
    parts = [AROUND[heading], *blocks(heading)]
    if parts[-1].startswith("Events:"):
        parts[0] += textwrap.indent(parts.pop(), "    ")
    return HEAD + textwrap.indent("".join(parts), "  ")


@pytest.mark.long
@pytest.mark.parametrize("heading", AROUND)
def test_the_documented_snippet_passes_cfn_lint(heading: str) -> None:
    assert lint(documented(heading), config=ManualArgs(regions=["us-east-1"])) == []


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("heading", ["SAM, REST", "SAM, HTTP"])
def test_the_documented_snippet_passes_sam_validate(heading: str, tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(documented(heading))
    run(sam(), "validate", "--lint", "--region", "us-east-1", "--template", "template.yaml", cwd=tmp_path)


@pytest.mark.parametrize("kind", ["REST", "HTTP", "WebSocket"])
def test_cloudformation_makes_what_attach_makes(kind: str) -> None:
    template, problems = decode_str(documented(f"CloudFormation, {kind}"))
    assert template is not None, problems
    assert_gated(kind.upper(), template["Resources"])
    if kind == "REST":
        mock = template["Resources"]["SearchPreflight"]["Properties"]["Integration"]
        assert (mock["Type"], mock["ContentHandling"]) == ("MOCK", "CONVERT_TO_TEXT")


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("kind", ["REST", "HTTP"])
def test_sam_makes_what_attach_makes(kind: str) -> None:
    (resources,) = translate(documented(f"SAM, {kind}"), [{}])
    (api,) = [one for one in resources.values() if one["Type"].endswith(("::RestApi", "V2::Api"))]
    body: dict[str, Any] = api["Properties"]["Body"]
    schemes = body["securityDefinitions"] if kind == "REST" else body["components"]["securitySchemes"]
    found = schemes["Gatepass"]["x-amazon-apigateway-authorizer"]
    assert {"type": found["type"].upper(), "uri": resolve(found["authorizerUri"]),
            "identity": found.get("identitySource", ""), "ttl": found["authorizerResultTtlInSeconds"]} | (
        {} if kind == "REST"
        else {"payload": found["authorizerPayloadFormatVersion"], "simple": found["enableSimpleResponses"]}
    ) == made_by_attach(kind)  # fmt: skip
    for path, methods in body["paths"].items():
        for method, route in methods.items():
            security = route.get("security", [{"NONE": []}])
            assert security == [{"NONE" if method == "options" else "Gatepass": []}], f"{method} {path}"
        assert len(methods) == 2
    permitted = [one for one in resources.values() if one["Type"] == "AWS::Lambda::Permission"]
    assert all("Backend" in json.dumps(one["Properties"]["FunctionName"]) for one in permitted)


def test_attach_prints_what_is_documented() -> None:
    for kind, name in {"REST": "REST", "HTTP": "HTTP", "WEBSOCKET": "WebSocket"}.items():
        assert snippets.cloudformation(kind) == blocks(f"CloudFormation, {name}")[0]
        if kind != "WEBSOCKET":
            assert snippets.sam(kind) == blocks(f"SAM, {name}")[0]


def test_a_refusal_reads_as_attach_makes_it() -> None:
    template, _ = decode_str(documented(REFUSED))
    assert template is not None
    response = template["Resources"]["AccessDenied"]["Properties"]
    ours = responses.gateway_responses(read_solution(config()))["ACCESS_DENIED"]
    assert (response["ResponseType"], response["StatusCode"]) == ("ACCESS_DENIED", ours.status)
    body = ours.templates["application/json"]
    assert json.loads(response["ResponseTemplates"]["application/json"]) == json.loads(body)


def test_the_stack_exports_what_the_snippets_import() -> None:
    text = (ROOT / "template.yaml").read_text()
    for name in ("AuthorizerArn", "AuthorizerInvokeUri"):
        assert f'Export: {{Name: !Sub "${{AWS::StackName}}-{name}"}}' in text
