"""What calls of Razorpay's API do when it is slow, away, or answers otherwise than documented."""

import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from entitlements.refusals import Refused
from gatepass.local.razorpay import LocalRazorpay
from tests.support.seller import KEY_ID, KEY_SECRET, WEBHOOK_SECRET
from token_service.payments.failures import RazorpayRefusal
from token_service.payments.razorpay_api import RazorpayApi
from token_service.payments.secrets import RazorpaySecrets

SECRET = json.dumps({"key_id": KEY_ID, "key_secret": KEY_SECRET})


@pytest.fixture
def razorpay() -> Iterator[LocalRazorpay]:
    with LocalRazorpay(key_id=KEY_ID, key_secret=KEY_SECRET, webhook_secret=WEBHOOK_SECRET) as server:
        yield server


def api_at(url: str) -> RazorpayApi:
    return RazorpayApi(RazorpaySecrets(lambda: SECRET, time.time), url)


@pytest.mark.parametrize("fault", ["html_errors", "too_many_requests", "lose_answers"])
def test_an_answer_that_cannot_be_used_is_a_503_that_is_asked_once_and_prints_nothing(
    razorpay: LocalRazorpay, fault: str, capfd: pytest.CaptureFixture[str]
) -> None:
    api = api_at(razorpay.url)
    razorpay.set_faults(**{fault: 2})
    with pytest.raises(Refused) as refused:
        api.create_order(9900, "INR", "r", {})
    assert (refused.value.code, refused.value.code.http_status) == ("payments_unavailable", 503)
    assert getattr(razorpay.faults, fault) == 1
    assert capfd.readouterr() == ("", "")


def test_no_call_outlasts_its_time(
    razorpay: LocalRazorpay, hanging_server: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for url in (hanging_server, "http://127.0.0.1:9"):
        begin = time.monotonic()
        api = api_at(url)
        with api.within(0.3), pytest.raises(Refused) as refused:
            api.payment("pay_1")
        assert refused.value.code == "payments_unavailable"
        assert time.monotonic() - begin < 3
        with api.within(0.0), pytest.raises(Refused, match="no time is left"):
            api.payment("pay_1")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("answer", ["{}", "[]", "null", '{"error": null}', '{"error": "no"}', "", "{", "<html>"])
@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "400 Bad Request", "302 Found"])
def test_whatever_answers_in_its_place_is_a_503(status: str, answer: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nLocation: http://127.0.0.1:9/\r\nConnection: close\r\n"
        body = "" if status.startswith("204") else answer

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(Refused) as refused:
            api_at(url).payment("pay_1")
        thread.join()
    assert refused.value.code == "payments_unavailable"


def test_what_razorpay_refuses_is_told_in_its_words(razorpay: LocalRazorpay) -> None:
    api = api_at(razorpay.url)
    with pytest.raises(RazorpayRefusal, match="does not exist"):
        api.payment("pay_unknown")
    with pytest.raises(RazorpayRefusal, match="amount"):
        api.create_order(1, "INR", "r", {})


def test_lists_are_read_to_their_end(razorpay: LocalRazorpay) -> None:
    with razorpay.account() as account:
        for number in range(101):
            account.pay(account.create_order({"amount": 100, "currency": "INR", "receipt": f"r{number}"})["id"])
        made = {one["id"] for one in account.payments()}
    found = list(api_at(razorpay.url).payments_between(0, int(time.time()) + 60))
    assert (len(found), {one.payment_id for one in found}) == (101, made)
