"""The API under test on the local gateway, from the same template: what SAM makes of it, in the local gateway's words.

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from gatepass.local.gateway import Api, Authorizer, Cors, GatewayResponse, LambdaProxy, Mock, Route
from tests.conformance.functions import echo, scripted
from tests.support.template import Loader

TEMPLATE = Path(__file__).with_name("template.yaml")
Function = Callable[[dict[str, Any], Any], Any]


def resources() -> dict[str, Any]:
    """The template's resources, with CloudFormation's functions as mappings."""
    found: dict[str, Any] = yaml.load(TEMPLATE.read_text(), Loader)["Resources"]  # noqa: S506 - a safe loader with more tags
    return found


def apis(gate: Function, rest_id: str, http_id: str) -> tuple[Api, Api]:
    """The REST and the HTTP API before the functions of the template and the gate."""
    found = resources()
    rest, http = found["RestApi"]["Properties"], found["HttpApi"]["Properties"]
    responses = {name: _response(one) for name, one in rest["GatewayResponses"].items()}
    cors = http["CorsConfiguration"]
    settings = Cors(tuple(cors["AllowOrigins"]), tuple(cors["AllowMethods"]), tuple(cors["AllowHeaders"]))
    return (
        Api(rest_id, "REST", _routes("Api", rest, gate), rest["StageName"], responses),
        Api(http_id, "HTTP", _routes("HttpApi", http, gate), http["StageName"], cors=settings),
    )


def _routes(kind: str, api: Mapping[str, Any], gate: Function) -> tuple[Route, ...]:
    gates = {name: _authorizer(kind, one, gate) for name, one in api["Auth"]["Authorizers"].items()}
    functions = {"Backend": LambdaProxy(echo.lambda_handler), "Preflight": LambdaProxy(echo.preflight)}
    events = [
        (function, one["Properties"])
        for name, function in functions.items()
        for one in resources()[name]["Properties"]["Events"].values()
        if one["Type"] == kind
    ]
    routes = [
        Route(one["Method"], one["Path"], function, gates[one["Auth"]["Authorizer"]] if "Auth" in one else None)
        for function, one in events
    ]
    if kind == "Api":  # `Cors` gives every path a mock
        headers = {f"Access-Control-{name[:5]}-{name[5:]}": value.strip("'") for name, value in api["Cors"].items()}
        routes += [Route("OPTIONS", one["Path"], Mock(200, headers)) for _, one in events]
    return tuple(routes)


def _authorizer(kind: str, facts: Mapping[str, Any], gate: Function) -> Authorizer:
    identity = facts["Identity"]
    place = "method.request" if kind == "Api" else "$request"
    sources = [f"{place}.header.{name}" for name in identity.get("Headers", [])]
    sources += [f"{place}.querystring.{name}" for name in identity.get("QueryStrings", [])]
    if "Header" in identity:
        sources.append(f"{place}.header.{identity['Header']}")
    return Authorizer(
        gate if facts["FunctionArn"] == {"Ref": "GateArn"} else scripted.lambda_handler,
        facts.get("FunctionPayloadType", "REQUEST"),
        tuple(sources),
        identity["ReauthorizeEvery"],
        facts.get("AuthorizerPayloadFormatVersion", "2.0"),
        facts.get("EnableSimpleResponses", False),
    )


def _response(facts: Mapping[str, Any]) -> GatewayResponse:
    return GatewayResponse(
        facts["StatusCode"], facts["ResponseParameters"]["Headers"], facts["ResponseTemplates"]["application/json"]
    )
