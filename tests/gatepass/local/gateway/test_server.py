"""The server: what only shows over a socket."""

import http.client
import json
import socket
import urllib.error
import urllib.request

import pytest

from gatepass.local.gateway import LambdaProxy, LocalGateway, Route

SPOOF = "x-local-source-ip"


def echo(event):
    identity = event["requestContext"]["identity"]
    body = {"ip": identity["sourceIp"], "headers": event["multiValueHeaders"], "path": event["path"]}
    return {"statusCode": 200, "body": json.dumps(body)}


def get(url, headers=None):
    request = urllib.request.Request(url, headers=headers or {})
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.load(response)


@pytest.fixture
def api(toys):
    return toys.api("REST", None, toys.backend(echo))


def test_the_url_names_port_and_stage_and_answers(api):
    with LocalGateway(api) as gateway:
        assert gateway.url == f"http://127.0.0.1:{gateway.port}/prod"
        seen = get(gateway.url + "/search")
    assert (seen["ip"], seen["path"]) == ("127.0.0.1", "/search")
    assert seen["headers"]["X-Forwarded-For"] == ["127.0.0.1"]


def test_the_default_stage_is_the_base_of_the_url(toys):
    with LocalGateway(toys.api("HTTP", None, toys.backend({"a": 1}))) as gateway:
        assert gateway.url == f"http://127.0.0.1:{gateway.port}"
        assert get(gateway.url + "/search") == {"a": 1}


def test_no_header_sets_the_source_address_unless_that_is_switched_on(api):
    with LocalGateway(api) as gateway:
        seen = get(gateway.url + "/search", {SPOOF: "192.0.2.1", "X-Forwarded-For": "192.0.2.2"})
    assert seen["ip"] == "127.0.0.1"
    assert seen["headers"]["X-Forwarded-For"] == ["192.0.2.2, 127.0.0.1"]


def test_the_trusted_header_sets_the_source_address_and_is_seen_by_nobody(api):
    with LocalGateway(api, trust_source_header="X-Local-Source-IP") as gateway:
        seen = get(gateway.url + "/search", {SPOOF: "2001:db8::1"})
        assert seen["ip"] == "2001:db8::1"
        assert seen["headers"]["X-Forwarded-For"] == ["2001:db8::1"]
        assert SPOOF not in {name.lower() for name in seen["headers"]}
        assert get(gateway.url + "/search")["ip"] == "127.0.0.1"
        with pytest.raises(urllib.error.HTTPError, match="400"):
            get(gateway.url + "/search", {SPOOF: "somewhere"})


def test_one_connection_serves_many_requests(toys):
    _, gate = toys.gate(Exception("Unauthorized"))
    routes = (
        Route("GET", "/open", LambdaProxy(toys.backend())),
        Route("ANY", "/closed", LambdaProxy(toys.backend()), gate),
    )
    with LocalGateway(toys.api("REST", None, routes=routes)) as gateway:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=5)
        statuses = []
        for method, path in [("GET", "/open"), ("POST", "/closed"), ("HEAD", "/closed"), ("GET", "/open")]:
            connection.request(method, "/prod" + path, body=b"data" if method == "POST" else None)
            first = connection.sock
            response = connection.getresponse()
            statuses.append((response.status, response.read() == b""))
            assert connection.sock is first
        connection.close()
    assert statuses == [(200, False), (401, False), (401, True), (200, False)]


def test_a_stopped_gateway_answers_no_more_even_on_an_open_connection(api):
    gateway = LocalGateway(api)
    gateway.start()
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=5)
    connection.request("GET", "/prod/search")
    connection.getresponse().read()
    gateway.stop()
    assert connection.sock.recv(1) == b""
    connection.close()
    with pytest.raises(OSError, match=r".+"):
        socket.create_connection(("127.0.0.1", gateway.port), timeout=1)


def test_a_gateway_that_never_started_can_be_stopped(api):
    LocalGateway(api).stop()


def test_the_cache_lives_as_long_as_the_gateway(toys):
    recorder, gate = toys.gate(
        toys.policy("Allow", "*"), identity_sources=("method.request.header.Authorization",), ttl_seconds=300
    )
    with LocalGateway(toys.api("REST", gate, toys.backend(echo))) as gateway:
        for _ in range(3):
            get(gateway.url + "/search", {"Authorization": "one"})
    assert recorder.called == 1


def raw(gateway, request):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"Transfer-Encoding: chunked", b"411"),
        (b"Content-Length: -1", b"400"),
        (b"Content-Length: 1_0", b"400"),
        (b"Content-Length: 1\r\nContent-Length: 5", b"400"),
        (b"Content-Length: " + b"9" * 5000, b"400"),
        (b"Transfer-Encoding: gzip", b"411"),
    ],
)
def test_a_body_of_unclear_length_ends_the_connection(api, header, status):
    """What one side takes for a body and the other for a request is request smuggling."""
    with LocalGateway(api) as gateway:
        answer = raw(gateway, b"POST /prod/search HTTP/1.1\r\nHost: h\r\n" + header + b"\r\n\r\n0\r\n\r\n")
    assert answer.split(b" ")[1] == status
    assert answer.count(b"HTTP/1.1") == 1


def test_a_path_of_two_slashes_is_no_host(api):
    with LocalGateway(api) as gateway:
        answer = raw(gateway, b"GET //prod/search HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == b"200"
    assert json.loads(body)["path"] == "/search"


def test_nothing_is_printed_about_a_request(api, capfd):
    with LocalGateway(api) as gateway:
        get(gateway.url + "/search?token=gp1_secret", {"Authorization": "gp1_secret"})
        raw(gateway, b"NONSENSE gp1_secret\r\n\r\n")
    out, err = capfd.readouterr()
    assert "gp1_secret" not in out + err
    assert "127.0.0.1" not in out + err


def test_a_visitors_text_cannot_add_response_headers(toys):
    answer = {"statusCode": 200, "headers": {"X-Echo": "a\r\nX-Injected: 1"}}
    with LocalGateway(toys.api("HTTP", None, toys.backend(answer))) as gateway:
        response = urllib.request.urlopen(gateway.url + "/search", timeout=5)
    assert response.headers["X-Injected"] is None


def test_text_beyond_latin_1_in_a_header_does_not_cost_the_answer(toys):
    answer = {"statusCode": 200, "headers": {"X-Echo": "caf\u00e9 \u2603"}}
    with LocalGateway(toys.api("HTTP", None, toys.backend(answer))) as gateway:
        response = urllib.request.urlopen(gateway.url + "/search", timeout=5)
    assert response.headers["X-Echo"] == "caf\u00e9 ?"


def test_utf_8_in_a_path_is_percent_encoded(api):
    with LocalGateway(api) as gateway:
        answer = raw(gateway, "GET /prod/caf\u00e9%2F?q=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["path"] == "/caf%C3%A9%2F"
