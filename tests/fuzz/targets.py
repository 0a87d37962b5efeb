"""What strangers can send, and what must hold of it whatever it is. Each target takes bytes, and fails by an exception."""

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from authorizer.answers import AccessNotDecided, Unauthorized
from authorizer.handler import make_handler
from entitlements.gate import Gate
from entitlements.items import Item, Key, Wire
from entitlements.solution import read_solution, solution_from_document
from entitlements.token import Claims, assemble, parse, verify
from gatepass.commands.solutions import read_file
from gatepass.refusals import CommandError
from tests.support.signer import SOLUTION, Signer, ring
from tests.support.table import API, config
from token_service.payments.razorpay import (
    DisputeEntity,
    InvoiceEntity,
    OrderEntity,
    PaymentEntity,
    SubscriptionEntity,
    Unreadable,
    WebhookEvent,
)
from token_service.payments.signatures import webhook_is_signed
from token_service.payments.webhook import _name

GOLDEN: Final = Signer().token()
RING: Final = ring()


def token(data: bytes) -> None:
    """A token has one spelling, and only one that was signed is accepted."""
    text = data.decode("utf-8", "surrogateescape")
    parsed = parse(text)
    if parsed is not None:
        assert assemble(parsed.secret, parsed.jws) == text
        accepted = isinstance(verify(parsed, RING, SOLUTION), Claims)
        # The signature has a twin (r, n - s), which is as good.
        assert not accepted or text.rpartition(".")[0] == GOLDEN.rpartition(".")[0]


class RefusingStore:
    """A table that has the configuration, and an entitlement or a visitor for nobody."""

    def __init__(self) -> None:
        """Items by partition key."""
        self._items: dict[str, Item] = {
            f"api#{API}": {"solution_id": SOLUTION},
            f"solution#{SOLUTION}": {"document": read_solution(config()).to_document()},
            "keyring": {"document": RING.to_document(), "version": RING.version},
        }
        self.keys: list[Key] = []

    def get_item(self, key: Key) -> Item | None:
        """As `entitlements.items.Store`."""
        self.keys.append(key)
        return self._items.get(key.pk)

    def update_item(self, request: Wire) -> tuple[bool, Item | None]:
        """As `entitlements.items.Store`: nothing is written."""
        pk = request["Key"]["pk"]["S"]
        self.keys.append(Key(pk, request["Key"]["sk"]["S"]))
        return False, {"total": 10**9, "expires_at": 10**10} if pk.startswith("ip#") else None


STORE: Final = RefusingStore()
_lines: list[str] = []
_handle: Final = make_handler(Gate(STORE), lambda: 1_795_478_400.0, _lines.append)


def event(data: bytes) -> None:
    """Any event is refused in one of the ways that API Gateway knows, and leads to no strange key."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    STORE.keys.clear()
    _lines.clear()
    try:
        answer = _handle(document, None)
    except (Unauthorized, AccessNotDecided):
        pass
    else:
        json.dumps(answer)  # the runtime does
        effects = [s["Effect"] for s in answer.get("policyDocument", {}).get("Statement", [])]
        assert answer == {"statusCode": 204} or answer.get("isAuthorized") is False or effects == ["Deny"]
    assert all(line.count("\n") == 1 for line in _lines)
    kinds = {key.pk.partition("#")[0] for key in STORE.keys}
    assert kinds <= {"api", "solution", "keyring", "user", "ip"}


def webhook(data: bytes) -> None:
    """A body is read, or refused as unreadable, and is signed by nobody."""
    assert not webhook_is_signed(data, data[:64].decode("latin-1"), ["webhook-secret", ""])
    assert _name(data).isprintable()
    try:
        read = WebhookEvent.read(json.loads(data))
    except (Unreadable, ValueError, RecursionError):
        return
    for entity in read.entities.values():
        for kind in (PaymentEntity, InvoiceEntity, SubscriptionEntity, OrderEntity, DisputeEntity):
            with suppress(Unreadable):
                kind.read(entity)


_FILE: Final = Path(tempfile.mkdtemp(prefix="gatepass-fuzz-")) / "solution.yaml"


def solution(data: bytes) -> None:
    """A file is applied as it can be read back, or refused with a message."""
    _FILE.write_bytes(data)
    with suppress(CommandError):
        read = read_file(_FILE)
        assert solution_from_document(read.to_document()) == read


TARGETS: Final[dict[str, Callable[[bytes], Any]]] = {
    "token": token,
    "event": event,
    "webhook": webhook,
    "solution": solution,
}
CORPUS: Final = Path(__file__).with_name("corpus")
