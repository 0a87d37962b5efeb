"""The command on a table with the first solution, and a look into the table beside it."""

import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from entitlements.gate import Gate
from entitlements.items import entitlement_key, from_wire, item_to_wire
from tests.support import emulators
from tests.support.command import Command
from tests.support.emulators import ROOT
from tests.support.seller import Seller, selling
from tests.support.signer import SOLUTION, USER
from tests.support.table import PatientDynamoDB, Table

NOW = 1_795_478_400.0  # 2026-11-24T00:00:00Z


SOLUTION_FILE = ROOT / "examples" / "faiss_search" / "solution.yaml"


def user(number: int) -> str:
    return str(uuid.UUID(int=number))


def line(number: int = 1, **changes: Any) -> dict[str, Any]:
    found = {"user_id": user(number), "solution_id": SOLUTION, "status": "active", "plan": "registered", "total": 0}
    return {name: value for name, value in (found | changes).items() if value is not None}


def write(path: Path, *lines: dict[str, Any] | str) -> str:
    texts = [text if isinstance(text, str) else json.dumps(text) for text in lines]
    path.write_text("".join(f"{text}\n" for text in texts))
    return str(path)


class Shop:
    """The command on a table with the first solution, and a look into the table beside it."""

    def __init__(self, gatepass: Command) -> None:
        self.run, self.environment = gatepass, gatepass.environment
        for command in (["init"], ["solutions", "apply", str(SOLUTION_FILE)]):
            assert gatepass(*command).returncode == 0
        endpoint = self.environment.get("AWS_ENDPOINT_URL_DYNAMODB", self.environment["AWS_ENDPOINT_URL"])
        self.client = emulators.client("dynamodb", endpoint)
        self.gate = Gate(PatientDynamoDB(endpoint, self.environment["GATEPASS_TABLE"]))

    def __call__(self, verb: str, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return self.run("entitlements", verb, *arguments, stdin=stdin)

    def change(self, verb: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self(verb, "--user", USER, "--solution", SOLUTION, *arguments)

    def show(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.change("show", "--json").stdout)
        return found

    def items(self, kind: str) -> list[dict[str, Any]]:
        pages = self.client.get_paginator("scan").paginate(TableName=self.environment["GATEPASS_TABLE"])
        found = [from_wire(item) for page in pages for item in page["Items"]]
        return [i for i in found if i["pk"].startswith("user#") and i["sk"].startswith(kind)]

    def imported(self) -> int:
        return sum(entry["event"] == "imported" for entry in self.items("audit#"))

    def add(self, number: int, **attributes: Any) -> None:
        item = {"generation": "1", "created_at": "2026-11-23T10:00:00.000Z"} | line(number, **attributes)
        wire = entitlement_key(item["user_id"], item["solution_id"]).wire | item_to_wire(item)
        self.client.put_item(TableName=self.environment["GATEPASS_TABLE"], Item=wire)

    def exported(self, *arguments: str) -> list[dict[str, Any]]:
        run = self("export", *arguments)
        assert run.returncode == 0, run.stderr
        return sorted(map(json.loads, run.stdout.splitlines()), key=lambda found: str(found["user_id"]))

    def popen(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["gatepass", "entitlements", *arguments], cwd=ROOT, env=self.run.preloaded, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


@pytest.fixture
def shop(gatepass: Command) -> Shop:
    return Shop(gatepass)


@pytest.fixture
def atomic_shop(gatepass: Command, dynamodb_local_endpoint: str) -> Shop:
    """On DynamoDB Local: two writers at once meet as they would on AWS."""
    gatepass.environment["AWS_ENDPOINT_URL_DYNAMODB"] = dynamodb_local_endpoint
    return Shop(gatepass)


@pytest.fixture
def other_table(shop: Shop, tmp_path: Path) -> Shop:
    folder = tmp_path / "other"
    folder.mkdir()
    return Shop(
        Command(shop.environment["AWS_ENDPOINT_URL"], folder, GATEPASS_TABLE=f"{shop.environment['GATEPASS_TABLE']}-b")
    )


class Till:
    """The command on the table of a marketplace that sells by Razorpay's stand-in, at the present time."""

    def __init__(self, gatepass: Command, seller: Seller) -> None:
        self.run, self.seller, self.environment = gatepass, seller, gatepass.environment
        seller.now = time.time()
        self.secrets = emulators.client("secretsmanager", self.environment["AWS_ENDPOINT_URL"])
        self.secret_name = f"razorpay-{seller.table.name}"
        self.secrets.create_secret(Name=self.secret_name, SecretString=json.dumps(seller.secret))
        self.environment |= {
            "GATEPASS_RAZORPAY_SECRET": self.secret_name,
            "GATEPASS_RAZORPAY_URL": seller.server.url,
        }

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        run = self.run(*arguments)
        assert "Traceback" not in run.stderr, run.stderr
        return run

    def json(self, *arguments: str) -> Any:
        run = self(*arguments, "--json")
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    def change_secret(self, **changes: str) -> None:
        text = json.dumps(self.seller.secret | changes)
        self.secrets.put_secret_value(SecretId=self.secret_name, SecretString=text)

    def without_keys(self) -> None:
        del self.environment["GATEPASS_RAZORPAY_SECRET"]

    def away(self, requests: int = 1000) -> None:
        """Razorpay answers as many requests with a page of HTML."""
        self.seller.server.set_faults(html_errors=requests)


@pytest.fixture
def till(gatepass: Command) -> Iterator[Till]:
    client = emulators.client("dynamodb", gatepass.environment["AWS_ENDPOINT_URL"])
    with selling(Table(client, gatepass.environment["GATEPASS_TABLE"])) as seller:
        yield Till(gatepass, seller)
