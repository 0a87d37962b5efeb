"""One signed UpdateItem over a connection that stays open, and nothing decided: no peer can get below it.

No retry, no limit of time, no check of the answer, HTTP only: a measure, not a client. Settings: TABLE, and KEY for a
write that adds 1, or WRITE for another, whose REQUESTID is a new one each time (both JSON).
"""

import hashlib
import hmac
import json
import os
import socket
import time
from typing import Any
from urllib.parse import urlsplit

HOST = urlsplit(os.environ["AWS_ENDPOINT_URL_DYNAMODB"])
REGION = os.environ["AWS_REGION"]
TOKEN = os.environ["AWS_SESSION_TOKEN"]
ADD = {
    "Key": json.loads(os.environ.get("KEY", "null")),
    "UpdateExpression": "ADD #total :one",
    "ExpressionAttributeNames": {"#total": "total"},
    "ExpressionAttributeValues": {":one": {"N": "1"}},
    "ReturnValues": "ALL_NEW",
}
WRITE = json.loads(os.environ["WRITE"]) if "WRITE" in os.environ else ADD
BODY = json.dumps({"TableName": os.environ["TABLE"], **WRITE}, separators=(",", ":")).encode()
NAMES = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"

connection = socket.create_connection((HOST.hostname or "", HOST.port or 80))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Write once."""
    body = BODY.replace(b"REQUESTID", os.urandom(6).hex().encode())
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    lines = f"content-type:application/x-amz-json-1.0\nhost:{HOST.netloc}\nx-amz-date:{stamp}\n"
    lines += f"x-amz-security-token:{TOKEN}\nx-amz-target:DynamoDB_20120810.UpdateItem\n"
    canonical = f"POST\n/\n\n{lines}\n{NAMES}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{stamp[:8]}/{REGION}/dynamodb/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(signing_key(stamp[:8]), text.encode(), "sha256").hex()
    head = lines.replace("\n", "\r\n") + (
        f"authorization:AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope}, "
        f"SignedHeaders={NAMES}, Signature={signature}\r\n"
    )
    connection.sendall(f"POST / HTTP/1.1\r\n{head}content-length:{len(body)}\r\n\r\n".encode() + body)
    return {"isAuthorized": "Attributes" in receive()}


def receive() -> dict[str, Any]:
    """The answer's document."""
    data = b""
    while not data.endswith(b"}}}"):
        data += connection.recv(65_536)
    document: dict[str, Any] = json.loads(data.partition(b"\r\n\r\n")[2])
    return document


_keys: dict[str, bytes] = {}


def signing_key(day: str) -> bytes:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""
    if day not in _keys:
        key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
        for part in (day, REGION, "dynamodb", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        _keys[day] = key
    return _keys[day]
