"""What only shows over a socket."""

import base64
import http.client
import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from gatepass.local.razorpay.server import random_id


def call(stand_in, method, path, body=None, auth="rzp_test_key:key-secret"):
    connection = http.client.HTTPConnection(urlsplit(stand_in.url).netloc, timeout=5)
    headers = {} if auth is None else {"Authorization": "Basic " + base64.b64encode(auth.encode()).decode()}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


@pytest.mark.parametrize("auth", [None, "rzp_test_key:wrong", "other:key-secret", "rzp_test_key", ":", ""])
@pytest.mark.parametrize("path", ["/v1/orders", "/nowhere"])
def test_nothing_is_answered_without_the_right_key(stand_in, auth, path):
    status, answer = call(stand_in, "GET", path, auth=auth)
    assert (status, answer["error"]["code"]) == (401, "BAD_REQUEST_ERROR")
    assert list(answer) == ["error"]


@pytest.mark.parametrize("header", ["Bearer abc", "Basic", "Basic %%%", "Basic \xff"])
def test_a_malformed_authorization_is_refused(stand_in, header):
    connection = http.client.HTTPConnection(urlsplit(stand_in.url).netloc, timeout=5)
    connection.request("GET", "/v1/orders", headers={"Authorization": header})
    assert connection.getresponse().status == 401
    connection.close()


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/items"), ("PUT", "/v1/orders"), ("GET", "/v1/orders/")])
def test_an_unknown_url_is_a_bad_request(stand_in, method, path):
    status, answer = call(stand_in, method, path)
    assert (status, answer["error"]["description"]) == (400, "The requested URL was not found on the server.")


@pytest.mark.parametrize("body", ["{", "[]", "amount=100", "[" * 100_000])
def test_a_body_that_is_no_object_is_refused(stand_in, body):
    status, answer = call(stand_in, "POST", "/v1/orders", body)
    assert (status, answer["error"]["description"]) == (400, "The request body must be a JSON object.")


def test_a_body_has_a_length(stand_in):
    host = urlsplit(stand_in.url)
    with socket.create_connection((host.hostname, host.port), timeout=5) as connection:
        connection.sendall(b"POST /v1/orders HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.0 400 ")


def test_requests_wait_for_a_held_account(stand_in):
    with stand_in.account() as account:
        order = account.create_order({"amount": 100, "currency": "INR"})
        account.pay(order["id"])
    status, answer = call(stand_in, "GET", f"/v1/orders/{order['id']}")
    assert (status, answer["status"]) == (200, "paid")


def test_ids_have_the_form_of_razorpays():
    ids = {random_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch("[A-Za-z0-9]{14}", made) for made in ids)


def test_requests_at_the_same_time_lose_nothing(stand_in):
    def create(_):
        return call(stand_in, "POST", "/v1/orders", '{"amount": 100, "currency": "INR"}')[1]["id"]

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(create, range(40)))
    listed = call(stand_in, "GET", "/v1/orders?count=100")[1]
    assert {order["id"] for order in listed["items"]} == made
    assert listed["count"] == 40
