"""One account, one stack and one user for the whole story, which the files tell in the order of their names."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gatepass.local.razorpay import LocalRazorpay
from tests.deploy.cloud import ARCHITECTURE, Answer, Cloud, ministack
from tests.support.command import Command
from tests.support.emulators import ROOT

STACK = "gatepass"
EXAMPLE = ROOT / "examples" / "faiss_search"
KEYS = {"key_id": "rzp_test_key", "key_secret": "the-key-secret", "webhook_secret": "the-webhook-secret"}
EMAIL, PASSWORD = "someone@example.com", "Str0ng-enough!"


@pytest.fixture(scope="session")
def cloud(processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with ministack(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def razorpay() -> Iterator[LocalRazorpay]:
    """The stand-in, which the deployed functions reach."""
    key_id, key_secret, webhook_secret = KEYS["key_id"], KEYS["key_secret"], KEYS["webhook_secret"]
    with LocalRazorpay(key_id=key_id, key_secret=key_secret, webhook_secret=webhook_secret) as server:
        yield server


@pytest.fixture(scope="session")
def template(cloud: Cloud) -> Path:
    """What `sam build` made of the template."""
    return cloud.build(ROOT / "template.yaml", "gatepass")


@pytest.fixture(scope="session")
def outputs(cloud: Cloud, template: Path, razorpay: LocalRazorpay) -> dict[str, str]:
    """Those of the stack."""
    selling = {"RazorpaySecretArn": cloud.secret(KEYS), "RazorpayUrl": razorpay.url, "ReconcileHours": "26"}
    return cloud.deploy(STACK, template, Architecture=ARCHITECTURE, KeyRotationDays="90", **selling)


@pytest.fixture(scope="session")
def gatepass(
    cloud: Cloud, outputs: dict[str, str], razorpay: LocalRazorpay, tmp_path_factory: pytest.TempPathFactory
) -> "Operator":
    selling = {"GATEPASS_RAZORPAY_SECRET": cloud.secret(KEYS), "GATEPASS_RAZORPAY_URL": razorpay.url}
    return Operator(cloud, tmp_path_factory.mktemp("operator"), outputs["TableName"], **selling)


class Operator:
    """Whoever runs the command, on one table."""

    def __init__(self, cloud: Cloud, folder: Path, table: str, **variables: str) -> None:
        self.command = Command(cloud.endpoint, folder, GATEPASS_TABLE=table, **variables)

    def __call__(self, *arguments: str) -> str:
        """Run a command that must succeed; what it printed."""
        done = self.command(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, *arguments: str) -> str:
        """Run one that must be refused; what it printed and complained."""
        done = self.command(*arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="session")
def market(cloud: Cloud, gatepass: Operator) -> str:
    """What `gatepass init` printed and complained; the example's solution is applied too."""
    done = gatepass.command("init", "--issuer", "example-marketplace")
    assert done.returncode == 0, done.stderr
    gatepass("solutions", "apply", str(EXAMPLE / "solution.yaml"))
    return done.stdout + done.stderr


@dataclass
class User:
    """Somebody who registered."""

    id: str
    token: str
    id_token: str


@pytest.fixture(scope="session")
def user(cloud: Cloud, outputs: dict[str, str], market: str) -> User:
    """From the form to the token, over HTTP."""

    def post(path: str, **body: Any) -> dict[str, Any]:
        answer = cloud.call("POST", f"{outputs['TokenServiceUrl']}/v1/{path}", body | {"email": EMAIL})
        assert answer.status < 300, answer
        return dict(answer.body)

    post("registrations", solution_id="faiss-search")
    code = cloud.mailed_code(EMAIL)
    token = post("registrations/confirm", solution_id="faiss-search", code=code, password=PASSWORD)["token"]
    session = post("sessions", solution_id="faiss-search", password=PASSWORD)
    assert session["token"] == token
    (found,) = cloud.client("cognito-idp").list_users(UserPoolId=outputs["UserPoolId"])["Users"]
    sub = next(one["Value"] for one in found["Attributes"] if one["Name"] == "sub")
    return User(sub, token, session["id_token"])


@pytest.fixture(scope="session")
def example(cloud: Cloud, outputs: dict[str, str]) -> dict[str, str]:
    """The outputs of the example, deployed by its own template."""
    built = cloud.build(EXAMPLE / "template.yaml", "finder")
    return cloud.deploy("finder", built, Architecture=ARCHITECTURE, Marketplace=STACK)


def search(cloud: Cloud, base: str, token: str | None = None, **headers: str) -> Answer:
    return cloud.call("POST", f"{base}/search", {"query": "object storage", "k": 1}, token, **headers)
