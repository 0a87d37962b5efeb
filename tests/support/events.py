"""Events as API Gateway sends them to an authorizer; sources in `authorizer/events.py`."""

import base64
import gzip
import json
from typing import Any

from entitlements.items import Key, item_to_wire

ACCOUNT = "arn:aws:execute-api:us-east-1:123456789012"
ADDRESS = "198.51.100.7"


def rest_token(value: str | None, api: str = "abc123", method: str = "POST", path: str = "/search") -> dict[str, Any]:
    event = {"type": "TOKEN", "methodArn": f"{ACCOUNT}:{api}/prod/{method}{path}"}
    return event | ({"authorizationToken": value} if value is not None else {})


def rest_request(
    token: str | None = None, api: str = "abc123", method: str = "POST", path: str = "/search", ip: str = ADDRESS
) -> dict[str, Any]:
    headers = {"Host": f"{api}.execute-api.us-east-1.amazonaws.com"}
    headers |= {"Authorization": f"Bearer {token}"} if token is not None else {}
    return {
        "type": "REQUEST",
        "methodArn": f"{ACCOUNT}:{api}/prod/{method}{path}",
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": api,
            "stage": "prod",
            "path": f"/prod{path}",
            "resourcePath": path,
            "httpMethod": method,
            "protocol": "HTTP/1.1",
            "identity": {"sourceIp": ip, "userAgent": "curl/8"},
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        },
    }


def http_1(token: str | None = None, **kwargs: Any) -> dict[str, Any]:
    event = rest_request(token, **kwargs)
    token_value = event["headers"].get("Authorization")
    return {"version": "1.0", "identitySource": token_value, "authorizationToken": token_value} | event


def http_2(
    token: str | None = None, api: str = "abc123", method: str = "POST", path: str = "/search", ip: str = ADDRESS
) -> dict[str, Any]:
    headers = {"host": f"{api}.execute-api.us-east-1.amazonaws.com"}
    headers |= {"authorization": f"Bearer {token}"} if token is not None else {}
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": f"{ACCOUNT}:{api}/$default/{method}{path}",
        "identitySource": None,
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": api,
            "domainName": f"{api}.execute-api.us-east-1.amazonaws.com",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": ip, "userAgent": "curl/8"},
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": f"{method} {path}",
            "stage": "$default",
            "timeEpoch": 1795478400000,
        },
    }


def websocket_connect(token: str | None = None, api: str = "abc123", ip: str = ADDRESS) -> dict[str, Any]:
    query = {"token": token} if token is not None else None
    return {
        "type": "REQUEST",
        "methodArn": f"{ACCOUNT}:{api}/prod/$connect",
        "headers": {"Host": f"{api}.execute-api.us-east-1.amazonaws.com", "Sec-WebSocket-Version": "13"},
        "multiValueHeaders": {"Host": [f"{api}.execute-api.us-east-1.amazonaws.com"], "Sec-WebSocket-Version": ["13"]},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": {"token": [token]} if token is not None else None,
        "stageVariables": {},
        "requestContext": {
            "routeKey": "$connect",
            "eventType": "CONNECT",
            "connectionId": "L0SM9cOFvHcCIhw=",
            "apiId": api,
            "stage": "prod",
            "identity": {"sourceIp": ip},
            "requestId": "L0SM9EcyvHcFrKQ=",
        },
    }


def schedule(name: str = "KeyRotationDaily") -> dict[str, Any]:
    """What EventBridge Scheduler sends: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule.html"""
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "123456789012",
        "time": "2026-11-24T06:00:00Z",
        "region": "us-east-1",
        # The name is CloudFormation's, which makes it from the stack's.
        "resources": [f"arn:aws:scheduler:us-east-1:123456789012:schedule/default/gatepass-{name}-1P2YKM5XTWQ8B"],
        "detail": "{}",
    }


def logs(*lines: Any) -> dict[str, Any]:
    """What a log group's subscription sends to Lambda:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html#LambdaFunctionExample
    """
    messages = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    at = 1_795_478_400_000
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "gatepass-AuthorizerLogs",
        "logStream": "2026/11/24/[1]abcdef",
        "subscriptionFilters": ["gatepass-UsageGateRefusals"],
        "logEvents": [{"id": f"{n:056d}", "timestamp": at, "message": message} for n, message in enumerate(messages)],
    }
    packed = gzip.compress(json.dumps(data).encode(), compresslevel=0, mtime=0)  # versions of zlib compress differently
    # The tenth byte names the operating system, and Python's versions differ in it (RFC 1952, section 2.3).
    return {"awslogs": {"data": base64.b64encode(packed[:9] + b"\xff" + packed[10:]).decode()}}


def stream(
    key: Key, event: str, old: dict[str, Any] | None, new: dict[str, Any] | None, at: float = 1_795_478_400.0
) -> dict[str, Any]:
    """A record of the table's stream: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html"""
    images = {"OldImage": old, "NewImage": new}
    change = {name: key.wire | item_to_wire(image) for name, image in images.items() if image is not None}
    return {
        "eventID": "c4ca4238a0b923820dcc509a6f75849b",
        "eventName": event,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": at,
            "Keys": key.wire,
            **change,
            "SequenceNumber": "4421584500000000017450439091",
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }


def api_request(method: str, path: str, body: Any = None) -> dict[str, Any]:
    """A request to the token service, as its HTTP API hands it on."""
    headers = {"host": "abc123.execute-api.us-east-1.amazonaws.com", "content-type": "application/json"}
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc123",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": ADDRESS,
                "userAgent": "curl/8",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "stage": "$default",
            "timeEpoch": 1795478400000,
        },
        "body": json.dumps(body) if body is not None else None,
        "isBase64Encoded": False,
    }
