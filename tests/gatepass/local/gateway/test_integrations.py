"""Integrations: what functions and backends may answer.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import logging
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from gatepass.local.gateway import HttpProxy, Mock, Route


def rest(toys, answer):
    return toys.send(toys.api("REST", None, toys.backend(answer)))


def http(toys, answer):
    return toys.send(toys.api("HTTP", None, toys.backend(answer)), "/search")


def test_a_rest_function_sets_status_headers_and_body(toys):
    response = rest(
        toys,
        {
            "statusCode": "201",
            "headers": {"X-A": "1", "X-B": "lost", "X-Flag": True},
            "multiValueHeaders": {"x-b": ["2", "3"]},
            "body": "made",
        },
    )
    assert (response.status, response.body) == (201, b"made")
    assert [value for name, value in response.headers if name.lower() == "x-b"] == ["2", "3"]
    assert (response.header("X-A"), response.header("X-Flag")) == ("1", "true")
    assert response.header("Content-Type") == "application/json"


@pytest.mark.parametrize(
    "answer",
    [
        "hello",
        ["hello"],
        {"message": "hello"},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": "ok"},
        {"statusCode": 99},
        {"statusCode": 200, "headers": {"A": ["1"]}},
        {"statusCode": 200, "isBase64Encoded": True, "body": "no base64!"},
        ValueError("boom"),
    ],
)
def test_another_format_of_a_rest_function_is_a_502(toys, answer):
    response = rest(toys, answer)
    assert (response.status, response.json()) == (502, {"message": "Internal server error"})


def test_base64_is_decoded_for_both(toys):
    answer = {"statusCode": 200, "isBase64Encoded": True, "body": "/wA=", "headers": {"content-type": "image/x"}}
    assert rest(toys, answer).body == http(toys, answer).body == b"\xff\x00"


@pytest.mark.parametrize(
    ("answer", "body"),
    [("Hello", b"Hello"), ({"message": "Hello"}, b'{"message":"Hello"}'), ([1], b"[1]")],
)
def test_the_answer_of_an_http_function_is_inferred_without_a_status(toys, answer, body):
    response = http(toys, answer)
    assert (response.status, response.body) == (200, body)
    assert response.header("Content-Type") == "application/json"


@pytest.mark.parametrize(
    ("type", "path", "name"),
    [("REST", "/prod/a", "x-amzn-Remapped-WWW-Authenticate"), ("HTTP", "/a", "WWW-Authenticate")],
)
def test_a_rest_api_renames_the_challenge_of_a_backend(toys, type, path, name):
    """api-gateway-known-issues: may be remapped."""
    backend = toys.backend({"statusCode": 401, "headers": {"WWW-Authenticate": "Basic"}})
    response = toys.send(toys.api(type, None, backend), path)
    assert [key for key, value in response.headers if value == "Basic"] == [name]


def test_cookies_of_an_http_function_become_headers(toys):
    response = http(toys, {"statusCode": 200, "cookies": ["a=1", "b=2"]})
    assert [value for name, value in response.headers if name == "Set-Cookie"] == ["a=1", "b=2"]


def test_a_failing_http_function_is_a_500_and_its_message_stays_inside(toys, caplog):
    with caplog.at_level(logging.DEBUG):
        response = http(toys, ValueError("gp1_secret"))
    assert (response.status, response.json()) == (500, {"message": "Internal Server Error"})
    assert "ValueError" in caplog.text
    assert "gp1_secret" not in caplog.text


def test_a_mock_answers_as_configured(toys):
    route = Route("OPTIONS", "/a", Mock(204, {"Allow": "GET"}, ""))
    response = toys.send(toys.api("REST", None, routes=(route,)), "/prod/a", "OPTIONS")
    assert (response.status, response.header("Allow"), response.body) == (204, "GET", b"")


class Backend(HTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), BackendHandler)
        self.seen = []


class BackendHandler(BaseHTTPRequestHandler):
    server: Backend

    def do_POST(self):
        self.server.seen.append((self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(207)
        self.send_header("X-Back", "1")
        self.send_header("X-Back", "2")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"answer")

    def log_message(self, *args):
        pass


@pytest.fixture
def backend():
    server = Backend()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("type", "prefix"), [("REST", "/prod"), ("HTTP", "")])
def test_an_http_proxy_forwards_everything_but_the_stage_and_hop_by_hop_headers(toys, backend, type, prefix):
    recorder, gate = toys.gate(toys.policy(), payload_version="1.0")
    url = f"http://127.0.0.1:{backend.server_port}/base/"
    api = toys.api(type, None, routes=(Route("ANY", "/{proxy+}", HttpProxy(url), gate),))
    headers = (
        ("Authorization", "Bearer x"),
        ("X-Two", "1"),
        ("X-Two", "2"),
        ("Host", "shop.example"),
        ("Connection", "keep-alive"),
    )
    response = toys.send(api, prefix + "/a%20b?q=%2B&q=2", "POST", headers, body=b"data", source_ip="192.0.2.1")
    assert (response.status, response.body) == (207, b"answer")
    assert [value for name, value in response.headers if name == "X-Back"] == ["1", "2"]
    assert response.header("Connection") is None
    ((path, seen, body),) = backend.seen
    assert (path, body) == ("/base/a%20b?q=%2B&q=2", b"data")
    assert seen["Authorization"] == "Bearer x"
    assert seen.get_all("X-Two") == ["1", "2"]
    assert seen.get_all("Host") == [f"127.0.0.1:{backend.server_port}"]
    assert seen["X-Forwarded-For"] == "192.0.2.1"
    assert seen["Connection"] is None
    assert recorder.called == 1


@pytest.mark.parametrize(
    ("type", "path", "status", "message"),
    [("REST", "/prod/a", 504, "Internal server error"), ("HTTP", "/a", 503, "Service Unavailable")],
)
def test_a_backend_that_is_not_there_is_the_gateways_failure(toys, type, path, status, message):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        api = toys.api(type, None, routes=(Route("ANY", "/{proxy+}", HttpProxy(url)),))
        response = toys.send(api, path)
    assert (response.status, response.json()) == (status, {"message": message})


@pytest.mark.parametrize(("type", "status"), [("REST", 502), ("HTTP", 500)])
@pytest.mark.parametrize(
    "answer",
    [{"statusCode": 100}, {"statusCode": 200, "headers": {"X-A\r\nX-Injected": "1"}}, lambda event: sys.exit(1)],
    ids=["interim status", "split header", "exit"],
)
def test_what_would_leave_a_client_waiting_or_misled_is_the_functions_failure(toys, type, status, answer):
    assert toys.send(toys.api(type, None, toys.backend(answer))).status == status


def test_a_string_among_the_multi_value_headers_is_not_taken_letter_by_letter(toys):
    answer = {"statusCode": 200, "multiValueHeaders": {"Set-Cookie": "ab"}}
    assert toys.send(toys.api("REST", None, toys.backend(answer))).status == 502
