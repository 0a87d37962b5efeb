"""A key ring in KMS, minting and gates on one table, with a clock to turn."""

from entitlements.gate import Gate, Request
from entitlements.keyring import KeyRing
from entitlements.token import parse
from tests.support import emulators
from tests.support.signer import SOLUTION
from tests.support.table import API, Table
from token_service.access.grants import Access
from token_service.access.minting import Minting
from token_service.repository import Repository
from token_service.signing.key_lifecycle import AUTHORIZED_AFTER
from token_service.signing.keys import Keys
from token_service.signing.kms import Kms

START = 1_795_478_400
ISSUER = "gatepass-test"


def bearer(token: str) -> Request:
    return Request("POST", "/search", authorization=(f"Bearer {token}",))


def kms_keys(endpoint: str) -> set[str]:
    """The ARNs of all keys in KMS."""
    pages = emulators.shared_client("kms", endpoint).get_paginator("list_keys").paginate()
    return {key["KeyArn"] for page in pages for key in page["Keys"]}


class Marketplace:
    """A marketplace whose time stands still until it is told to go on."""

    def __init__(self, table: Table, kms_endpoint: str) -> None:
        self.table, self.now = table, float(START)
        kms = Kms(emulators.shared_client("kms", kms_endpoint))
        first = kms.signing_key(kms.create_signing_key("t"), START)
        table.put_ring(KeyRing(ISSUER, (first,), kms.create_mac_key("t"), b"a" * 32))
        table.put_solution()
        table.put(f"api#{API}", "config", solution_id=SOLUTION)
        repository = Repository(table.client, table.name)
        self.keys = Keys(repository, lambda: kms, self.clock, "operator", lambda: "t")
        self.access = Access(repository, self.clock, "operator")
        self.minting = Minting(repository, kms, self.clock, "user")
        self.gates = [Gate(table.store), Gate(table.store)]

    def clock(self) -> float:
        return self.now

    def rotate(self) -> None:
        key = self.keys.create()
        self.now += AUTHORIZED_AFTER
        self.keys.promote(key.kid)

    def decide(self, token: str, gate: int = 0) -> str:
        return self.gates[gate].decide(SOLUTION, bearer(token), self.now).reason.value

    def refresh(self, token: str) -> str:
        parsed = parse(token)
        assert parsed is not None
        return self.minting.refresh(parsed)
