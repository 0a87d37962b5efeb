"""A table of one test, on either emulator, with what a gate needs in it."""

import json
import re
from typing import Any

from authorizer.credentials import Credentials
from authorizer.dynamodb import DynamoDB
from entitlements.items import Item, Key, from_wire, item_to_wire
from entitlements.keyring import KeyRing
from entitlements.solution import Solution, read_solution
from entitlements.table import DEFINITION
from entitlements.token import jti_of
from tests.support import in_process
from tests.support.signer import SOLUTION, USER, ring, secret_of

API = "abc123"
PLANS: dict[str, Any] = {
    "anonymous": {"limits": {"lifetime": 3}},
    "registered": {"limits": {"day": 10}},
    "pro": {"limits": {}, "price": {"amount": 49900, "currency": "INR", "interval": "month"}},
    "pack-100": {"credits": 100, "price": {"amount": 9900, "currency": "INR"}},
}


def config(**changes: Any) -> dict[str, Any]:
    return {
        "solution_id": SOLUTION,
        "name": "AWS Solution Finder",
        "marketplace_url": "https://marketplace.example.com/solutions",
        "default_plan": "registered",
        "plans": PLANS,
        "costs": {"GET /health": 0, "POST /search": 1},
    } | changes


class PatientDynamoDB(DynamoDB):
    """The gate's client with time for an emulator on a busy machine; `calls` holds what it sent, repetitions too."""

    call_seconds = connect_seconds = answer_seconds = 60

    def __init__(self, endpoint: str, table: str) -> None:
        super().__init__(table, "us-east-1", endpoint, lambda: Credentials("testing", "testing"), None)
        self.calls: list[str] = []

    def _exchange(self, message: bytes, deadline: float) -> tuple[int, dict[str, Any]]:
        sent = re.search(rb"\r\nx-amz-target:DynamoDB_20120810\.(\w+)\r\n", message)
        assert sent is not None
        self.calls.append(sent[1].decode())
        if not in_process.serves(self._host):
            return super()._exchange(message, deadline)
        head, _, body = message.partition(b"\r\n\r\n")
        line, *fields = head.decode().split("\r\n")
        headers = [(name, value.strip()) for name, _, value in (field.partition(":") for field in fields)]
        status, _, answer = in_process.ask(line.split()[0], f"http://{self._host}/", headers, body)
        return status, json.loads(answer)


WITHOUT_STREAM = {name: value for name, value in DEFINITION.items() if name != "StreamSpecification"}
"""The emulators keep every record of a stream that nobody reads, which slows each write."""


class Table:
    """One DynamoDB table. `calls` counts what the gate sent."""

    def __init__(self, client: Any, name: str, stream: bool = False) -> None:
        self.client, self.name = client, name
        client.create_table(TableName=name, **(DEFINITION if stream else WITHOUT_STREAM))
        self.store = PatientDynamoDB(client.meta.endpoint_url, name)
        self.calls = self.store.calls

    def put(self, pk: str, sk: str, **attributes: Any) -> None:
        self.client.put_item(TableName=self.name, Item=item_to_wire({"pk": pk, "sk": sk, **attributes}))

    def get(self, key: Key) -> Item | None:
        item = self.client.get_item(TableName=self.name, Key=key.wire, ConsistentRead=True).get("Item")
        return from_wire(item) if item else None

    def all(self) -> list[Item]:
        return [from_wire(item) for item in self.client.scan(TableName=self.name, ConsistentRead=True)["Items"]]

    def put_ring(self, key_ring: KeyRing | None = None) -> None:
        key_ring = key_ring or ring()
        self.put("keyring", "current", document=key_ring.to_document(), version=key_ring.version)

    def put_solution(self, solution: Solution | None = None, **changes: Any) -> Solution:
        solution = solution or read_solution(config(**changes))
        self.put(f"solution#{solution.solution_id}", "config", document=solution.to_document())
        return solution

    def put_entitlement(self, user_id: str = USER, solution_id: str = SOLUTION, **changes: Any) -> None:
        attributes = {
            "user_id": user_id,
            "solution_id": solution_id,
            "status": "active",
            "plan": "registered",
            "generation": "1",
            "jti": jti_of(secret_of(user_id, solution_id)),
            "total": 0,
        } | changes
        attributes = {name: value for name, value in attributes.items() if value is not None}
        self.put(f"user#{user_id}", f"solution#{solution_id}", **attributes)

    def seed(self, **plan: Any) -> None:
        """Ring, solution, API and one active entitlement."""
        self.put_ring()
        self.put_solution()
        self.put(f"api#{API}", "config", solution_id=SOLUTION)
        self.put_entitlement(**plan)
