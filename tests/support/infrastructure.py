"""The documented infrastructure as code, and what must be true of it whatever the tool."""

import re
from typing import Any

from gatepass.attach.api_state import ApiKind
from gatepass.attach.document import value_to_json
from gatepass.attach.wanted import authorizer_value
from tests.support.emulators import ROOT

ARN = "arn:aws:lambda:us-east-1:123456789012:function:gate:live"
EXPORTS = {"gatepass-AuthorizerArn": ARN, "gatepass-AuthorizerInvokeUri": authorizer_value(ApiKind.REST, ARN).uri}


def blocks(heading: str) -> list[str]:
    """The code below a heading of the document."""
    text = (ROOT / "docs" / "infrastructure-as-code.md").read_text()
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert section is not None, heading
    return re.findall(r"```\w+\n(.*?)```", section[1], re.DOTALL)


def made_by_attach(kind: str) -> dict[str, Any]:
    """The authorizer that `gatepass attach` makes."""
    made: dict[str, Any] = value_to_json(authorizer_value(ApiKind(kind), ARN))
    return made


def resolve(value: Any) -> Any:
    """What CloudFormation makes of its functions, in us-east-1."""
    known = {"AWS::Partition": "aws", "AWS::Region": "us-east-1"}
    if isinstance(value, list):
        return [resolve(one) for one in value]
    if not isinstance(value, dict):
        return value
    ((function, given),) = value.items() if len(value) == 1 else ((None, None),)
    match function, resolve(given):
        case "Ref", name:
            return known[name]
        case "Fn::ImportValue", name:
            return EXPORTS[name]
        case "Fn::Join", [by, parts]:
            return by.join(parts)
        case "Fn::Split", [by, text]:
            return text.split(by)
        case "Fn::Select", [index, parts]:
            return parts[int(index)]
        case "Fn::Sub", [text, names]:
            return re.sub(r"\$\{([\w:]+)\}", lambda name: (known | names)[name[1]], text)
    return {name: resolve(one) for name, one in value.items()}


def assert_gated(kind: str, resources: dict[str, Any]) -> None:
    """CloudFormation's resources: the authorizer is as `attach` makes it, every route has it, and preflight has not."""
    gate, found = _only(resources, "Authorizer")
    assert _authorizer_value(kind, found) == made_by_attach(kind)
    assert not [one for one in resources.values() if one["Type"] == "AWS::Lambda::Permission"]
    routes = _routes(resources)
    assert [route for route in routes if route[0] != "OPTIONS"]
    for (verb, _), found in routes.items():
        wanted = ("NONE", None) if verb == "OPTIONS" else ("CUSTOM", {"Ref": gate})
        assert (found["AuthorizationType"], found.get("AuthorizerId")) == wanted
    if kind == "REST":
        for _, place in routes:
            answer = routes["OPTIONS", place]["Integration"]["IntegrationResponses"][0]["ResponseParameters"]
            assert "authorization" in answer["method.response.header.Access-Control-Allow-Headers"]
            assert answer["method.response.header.Access-Control-Allow-Origin"] == "'*'"
    elif kind == "HTTP":
        assert "authorization" in _only(resources, "Api")[1]["CorsConfiguration"]["AllowHeaders"]
        assert {place for verb, place in routes if verb in ("ANY", "$default")} <= {
            place for verb, place in routes if verb == "OPTIONS"
        }


def _authorizer_value(kind: str, found: dict[str, Any]) -> dict[str, Any]:
    value = {"type": found["Type" if kind == "REST" else "AuthorizerType"], "uri": resolve(found["AuthorizerUri"])}
    value["identity"] = found.get("IdentitySource", "" if kind == "REST" else [])
    if kind != "WEBSOCKET":
        value["ttl"] = found["AuthorizerResultTtlInSeconds"]
    if kind == "HTTP":
        value |= {"payload": found["AuthorizerPayloadFormatVersion"], "simple": found["EnableSimpleResponses"]}
    return value


def _only(resources: dict[str, Any], suffix: str) -> tuple[str, dict[str, Any]]:
    ((name, found),) = [(name, one) for name, one in resources.items() if one["Type"].endswith(f"::{suffix}")]
    return name, found["Properties"]


def _routes(resources: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """By verb and place: a path, or what CloudFormation calls a REST API's resource."""
    routes = {}
    for one in resources.values():
        found = one.get("Properties", {})
        if one["Type"] == "AWS::ApiGateway::Method":
            routes[found["HttpMethod"], str(found["ResourceId"])] = found
        elif one["Type"] == "AWS::ApiGatewayV2::Route":
            verb, _, path = found["RouteKey"].partition(" ")
            routes[verb, path] = found
    return routes
