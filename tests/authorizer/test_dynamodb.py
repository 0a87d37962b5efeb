"""The gate's own client: signed as botocore signs, kept alive, bounded in time, and never a wrong answer."""

import datetime
import hashlib
import os
import re
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from authorizer import credentials, endpoint
from authorizer.credentials import Credentials, MissingCredentials
from authorizer.dynamodb import AMAZON_ROOTS, ATTEMPTS, CallRefused, DynamoDB, NoAnswer, signed_headers
from authorizer.endpoint import InvalidEndpoint
from entitlements.items import Key, StoreUnavailable, item_to_wire
from tests.support.emulators import ROOT, free_port
from tests.support.scripted import CLOSE, HANG, Scripted, answer, error, scripted
from tests.support.table import Table

KEY = Key("a", "b")
FOUND = answer({"Item": item_to_wire({"pk": "a", "total": 7})})
ITEM: dict[str, Any] = {"pk": "a", "total": 7}
WRITE = {"Key": KEY.wire, "UpdateExpression": "ADD #total :one", "ExpressionAttributeNames": {"#total": "total"},
         "ExpressionAttributeValues": {":one": {"N": "1"}}}  # fmt: skip


def client(url: str, ca_bundle: str | None = None) -> DynamoDB:
    return DynamoDB("t", "us-east-1", url, lambda: Credentials("AKIDEXAMPLE", "secret", "session"), ca_bundle)


# ---- signatures ---------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=40)


@pytest.mark.long
@settings(max_examples=2_000, deadline=None)
@given(
    access=TEXT, secret=st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=60),
    session=st.none() | TEXT, region=st.sampled_from(["us-east-1", "ap-south-1", "cn-north-1", "us-gov-west-1"]),
    host=st.sampled_from(["dynamodb.us-east-1.amazonaws.com", "localhost:8000", "10.87.0.1:4566"]),
    operation=st.sampled_from(["GetItem", "UpdateItem"]), body=st.binary(max_size=400),
    now=st.integers(0, 4_102_444_800),
)  # fmt: skip
def test_the_signature_is_botocores(
    access: str, secret: str, session: str | None, region: str, host: str, operation: str, body: bytes, now: int
) -> None:
    ours = signed_headers(Credentials(access, secret, session or ""), region, host, operation, body, now + 0.9)
    stamp = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    request = AWSRequest("POST", f"https://{host}/", data=body)
    request.headers["Content-Type"] = "application/x-amz-json-1.0"
    request.headers["Host"] = host
    request.headers["X-Amz-Date"] = stamp
    request.headers["X-Amz-Target"] = f"DynamoDB_20120810.{operation}"
    if session:
        request.headers["X-Amz-Security-Token"] = session
    request.context["timestamp"] = stamp
    theirs = SigV4Auth(BotoCredentials(access, secret, session), "dynamodb", region)
    signature = theirs.signature(theirs.string_to_sign(request, theirs.canonical_request(request)), request)
    names = theirs.signed_headers(theirs.headers_to_sign(request))
    assert ours.endswith(
        f"authorization:AWS4-HMAC-SHA256 Credential={theirs.scope(request)}, SignedHeaders={names}, "
        f"Signature={signature}\r\n"
    )
    sent = dict(line.split(":", 1) for line in ours.splitlines())
    assert {name: sent[name] for name in names.split(";")} == {k.lower(): v for k, v in request.headers.items()}


# ---- where and as whom ----------------------------------------------------------------------------------------------


def test_every_region_that_botocore_knows_has_the_endpoint_that_botocore_gives_it() -> None:
    session = botocore.session.get_session()
    partitions = session.get_available_partitions()
    regions = [region for p in partitions for region in session.get_available_regions("dynamodb", p)]
    assert len(regions) > 30
    for region in [*regions, "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1", "eusc-de-east-1"]:
        theirs = boto3.client("dynamodb", region_name=region, aws_access_key_id="a", aws_secret_access_key="b",
                              config=botocore.config.Config(ignore_configured_endpoint_urls=True))  # fmt: skip
        assert endpoint.find({}, region) == theirs.meta.endpoint_url


