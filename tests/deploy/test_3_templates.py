"""What docs/infrastructure-as-code.md shows is deployed as it stands, and protects."""

import textwrap
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

import pytest

from tests.deploy.cloud import Cloud
from tests.deploy.conftest import Operator
from tests.support.infrastructure import blocks

SOLUTION = """\
solution_id: members
name: For members
status: active
frontend_url: https://members.example.com/
return_urls: [https://members.example.com/]
marketplace_url: https://marketplace.example.com/
timezone: UTC
default_plan: member
plans:
  member: {limits: {}}
token_delivery: fragment
"""
REFUSAL = "What a refused browser reads"
FUNCTION = """\
%s:
  Type: AWS::Serverless::Function
  Properties:
    Runtime: python3.13
    Handler: index.handler
    InlineCode: 'def handler(event, context): return {"statusCode": 200, "body": "the backend"}'
"""
EVENT = "    Events: {Search: {Type: %s, Properties: {%s: !Ref %s, Method: POST, Path: /search}}}\n"
INTEGRATION = (
    FUNCTION % "Code"
    + """\
Backend:
  Type: AWS::ApiGatewayV2::Integration
  Properties:
    ApiId: !Ref Api
    IntegrationType: AWS_PROXY
    PayloadFormatVersion: "%s"
    IntegrationUri: !Sub "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Code.Arn}/invocations"
Stage: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Api, StageName: %s, AutoDeploy: true}}
"""
)
REST = """\
Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: api}}
Search:
  Type: AWS::ApiGateway::Resource
  Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: search}
Deployment:
  Type: AWS::ApiGateway::Deployment
  DependsOn: [SearchPost, SearchPreflight, AccessDenied]
  Properties: {RestApiId: !Ref Api, StageName: prod}
"""
WEBSOCKET = """\
Api:
  Type: AWS::ApiGatewayV2::Api
  Properties: {Name: api, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
"""


class Case(NamedTuple):
    """What stands around the documented lines, the API's logical id, and what it answers without a token."""

    around: str
    api: str
    path: str
    refused: tuple[int, ...] = (401,)


# No page says what an HTTP API answers when its authorizer raises `Unauthorized`: a 401 by report, a 500 on MiniStack.
ANY_REFUSAL = (401, 403, 500)
CASES = {
    "SAM, REST": Case(FUNCTION % "Backend" + EVENT % ("Api", "RestApiId", "Api"), "Api", "/prod/search"),
    "SAM, HTTP": Case(
        FUNCTION % "Backend" + EVENT % ("HttpApi", "ApiId", "HttpApi"), "HttpApi", "/search", ANY_REFUSAL
    ),
    "CloudFormation, REST": Case(REST, "Api", "/prod/search"),
    "CloudFormation, HTTP": Case(INTEGRATION % ("2.0", "$default"), "Api", "/search", ANY_REFUSAL),
}


@pytest.fixture(scope="module")
def token(gatepass: Operator, market: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A member's, of a solution that has nothing for visitors."""
    file = tmp_path_factory.mktemp("members") / "solution.yaml"
    file.write_text(SOLUTION)
    gatepass("solutions", "apply", str(file))
    member = ("--user", str(uuid.uuid4()), "--solution", "members")
    gatepass("entitlements", "grant", *member)
    return gatepass("tokens", "mint", *member).strip()


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    """A server on the loopback interface, in place of backend.example.com."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"the backend")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def documented(heading: str, around: str, api: str) -> str:
    """A whole template of what is documented, and of what it stands in."""
    resources = around + "".join(blocks(heading)) + (blocks(REFUSAL)[0] if around == REST else "")
    head = "AWSTemplateFormatVersion: '2010-09-09'\nTransform: AWS::Serverless-2016-10-31\nResources:\n"
    return head + textwrap.indent(resources, "  ") + f"Outputs: {{Api: {{Value: !Ref {api}}}}}\n"


@pytest.mark.parametrize("heading", CASES)
def test_a_documented_template_lets_members_pass_and_nobody_else(
    cloud: Cloud, gatepass: Operator, token: str, backend: str, heading: str
) -> None:
    case = CASES[heading]
    template = documented(heading, case.around, case.api).replace("https://backend.example.com", backend)
    api = cloud.create(f"doc-{uuid.uuid4().hex[:8]}", template)["Api"]
    gatepass("solutions", "link", "members", api)
    url = f"https://{api}.execute-api.us-east-1.amazonaws.com{case.path}"
    for forged in (None, "forged"):
        answer = cloud.call("POST", url, {}, forged)
        assert answer.status in case.refused
        assert answer.body != "the backend"
    assert cloud.call("POST", url, {}, token)[:2] == (200, "the backend")
    preflight = cloud.call("OPTIONS", url, Origin="https://members.example.com")
    assert preflight.status in (200, 204)
    assert preflight.headers["access-control-allow-origin"] == "*"


def test_the_documented_refusal_tells_a_browser_the_reason(
    cloud: Cloud, gatepass: Operator, token: str, backend: str
) -> None:
    template = documented("CloudFormation, REST", REST, "Api").replace("https://backend.example.com", backend)
    api = cloud.create("doc-refusal", template)["Api"]
    gatepass("solutions", "link", "faiss-search", api)
    url = f"https://{api}.execute-api.us-east-1.amazonaws.com/prod/search"
    answer = cloud.call("POST", url, {}, token, Origin="https://members.example.com")
    assert (answer.status, answer.body["reason"]) == (403, "solution_mismatch")
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_documented_websocket_api_lets_members_connect_and_nobody_else(
    cloud: Cloud, gatepass: Operator, token: str
) -> None:
    around = WEBSOCKET + INTEGRATION % ("1.0", "prod")
    api = cloud.create("doc-websocket", documented("CloudFormation, WebSocket", around, "Api"))["Api"]
    gatepass("solutions", "link", "members", api)
    assert [cloud.connect(api, f"/prod{query}") for query in ("", "?token=forged", f"?token={token}")] == [
        401,
        401,
        101,
    ]
