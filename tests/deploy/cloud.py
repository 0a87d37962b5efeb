"""An account on MiniStack, as an operator, a visitor and a template meet it."""

import base64
import contextlib
import http.client
import json
import os
import platform
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.support import emulators
from tests.support.emulators import CREDENTIALS, ROOT, free_port, process, unavailable

MINISTACK = ROOT / ".tools" / "ministack" / "bin"
SAM = ROOT / ".venv-sam" / "bin" / "sam"
ARCHITECTURE = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
ANY_SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret:any-AbCdEf"
"""So that sam builds what depends on one."""
DEPLOY = ("--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar")


class Answer(NamedTuple):
    """What an API answered; `body` is parsed."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass(frozen=True)
class Cloud:
    """The account. `folder` is where things are built."""

    endpoint: str
    folder: Path

    @cache  # noqa: B019 - as long as the tests
    def client(self, service: str) -> Any:
        return emulators.client(service, self.endpoint)

    @cache  # noqa: B019 - as long as the tests
    def _secret(self, text: str) -> str:
        return str(self.client("secretsmanager").create_secret(Name="gatepass/razorpay", SecretString=text)["ARN"])

    def secret(self, value: dict[str, str]) -> str:
        """The ARN of Razorpay's secret."""
        return self._secret(json.dumps(value))

    def sam(self, *arguments: str, may_fail: bool = False) -> str:
        """Run the real sam, which finds Python 3.13 first, and MiniStack in place of AWS."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAKE"))}
        environment |= CREDENTIALS | {
            "AWS_DEFAULT_REGION": CREDENTIALS["AWS_REGION"],
            "AWS_ENDPOINT_URL": self.endpoint,
            "ARCHITECTURE": ARCHITECTURE,
            "SAM_CLI_TELEMETRY": "0",
            "PATH": f"{MINISTACK}:{os.environ['PATH']}",
        }
        done = subprocess.run([SAM, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
        assert may_fail or done.returncode == 0, f"sam {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def build(self, template: Path, name: str) -> Path:
        """Build a template's functions; the template to deploy."""
        built = self.folder / name
        self.sam("build", "--template-file", str(template), "--build-dir", str(built),
                 "--parameter-overrides", f"Architecture={ARCHITECTURE} KeyRotationDays=90 RazorpaySecretArn={ANY_SECRET}")  # fmt: skip
        return built / "template.yaml"

    def deploy(self, stack: str, template: Path, **parameters: str) -> dict[str, str]:
        """Deploy a stack, or update it; its outputs."""
        values = [f"{name}={value}" for name, value in parameters.items()]
        self.sam("deploy", "--template-file", str(template), "--stack-name", stack, *DEPLOY,
                 *(("--parameter-overrides", *values) if values else ()))  # fmt: skip
        return self.outputs(stack)

    def create(self, stack: str, template: str) -> dict[str, str]:
        """Make a stack of a template without code, SAM's or not; its outputs."""
        formation = self.client("cloudformation")
        capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
        formation.create_stack(StackName=stack, TemplateBody=template, Capabilities=capabilities)
        formation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
        return self.outputs(stack)

    def outputs(self, stack: str) -> dict[str, str]:
        (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}

    def resources(self, stack: str) -> dict[str, str]:
        """The physical ids of what a stack made, by logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        return {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for page in pages
            for one in page["StackResourceSummaries"]
        }

    def call(self, method: str, url: str, body: Any = None, token: str | None = None, **headers: str) -> Answer:
        """Ask an API, by its URL on AWS or the emulator's: what tells them apart is the first label of the host."""
        parts = urlsplit(url)
        api, port = (parts.hostname or "").partition(".")[0], urlsplit(self.endpoint).port
        sent = {"Host": f"{api}.execute-api.localhost:{port}", "Content-Type": "application/json"} | headers
        sent |= {"Authorization": f"Bearer {token}"} if token else {}
        query = f"?{parts.query}" if parts.query else ""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}{parts.path}{query}", data, sent, method=method)
        try:
            answer: Any = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text, told = answer.read().decode(), {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, json.loads(text) if text.startswith(("{", "[")) else text, told)

    def connect(self, api: str, path: str) -> int:
        """The status with which a WebSocket API answers a handshake (RFC 6455): 101 is a connection."""
        port = urlsplit(self.endpoint).port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path, headers={
            "Host": f"{api}.execute-api.localhost:{port}", "Connection": "Upgrade", "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
        })  # fmt: skip
        with contextlib.closing(connection):
            return connection.getresponse().status

    def mailed_code(self, email: str) -> str:
        """The code that Cognito mailed last."""
        with urllib.request.urlopen(f"{self.endpoint}/_ministack/ses/messages", timeout=10) as answer:
            mails = [mail for account in json.load(answer)["messages"].values() for mail in account]
        return str([mail for mail in mails if mail["To"] == [email]][-1]["BodyText"]).removesuffix(".").split()[-1]

    def snapshot(self, api_id: str) -> dict[str, Any]:
        """All of a REST or HTTP API that an attachment may touch."""
        rest, v2 = self.client("apigateway"), self.client("apigatewayv2")
        if api_id in {one["id"] for one in rest.get_rest_apis()["items"]}:
            where = {"restApiId": api_id}
            found = {
                "resources": rest.get_resources(**where, embed=["methods"])["items"],
                "authorizers": rest.get_authorizers(**where)["items"],
                "responses": rest.get_gateway_responses(**where)["items"],
                "deployments": rest.get_deployments(**where)["items"],
                "stages": rest.get_stages(**where)["item"],
            }
        else:
            where = {"ApiId": api_id}
            found = {
                "api": {name: value for name, value in v2.get_api(**where).items() if name != "ResponseMetadata"},
                "routes": v2.get_routes(**where)["Items"],
                "authorizers": v2.get_authorizers(**where)["Items"],
                "integrations": v2.get_integrations(**where)["Items"],
                "stages": v2.get_stages(**where)["Items"],
            }
        return dict(json.loads(json.dumps(found, default=str), object_hook=_comparable))


def _comparable(found: dict[str, Any]) -> dict[str, Any]:
    """Without times, and without what says nothing: an authorizer's id that was emptied is no longer there."""
    times = ("lastUpdatedDate", "LastUpdatedDate")
    return {name: value for name, value in found.items() if name not in times and value not in ("", None)}


@contextlib.contextmanager
def ministack(folder: Path) -> Iterator[Cloud]:
    """Run MiniStack with its faults mended (`shim.py`) until the end of the block; what it says is in `folder`/log."""
    if not (MINISTACK / "ministack").exists():
        unavailable("MiniStack (make .tools/ministack/.done, which needs Python 3.13)")
    if not SAM.exists():
        unavailable("sam (make .venv-sam/.done)")
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    # Its functions inherit this environment, and are to find nothing in it but what Lambda would give them.
    hidden = {name: "" for name in os.environ if name.startswith("GATEPASS_")}
    settings = CREDENTIALS | {
        "AWS_ENDPOINT_URL": endpoint,
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "STATE_DIR": str(folder / "state"),
        "TMPDIR": str(folder),
    }
    shim = Path(__file__).with_name("shim.py")
    with process([MINISTACK / "python", shim, folder / "log"], port, folder, **hidden, **settings):
        yield Cloud(endpoint, folder)