def test_the_environments_endpoint_wins_and_an_empty_one_is_none() -> None:
    both = {"AWS_ENDPOINT_URL": "http://localhost:1", "AWS_ENDPOINT_URL_DYNAMODB": "http://localhost:2"}
    assert endpoint.find(both, "us-east-1") == "http://localhost:2"
    assert endpoint.find(both | {"AWS_ENDPOINT_URL_DYNAMODB": ""}, "us-east-1") == "http://localhost:1"
    assert endpoint.find(dict.fromkeys(both, ""), "us-east-1") == "https://dynamodb.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    "url",
    ["localhost:8000", "ftp://h", "http://", "http://h/path", "http://h:x", "http://[", "http://u@h", "http://h?a"],
)
def test_an_endpoint_that_is_none_is_named_by_its_variable(url: str) -> None:
    with pytest.raises(InvalidEndpoint, match=r"AWS_ENDPOINT_URL is .*: write https://HOST"):
        endpoint.find({"AWS_ENDPOINT_URL": url}, "us-east-1")


@pytest.mark.usefixtures("processes")
def test_a_functions_own_credentials_are_taken_from_the_environment_without_botocore() -> None:
    code = (
        "import sys; from authorizer import credentials; found = credentials.find("
        "{'AWS_ACCESS_KEY_ID': 'k', 'AWS_SECRET_ACCESS_KEY': 's', 'AWS_SESSION_TOKEN': 't'})(); "
        "print(tuple(found), 'botocore' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "('k', 's', 't') False\n"


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    return monkeypatch


def test_credentials_that_expire_are_refreshed(no_credentials: pytest.MonkeyPatch) -> None:
    """As with SnapStart, where they come from the container's endpoint."""
    asked = 0

    class Container(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal asked
            asked += 1
            soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=5)
            body = (
                f'{{"AccessKeyId": "key{asked}", "SecretAccessKey": "s", "Token": "t{asked}", '
                f'"Expiration": "{soon:%Y-%m-%dT%H:%M:%SZ}"}}'
            ).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Container) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        no_credentials.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{server.server_port}/c")
        current = credentials.find({})
        first, second = current(), current()
        server.shutdown()
    assert first.access_key != second.access_key
    assert second.session_token == f"t{asked}"


def test_no_credentials_at_all_end_the_start_and_say_what_to_do(no_credentials: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingCredentials, match="set AWS_ACCESS_KEY_ID"):
        credentials.find({})


def test_each_attempt_is_signed_with_the_credentials_of_the_moment() -> None:
    keys = iter(["one", "two", "three"])
    with scripted(error("ThrottlingException"), FOUND) as server:
        store = DynamoDB("t", "us-east-1", server.url, lambda: Credentials(next(keys), "s"), None)
        assert store.get_item(KEY) == ITEM
    used = [re.search(rb"Credential=(\w+)/", request) for request in server.requests]
    assert [match and match[1] for match in used] == [b"one", b"two"]


# ---- connections ----------------------------------------------------------------------------------------------------


def test_calls_share_one_connection() -> None:
    with scripted(FOUND) as server:
        store = client(server.url)
        assert [store.get_item(KEY) for _ in range(5)] == [ITEM] * 5
    assert (server.connections, len(server.requests)) == (1, 5)


def test_a_connection_that_ended_between_two_calls_is_replaced_and_the_request_sent_once() -> None:
    with scripted(FOUND) as server:
        store = client(server.url)
        store.get_item(KEY)
        server.hang_up()
        wait_until(lambda: not _open(store))
        assert store.get_item(KEY) == ITEM
    assert (server.connections, len(server.requests)) == (2, 2)


def _open(store: DynamoDB) -> bool:
    from authorizer.dynamodb import _ended

    return not _ended(store._idle[0])


def wait_until(condition: object) -> None:
    end = time.monotonic() + 10
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("death", [CLOSE, (FOUND[:40], CLOSE), HANG])
def test_a_kept_connection_that_dies_over_a_request_is_replaced_once(death: object) -> None:
    with scripted(FOUND, death, FOUND) as server:  # type: ignore[arg-type]
        store = client(server.url)
        assert [store.get_item(KEY) for _ in range(3)] == [ITEM] * 3
    assert (server.connections, len(server.requests)) == (2, 4)


