"""A small local API Gateway that behaves like the real one where `sam local start-api` does not.

It answers on loopback for `gatepass local`, `gatepass demo`, and the tests: identity sources, result cache,
policy evaluation, gateway responses, CORS, and the event of every payload format. Each behaviour cites the
page of the AWS documentation that it follows, so that it does not merely agree with our own authorizer.
Behaviour that AWS does not document is marked "by report" with its source.
"""

from gatepass.local.gateway.authorize import ResultCache
from gatepass.local.gateway.core import handle
from gatepass.local.gateway.event_payloads import websocket_connect_event
from gatepass.local.gateway.lambdas import LambdaContext
from gatepass.local.gateway.messages import HttpRequest, HttpResponse
from gatepass.local.gateway.model import (
    Api,
    Authorizer,
    Cors,
    GatewayResponse,
    HttpProxy,
    LambdaProxy,
    Mock,
    ResponseType,
    Route,
)
from gatepass.local.gateway.server import LocalGateway

__all__ = [
    "Api",
    "Authorizer",
    "Cors",
    "GatewayResponse",
    "HttpProxy",
    "HttpRequest",
    "HttpResponse",
    "LambdaContext",
    "LambdaProxy",
    "LocalGateway",
    "Mock",
    "ResponseType",
    "ResultCache",
    "Route",
    "handle",
    "websocket_connect_event",
]
