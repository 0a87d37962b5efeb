"""The documented Terraform parses, and says what `attach` makes where the provider would say something else."""

import re
from typing import Any

import hcl2
import pytest
from hcl2.utils import SerializationOptions

from tests.support.infrastructure import EXPORTS, blocks, made_by_attach, resolve

# https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/apigatewayv2/authorizer.go
DEFAULTS: dict[str, Any] = {"identity_sources": [], "enable_simple_responses": False}
ATTRIBUTES = {
    "type": "authorizer_type", "uri": "authorizer_uri", "ttl": "authorizer_result_ttl_in_seconds",
    "identity": "identity_sources", "payload": "authorizer_payload_format_version", "simple": "enable_simple_responses",
}  # fmt: skip
PLAIN = SerializationOptions(with_comments=False, explicit_blocks=False, strip_string_quotes=True)


def parsed(kind: str, what: str) -> dict[str, dict[str, Any]]:
    """Resources, or data, by address."""
    (text,) = blocks(f"Terraform, {kind}")
    found = {}
    for one in hcl2.loads(text, serialization_options=PLAIN).get(what, []):
        ((type, named),) = one.items()
        ((name, attributes),) = named.items()
        assert f"{type}.{name}" not in found
        found[f"{type}.{name}"] = attributes
    return found


def assert_routes(resources: dict[str, Any], kind: str, gate: str) -> None:
    routes = [one for address, one in resources.items() if address.startswith(f"{kind}.")]
    assert len(routes) == 2
    for one in routes:
        verb = (one.get("http_method") or one["route_key"]).partition(" ")[0]
        wanted = ("NONE", None) if verb == "OPTIONS" else ("CUSTOM", gate)
        assert (one.get("authorization") or one["authorization_type"], one.get("authorizer_id")) == wanted


def test_terraform_makes_of_an_http_api_what_attach_makes() -> None:
    resources = parsed("HTTP", "resource")
    given = DEFAULTS | resources["aws_apigatewayv2_authorizer.gatepass"]
    found = {key: given[name] for key, name in ATTRIBUTES.items()}
    assert found["uri"] == "${data.aws_cloudformation_export.gatepass.value}"
    found["uri"] = EXPORTS[parsed("HTTP", "data")["aws_cloudformation_export.gatepass"]["name"]]
    assert found == made_by_attach("HTTP")
    assert_routes(resources, "aws_apigatewayv2_route", "${aws_apigatewayv2_authorizer.gatepass.id}")


def test_terraform_has_cloudformation_make_a_rest_api_s_authorizer_as_attach_does() -> None:
    (text,) = blocks("Terraform, REST")
    body = re.search(r"jsonencode\((\{\n.*?\n  \})\)", text, re.DOTALL)
    assert body is not None
    template = hcl2.loads(f"template = {body[1]}\n", serialization_options=PLAIN)["template"]
    (authorizer,) = template["Resources"].values()
    assert authorizer["Type"] == "AWS::ApiGateway::Authorizer"
    properties = authorizer["Properties"]
    assert properties.pop("RestApiId") == "${aws_api_gateway_rest_api.api.id}"
    assert properties.keys() == {"Name", "Type", "AuthorizerResultTtlInSeconds", "AuthorizerUri"}
    found = {
        "type": properties["Type"], "uri": resolve(properties["AuthorizerUri"]),
        "ttl": properties["AuthorizerResultTtlInSeconds"], "identity": properties.get("IdentitySource", ""),
    }  # fmt: skip
    assert found == made_by_attach("REST")
    assert template["Outputs"] == {"AuthorizerId": {"Value": {"Ref": "Gatepass"}}}
    gate = '${aws_cloudformation_stack.gatepass.outputs["AuthorizerId"]}'
    assert_routes(parsed("REST", "resource"), "aws_api_gateway_method", gate)


def test_preflight_allows_the_header_of_the_token() -> None:
    mock = parsed("REST", "resource")["aws_api_gateway_integration_response.preflight"]["response_parameters"]
    assert "authorization" in mock["method.response.header.Access-Control-Allow-Headers"]
    assert parsed("REST", "resource")["aws_api_gateway_integration.preflight"]["content_handling"] == "CONVERT_TO_TEXT"
    (cors,) = parsed("HTTP", "resource")["aws_apigatewayv2_api.api"]["cors_configuration"]
    assert "authorization" in cors["allow_headers"]


@pytest.mark.parametrize("kind", ["REST", "HTTP"])
def test_only_what_the_api_already_has_is_not_in_the_snippet(kind: str) -> None:
    (text,) = blocks(f"Terraform, {kind}")
    known = {*parsed(kind, "resource"), *(f"data.{address}" for address in parsed(kind, "data"))}
    named = set(re.findall(r"(?:data\.)?aws_\w+\.\w+(?=\.)", text))
    assert (
        named - known
        == {
            "REST": {"aws_api_gateway_rest_api.api", "aws_api_gateway_resource.search"},
            "HTTP": {"aws_apigatewayv2_integration.backend"},
        }[kind]
    )