def test_a_call_whose_connections_all_die_is_given_up_after_three_attempts() -> None:
    """Whether the write was done is unknown; its condition keeps a second one from counting again."""
    with scripted(CLOSE) as server, pytest.raises(NoAnswer, match="no answer"):
        client(server.url).update_item(WRITE)
    assert len(server.requests) == ATTEMPTS


def test_a_connection_that_the_server_will_close_is_not_kept() -> None:
    with scripted((answer({"Item": item_to_wire(ITEM)}, Connection="close"), CLOSE)) as server:
        store = client(server.url)
        assert [store.get_item(KEY) for _ in range(3)] == [ITEM] * 3
    assert (server.connections, len(server.requests)) == (3, 3)


def test_a_server_that_is_away_is_asked_three_times() -> None:
    with pytest.raises(NoAnswer, match="ConnectionRefusedError"):
        client(f"http://127.0.0.1:{free_port()}").get_item(KEY)


# ---- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "attempts"),
    [
        ("ProvisionedThroughputExceededException", "400 Bad Request", ATTEMPTS),
        ("ThrottlingException", "400 Bad Request", ATTEMPTS),
        ("RequestLimitExceeded", "400 Bad Request", ATTEMPTS),
        ("TransactionConflictException", "400 Bad Request", ATTEMPTS),
        ("InternalServerError", "500 Internal Server Error", ATTEMPTS),
        ("ServiceUnavailable", "503 Service Unavailable", ATTEMPTS),
        ("ValidationException", "400 Bad Request", 1),
        ("AccessDeniedException", "400 Bad Request", 1),
        ("ResourceNotFoundException", "400 Bad Request", 1),
        ("ExpiredTokenException", "400 Bad Request", 1),
    ],
)
def test_only_what_may_pass_by_itself_is_repeated(code: str, status: str, attempts: int) -> None:
    with scripted(error(code, status)) as server, pytest.raises(CallRefused, match=f"refused UpdateItem: {code}$"):
        client(server.url).update_item(WRITE)
    assert len(server.requests) == attempts


def test_a_page_of_a_proxy_in_between_is_a_refusal_with_its_status() -> None:
    page = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>"
    with scripted(page) as server, pytest.raises(CallRefused, match="HTTP status 502"):
        client(server.url).get_item(KEY)
    assert len(server.requests) == ATTEMPTS


def test_a_failed_condition_is_an_answer_with_the_item() -> None:
    with scripted(error("ConditionalCheckFailedException", Item=item_to_wire(ITEM))) as server:
        assert client(server.url).update_item(WRITE) == (False, ITEM)
    with scripted(error("ConditionalCheckFailedException")) as server:
        assert client(server.url).update_item(WRITE) == (False, None)


