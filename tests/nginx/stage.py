"""A real nginx with the configuration that users copy, between clients of several addresses and a recording solution.

The token service's TLS, which API Gateway ends on AWS, is ended by a second server of the same nginx.
"""

import http.client
import ipaddress
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gatepass.local.gateway import Api, LambdaProxy, LocalGateway, Route
from tests.support import emulators

CONFIGURATION = emulators.ROOT / "examples" / "nginx" / "gatepass.conf"
TOKENS, SOLUTION_HOST = "tokens.example.com", "solution.example.com"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")  # which is on root's path alone

MAIN = """\
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include gatepass.conf;

    log_format connection $connection;
    server {{
        listen 127.0.0.1:{tls} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {certificate}.key;
        access_log tokens.log connection;
        location / {{
            proxy_pass http://127.0.0.1:{gateway};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
        }}
    }}
}}
"""


class Seen(NamedTuple):
    """A request that reached the solution."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What a client got; `headers` with small letters."""

    status: int
    headers: dict[str, str]

    @property
    def reason(self) -> str:
        return self.headers.get("x-gatepass-reason", "")


@dataclass
class Site:
    """nginx, and what stands behind it."""

    folder: Path
    port: int
    authority: Path
    gateway: LocalGateway
    seen: list[Seen] = field(default_factory=list)

    def ask(
        self, method: str = "GET", target: str = "/", *, token: str | None = None, source: str = "127.0.0.2",
        body: bytes | Iterator[bytes] | None = None, headers: Mapping[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        """One request on a connection of its own, from the address `source`."""
        context = ssl.create_default_context(cafile=self.authority)
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=30, source_address=(source, 0), context=context
        )
        sent = {"Authorization": f"Bearer {token}"} if token is not None else {}
        try:
            connection.request(method, target, body, sent | dict(headers or {}))
            return _answer(connection.getresponse())
        finally:
            connection.close()

    def ask_raw(self, head: bytes, source: str = "127.0.0.2") -> Answer:
        """A request as no decent client writes it."""
        context = ssl.create_default_context(cafile=self.authority)
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=30, source_address=(source, 0), context=context
        )
        connection.connect()
        try:
            connection.sock.sendall(head + b"\r\nHost: solution.example.com\r\nConnection: close\r\n\r\n")
            response = http.client.HTTPResponse(connection.sock)
            response.begin()
            return _answer(response)
        finally:
            connection.close()

    def connections(self) -> int:
        """How many connections to the token service nginx has used so far."""
        return len(set((self.folder / "tokens.log").read_text().split()))


def _answer(response: http.client.HTTPResponse) -> Answer:
    response.read()
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
    return Answer(response.status, headers)


@contextmanager
def site(
    folder: Path,
    function: Callable[[dict[str, Any], Any], Any],
    secret: str,
    edits: Mapping[str, str] | None = None,
    names: tuple[str, ...] = (TOKENS, SOLUTION_HOST),
) -> Iterator[Site]:
    """Everything, with `function` as the token service. `edits` change more of the configuration, or otherwise."""
    if NGINX is None:
        emulators.unavailable("nginx")
    authority, certificate = make_certificates(folder, names)
    port, tls = emulators.free_port(), emulators.free_port()
    api = Api("tokens1234", "HTTP", (Route("ANY", "$default", LambdaProxy(function)),))
    with LocalGateway(api) as gateway, _solution() as (solution, seen):
        changes = {
            f"server {TOKENS}:443;": f"server 127.0.0.1:{tls};",
            "server 127.0.0.1:8080;": f"server 127.0.0.1:{solution};",
            "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
            "/etc/ssl/solution.example.com.pem": str(certificate),
            "/etc/ssl/solution.example.com.key": f"{certificate}.key",
            "/etc/ssl/certs/ca-certificates.crt": str(authority),
        }
        text = CONFIGURATION.read_text()
        for old, new in (changes | dict(edits or {})).items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (folder / "gatepass.conf").write_text(text)
        (folder / "gatepass.secret").write_text(f'proxy_set_header X-Origin-Secret "{secret}";\n')
        (folder / "nginx.conf").write_text(MAIN.format(tls=tls, gateway=gateway.port, certificate=certificate))
        command = [str(NGINX), "-p", str(folder), "-e", "error.log", "-c", "nginx.conf"]
        check = subprocess.run([*command, "-t"], capture_output=True, text=True)
        assert check.returncode == 0, check.stderr
        with emulators.process(command, port, folder):
            yield Site(folder, port, authority, gateway, seen)


@contextmanager
def _solution() -> Iterator[tuple[int, list[Seen]]]:
    seen: list[Seen] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen.append(Seen(self.command, self.path, headers, body))
            self.send_response(200)
            self.send_header("Access-Control-Allow-Origin", "*")  # as many a solution does by itself
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_OPTIONS = answer  # noqa: N815 - http.server finds them by these names

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.server_address[1], seen
    finally:
        server.shutdown()
        server.server_close()


def make_certificates(folder: Path, names: tuple[str, ...]) -> tuple[Path, Path]:
    """An authority's certificate, and one that it gave for `names`, whose key lies beside it."""
    authority, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test-only authority")])
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False,
    )  # fmt: skip
    alternatives = [*(x509.DNSName(name) for name in names), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    start = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
    )
    root = (
        start.subject_name(issuer)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage | {"key_cert_sign": True}), critical=True)
    )
    given = start.subject_name(x509.Name([])).add_extension(x509.SubjectAlternativeName(alternatives), critical=True)
    files = folder / "authority.pem", folder / "leaf.pem"
    for path, builder, key in zip(files, (root, given), (authority, leaf), strict=True):
        made = (
            builder.public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(authority, hashes.SHA256())
        )
        path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.with_suffix(".pem.key").write_bytes(pem)
    return files
