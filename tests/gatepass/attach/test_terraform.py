"""The documented Terraform parses, and says what `attach` makes where the provider would say something else."""

import re
from typing import Any

import hcl2
import pytest
from hcl2.utils import SerializationOptions

from tests.support.infrastructure import EXPORTS, blocks, made_by_attach

DEFAULTS: dict[str, dict[str, Any]] = {
    # https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/apigateway/authorizer.go
    "REST": {"type": "TOKEN", "authorizer_result_ttl_in_seconds": 300,
             "identity_source": "method.request.header.Authorization"},
    "HTTP": {"identity_sources": [], "enable_simple_responses": False},
}  # fmt: skip
ATTRIBUTES = {
    "REST": {"type": "type", "uri": "authorizer_uri", "ttl": "authorizer_result_ttl_in_seconds",
             "identity": "identity_source"},
    "HTTP": {"type": "authorizer_type", "uri": "authorizer_uri", "ttl": "authorizer_result_ttl_in_seconds",
             "identity": "identity_sources", "payload": "authorizer_payload_format_version",
             "simple": "enable_simple_responses"},
}  # fmt: skip
TYPES = {"REST": ("aws_api_gateway_authorizer", "aws_api_gateway_method"),
         "HTTP": ("aws_apigatewayv2_authorizer", "aws_apigatewayv2_route")}  # fmt: skip


def parsed(kind: str, what: str) -> dict[str, dict[str, Any]]:
    """Resources, or data, by address."""
    (text,) = blocks(f"Terraform, {kind}")
    plain = SerializationOptions(with_comments=False, explicit_blocks=False, strip_string_quotes=True)
    found = {}
    for one in hcl2.loads(text, serialization_options=plain)[what]:
        ((type, named),) = one.items()
        ((name, attributes),) = named.items()
        assert f"{type}.{name}" not in found
        found[f"{type}.{name}"] = attributes
    return found


@pytest.mark.parametrize("kind", ["REST", "HTTP"])
def test_terraform_makes_what_attach_makes(kind: str) -> None:
    authorizer, route = TYPES[kind]
    resources = parsed(kind, "resource")
    given = DEFAULTS[kind] | resources[f"{authorizer}.gatepass"]
    found = {key: given[name] for key, name in ATTRIBUTES[kind].items()}
    assert found["uri"] == "${data.aws_cloudformation_export.gatepass.value}"
    found["uri"] = EXPORTS[parsed(kind, "data")["aws_cloudformation_export.gatepass"]["name"]]
    assert found == made_by_attach(kind)
    routes = [one for address, one in resources.items() if address.startswith(f"{route}.")]
    assert len(routes) == 2
    for one in routes:
        verb = (one.get("http_method") or one["route_key"]).partition(" ")[0]
        wanted = ("NONE", None) if verb == "OPTIONS" else ("CUSTOM", f"${{{authorizer}.gatepass.id}}")
        assert (one.get("authorization") or one["authorization_type"], one.get("authorizer_id")) == wanted


def test_preflight_allows_the_header_of_the_token() -> None:
    mock = parsed("REST", "resource")["aws_api_gateway_integration_response.preflight"]["response_parameters"]
    assert "authorization" in mock["method.response.header.Access-Control-Allow-Headers"]
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