# ---- damaged and slow answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damaged",
    [
        answer({"Item": item_to_wire(ITEM)}, checksum=1),
        answer({"Item": item_to_wire(ITEM)}, x_amz_crc32="none"),
        FOUND.replace(b"Content-Length: ", b"X: "),
        FOUND.replace(b"Content-Length: ", b"Content-Length: -"),
        FOUND + b"more",
        FOUND.replace(b"HTTP/1.1 200", b"HTTP/1.1 abc"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{",
        b"\r\n\r\n",
        b"\x00" * 2_000_000,
    ],
)
def test_a_damaged_answer_is_no_answer(damaged: bytes) -> None:
    with scripted((damaged, CLOSE)) as server, pytest.raises(NoAnswer):
        client(server.url).get_item(KEY)
    assert len(server.requests) == ATTEMPTS


@settings(max_examples=150, deadline=None)
@given(cut=st.integers(0, len(FOUND) - 1), junk=st.binary(max_size=30))
def test_no_answer_that_is_not_whole_is_ever_believed(cut: int, junk: bytes) -> None:
    with scripted((FOUND[:cut] + junk, CLOSE)) as server, patch("authorizer.dynamodb.BACKOFF_SECONDS", 0):
        try:
            found = client(server.url).get_item(KEY)
        except StoreUnavailable:
            return
    assert found == ITEM or FOUND.startswith(FOUND[:cut] + junk)


@pytest.mark.parametrize("server", [Scripted(HANG), Scripted(FOUND, drip_seconds=0.05)], ids=["hangs", "drips"])
def test_no_server_can_hold_a_call_up_past_its_time(server: Scripted) -> None:
    store, began = client(server.url), time.monotonic()
    store.call_seconds, store.answer_seconds = 0.5, 0.2
    with pytest.raises(NoAnswer, match="TimeoutError"):
        store.get_item(KEY)
    assert time.monotonic() - began < 1
    assert len(server.requests) > 1
    server.close()


def test_five_calls_in_a_row_end_within_the_functions_time() -> None:
    template = (ROOT / "template.yaml").read_text()
    limit = re.search(r"Handler: authorizer\.handler\.lambda_handler.*?Timeout: (\d+)", template, re.DOTALL)
    assert limit is not None
    assert 5 * DynamoDB.call_seconds < int(limit[1]) < 10  # an HTTP API gives its authorizer 10 s


# ---- the wire -------------------------------------------------------------------------------------------------------


def test_what_is_written_is_what_is_read(table: Table) -> None:
    write: dict[str, Any] = {
        "Key": {"pk": {"S": "schlüssel 🔑"}, "sk": {"S": "\\\"'"}},
        "UpdateExpression": "SET #t = :t ADD #n :n",
        "ExpressionAttributeNames": {"#t": "text", "#n": "number"},
        "ExpressionAttributeValues": {":t": {"S": "ü\u2028\x01"}, ":n": {"N": "12345678901234567890"}},
        "ReturnValues": "ALL_NEW",
    }
    item = {"pk": "schlüssel 🔑", "sk": "\\\"'", "text": "ü\u2028\x01", "number": 12345678901234567890}
    assert table.store.update_item(write) == (True, item)
    assert table.store.get_item(Key("schlüssel 🔑", "\\\"'")) == item
    assert table.store.get_item(KEY) is None


# ---- TLS ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A server with a certificate of its own for `localhost`: its port and the file that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test-only")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    trusted, chain = tmp_path / "trusted.pem", tmp_path / "chain.pem"
    trusted.write_bytes(pem)
    private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    chain.write_bytes(pem + key.private_bytes(*private))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.wfile.write(FOUND)

        def log_message(self, format: str, *args: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield str(server.server_port), str(trusted)
    server.shutdown()
    server.server_close()


def test_a_trusted_certificate_is_taken(tls: tuple[str, str]) -> None:
    port, trusted = tls
    assert client(f"https://localhost:{port}", trusted).get_item(KEY) == ITEM


def test_a_server_that_amazon_did_not_certify_is_verified_by_the_systems_list(
    tls: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, trusted = tls
    monkeypatch.setenv("SSL_CERT_FILE", trusted)  # where OpenSSL looks for the system's list
    store = client(f"https://localhost:{port}")
    with patch.object(store._tls, "load_default_certs", wraps=store._tls.load_default_certs) as load:  # type: ignore[union-attr]
        assert [store.get_item(KEY) for _ in range(2)] == [ITEM] * 2
        assert load.call_count == 1


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # Starfield's is 0
def test_the_first_roots_are_the_five_that_amazon_publishes() -> None:
    """The hashes of their keys, from https://www.amazontrust.com/repository/."""
    certificates = x509.load_pem_x509_certificates(Path(AMAZON_ROOTS).read_bytes())
    spki = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    assert {
        c.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value: hashlib.sha256(
            c.public_key().public_bytes(*spki)
        ).hexdigest()
        for c in certificates
    } == {
        "Amazon Root CA 1": "fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2",
        "Amazon Root CA 2": "7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461",
        "Amazon Root CA 3": "36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9",
        "Amazon Root CA 4": "f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5",
        "Starfield Services Root Certificate Authority - G2": "2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92",
    }
    assert all(c.not_valid_after_utc > datetime.datetime.now(datetime.UTC) for c in certificates)


def test_an_unknown_certificate_and_one_of_another_host_are_refused(tls: tuple[str, str]) -> None:
    port, trusted = tls
    for url, bundle in ((f"https://localhost:{port}", None), (f"https://127.0.0.1:{port}", trusted)):
        with pytest.raises(NoAnswer, match="SSLCertVerificationError"):
            client(url, bundle).get_item(KEY)
