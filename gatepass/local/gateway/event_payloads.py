"""The events that authorizers and proxy integrations receive, in every payload format.

REST authorizers: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html
HTTP authorizers: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
REST integrations: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
HTTP integrations: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
WebSocket: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from gatepass.local.gateway.invocation import (
    Invocation,
    all_values,
    clf_time,
    domain_name,
    joined_values,
    last_values,
)
from gatepass.local.gateway.messages import HttpRequest
from gatepass.local.gateway.model import Api

Event = dict[str, Any]

# What HTTP APIs pass on as text. Everything else is base64, including forms and bodies without a type. By report,
# checked against AWS: ministackorg/ministack#766.
_TEXT_TYPE = re.compile(r"(text/.+|application/(json|javascript|xml))\s*(;.*)?", re.IGNORECASE)


def token_event(invocation: Invocation, token: str) -> Event:
    """REST, TOKEN: the value of one header, without path or address."""
    return {"type": "TOKEN", "authorizationToken": token, "methodArn": invocation.method_arn}


def rest_request_event(invocation: Invocation) -> Event:
    """REST, REQUEST: names as sent, repeated values in the `multiValue…` maps, empty maps not null."""
    request = invocation.request
    return {
        "type": "REQUEST",
        "methodArn": invocation.method_arn,
        "resource": invocation.resource,
        "path": invocation.path,
        "httpMethod": request.method,
        "headers": last_values(request.headers),
        "multiValueHeaders": all_values(request.headers),
        "queryStringParameters": last_values(request.query_pairs()),
        "multiValueQueryStringParameters": all_values(request.query_pairs()),
        "pathParameters": dict(invocation.path_parameters),
        "stageVariables": dict(invocation.api.stage_variables),
        "requestContext": invocation.context_variables(),
    }


def http_request_event_v1(invocation: Invocation, identity: Sequence[str]) -> Event:
    """HTTP, payload 1.0: REST's event, with the identity joined by commas in two members."""
    joined = ",".join(identity)
    return {
        "version": "1.0",
        **rest_request_event(invocation),
        "path": invocation.full_path,
        "identitySource": joined,
        "authorizationToken": joined,
    }


def http_request_event_v2(invocation: Invocation, identity: Sequence[str]) -> Event:
    """HTTP, payload 2.0: the ARN is `routeArn`, and the identity is a list (null without identity sources)."""
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": invocation.method_arn,
        "identitySource": list(identity) or None,
        **_http_v2_common(invocation),
    }


def rest_proxy_event(invocation: Invocation, authorizer: Mapping[str, Any] | None) -> Event:
    """REST proxy integration: the context is in `requestContext.authorizer`; absent maps are null."""
    request = invocation.request
    body, encoded = _rest_body(request)
    context = invocation.context_variables()
    if authorizer is not None:
        context["authorizer"] = dict(authorizer)
    return {
        "resource": invocation.resource,
        "path": invocation.path,
        "httpMethod": request.method,
        "headers": last_values(request.headers) or None,
        "multiValueHeaders": all_values(request.headers) or None,
        "queryStringParameters": last_values(request.query_pairs()) or None,
        "multiValueQueryStringParameters": all_values(request.query_pairs()) or None,
        "pathParameters": dict(invocation.path_parameters) or None,
        "stageVariables": dict(invocation.api.stage_variables) or None,
        "requestContext": context,
        "body": body,
        "isBase64Encoded": encoded,
    }


def http_proxy_event_v2(invocation: Invocation, authorizer: Mapping[str, Any] | None) -> Event:
    """HTTP proxy integration, payload 2.0: the context is in `requestContext.authorizer.lambda`."""
    event = {"version": "2.0", **_http_v2_common(invocation)}
    if authorizer is not None:
        event["requestContext"]["authorizer"] = {"lambda": dict(authorizer)}
    body = invocation.request.body
    content_type = next(iter(invocation.request.header_values("Content-Type")), "")
    event["isBase64Encoded"] = bool(body) and _TEXT_TYPE.fullmatch(content_type) is None
    if body:
        event["body"] = (
            base64.b64encode(body).decode() if event["isBase64Encoded"] else body.decode("utf-8", errors="replace")
        )
    return event


def websocket_connect_event(api: Api, request: HttpRequest, now: float) -> Event:
    """The authorizer's event on `$connect`: no HTTP method in the ARN, no path.

    Uses only the IDs, stage, Region, and partition of `api`. Its routes are not WebSocket routes.
    """
    return {
        "type": "REQUEST",
        "methodArn": f"arn:{api.partition}:execute-api:{api.region}:{api.account_id}:{api.api_id}/{api.stage}/$connect",
        "headers": last_values(request.headers),
        "multiValueHeaders": all_values(request.headers),
        "queryStringParameters": last_values(request.query_pairs()),
        "multiValueQueryStringParameters": all_values(request.query_pairs()),
        "stageVariables": dict(api.stage_variables),
        "requestContext": {
            "routeKey": "$connect",
            "eventType": "CONNECT",
            "extendedRequestId": str(uuid.uuid4()),
            "requestTime": clf_time(now),
            "messageDirection": "IN",
            "stage": api.stage,
            "connectedAt": int(now * 1000),
            "requestTimeEpoch": int(now * 1000),
            "identity": {"sourceIp": request.source_ip},
            "requestId": str(uuid.uuid4()),
            "domainName": domain_name(api.api_id, api.region, api.partition),
            "connectionId": str(uuid.uuid4()),
            "apiId": api.api_id,
        },
    }


def _http_v2_common(invocation: Invocation) -> Event:
    """What both 2.0 events share: lower-case names, duplicates joined, absent parts left out.

    Cookies move from the headers into a list of their own.
    """
    api, request = invocation.api, invocation.request
    headers = tuple((name.lower(), value) for name, value in request.headers)
    cookies = [part for name, value in headers if name == "cookie" for part in value.split("; ")]
    event: Event = {
        "routeKey": invocation.route_key,
        "rawPath": invocation.full_path,
        "rawQueryString": request.query,
        "headers": joined_values(tuple(pair for pair in headers if pair[0] != "cookie")),
        "requestContext": {
            "accountId": api.account_id,
            "apiId": api.api_id,
            "domainName": invocation.domain_name,
            "domainPrefix": api.api_id,
            "http": {
                "method": request.method,
                "path": invocation.full_path,
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": invocation.user_agent or "",
            },
            "requestId": invocation.request_id,
            "routeKey": invocation.route_key,
            "stage": api.stage,
            "time": clf_time(invocation.now),
            "timeEpoch": int(invocation.now * 1000),
        },
    }
    optional: dict[str, Any] = {
        "cookies": cookies,
        "queryStringParameters": joined_values(request.query_pairs()),
        "pathParameters": dict(invocation.path_parameters),
        "stageVariables": dict(api.stage_variables),
    }
    return event | {name: value for name, value in optional.items() if value}


def _rest_body(request: HttpRequest) -> tuple[str | None, bool]:
    """UTF-8 text unchanged, and other bytes in base64, as with the binary media type `*/*`."""
    if not request.body:
        return None, False
    try:
        return request.body.decode("utf-8"), False
    except UnicodeDecodeError:
        return base64.b64encode(request.body).decode(), True
