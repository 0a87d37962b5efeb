"""The marketplace of the simulation: two solutions, a key ring, and what is in the table when a run begins."""

import json
from functools import cache
from typing import Any, Final

from entitlements.items import api_key, item_to_wire, keyring_key, listing_key, razorpay_plans_key, solution_key
from entitlements.keyring import KeyRing
from entitlements.solution import Solution, read_solution
from gatepass.local.razorpay import RazorpayAccount
from tests.simulation.cloud import CloudKms
from tests.simulation.scheduler import START, Scheduler
from tests.support.memory_dynamodb import Contents, MemoryDynamoDB
from tests.support.table import config
from token_service.payments.razorpay_plans import recurring, request_for, terms_of
from token_service.signing.kms import Kms

ALPHA, BETA = "alpha", "beta"
APIS: Final = {ALPHA: "apialpha01", BETA: "apibeta002"}
ISSUER: Final = "gatepass-simulated"
PLANS: Final[dict[str, dict[str, Any]]] = {
    ALPHA: {
        "anonymous": {"limits": {"lifetime": 3}},
        "registered": {"limits": {"day": 4}},
        "pro": {"limits": {}, "price": {"amount": 49900, "currency": "INR", "interval": "month"}},
        "pack-5": {"credits": 5, "price": {"amount": 9900, "currency": "INR"}},
        "pass-7": {"limits": {}, "price": {"amount": 6900, "currency": "INR", "days": 7}},
    },
    BETA: {"registered": {"limits": {"hour": 2, "day": 3}}, "team": {"limits": {"day": 6}}},
}
SOLD: Final = ("pro", "pack-5", "pass-7")
# What the monitor knows of the plans: written down here, and not read from the product.
DAY_LIMITS: Final = {(ALPHA, "registered"): 4, (BETA, "registered"): 3, (BETA, "team"): 6}
HOUR_LIMITS: Final = {(BETA, "registered"): 2}
LIFETIME_LIMITS: Final = {(ALPHA, "anonymous"): 3}
PRICED: Final = frozenset(SOLD)
PACKS: Final = {"pack-5": 5}
GRACE_DAYS: Final = 4
COSTS: Final = {"POST /search": 1, "GET /health": 0}


@cache
def solution(name: str) -> Solution:
    """Its configuration."""
    return read_solution(config(solution_id=name, name=name, plans=PLANS[name], costs=COSTS))


@cache
def _template() -> Contents:
    """The items of every run, made once."""
    table = MemoryDynamoDB()
    kms = CloudKms(Scheduler(0))
    client: Any = _Direct(kms)
    first = Kms(client).signing_key(kms.create(), int(START) - 100 * 86_400)
    ring = KeyRing(ISSUER, (first,), kms.create(), b"a" * 32)
    _put(table, keyring_key(), document=ring.to_document(), version=ring.version)
    for name, api in APIS.items():
        _put(table, solution_key(name), document=solution(name).to_document())
        _put(table, listing_key(name))
        _put(table, api_key(api), solution_id=name)
    return table.contents


class _Direct:
    def __init__(self, kms: CloudKms) -> None:
        self._kms = kms

    def __getattr__(self, operation: str) -> Any:
        return lambda **request: self._kms.carry_out(operation, request)


def _put(table: MemoryDynamoDB, key: Any, **attributes: Any) -> None:
    table.put_item(Item=key.wire | item_to_wire(attributes))


def open_market(table: MemoryDynamoDB, kms: CloudKms, account: RazorpayAccount) -> None:
    """Fill the table, KMS, and the account at Razorpay."""
    table.contents.copy_from(_template())
    kms.create(), kms.create()

    pushed = {
        terms_of(plan): account.create_plan(request_for(solution(ALPHA), plan))["id"]
        for plan in recurring(solution(ALPHA))
    }
    _put(table, razorpay_plans_key(ALPHA), test=json.dumps(pushed, sort_keys=True))
