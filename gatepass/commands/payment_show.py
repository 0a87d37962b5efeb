"""`gatepass payments show`: one payment, order, or subscription as it is stored, with Razorpay's answer beside it."""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from entitlements.currencies import readable
from entitlements.items import Key, effect_key
from entitlements.refusals import Refused
from gatepass.commands.arguments import add_json
from gatepass.environment import Environment
from gatepass.output import print_record, print_rows
from gatepass.razorpay_access import payments_of
from gatepass.refusals import CommandError
from token_service.access.records import to_the_second
from token_service.payments.books import Books
from token_service.payments.purchase import Purchase
from token_service.payments.razorpay import PaymentEntity
from token_service.payments.records import PaymentRecord, SubscriptionRecord

if TYPE_CHECKING:
    from token_service.payments.razorpay_api import RazorpayApi

ID: Final = re.compile(r"(pay|order|sub)_[A-Za-z0-9]{1,40}")
PAYMENT, ORDER = "pay", "order"
MONEY: Final = ("amount", "refunded", "disputed")


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the verb."""
    show = verbs.add_parser("show", help="one payment, order, or subscription: here, and at Razorpay")
    show.add_argument("id", metavar="ID", help="pay_…, order_…, or sub_…, as Razorpay's dashboard shows it")
    add_json(show)
    show.set_defaults(run=run)


def payment_row(user_id: str, record: PaymentRecord) -> dict[str, Any]:
    """A payment for JSON. Amounts are in the currency's smallest unit, times in seconds since the epoch."""
    return {
        "payment": record.payment_id,
        "user": user_id,
        "solution": record.solution,
        "plan": record.plan,
        "model": record.model,
        "amount": record.amount,
        "currency": record.currency,
        "refunded": record.refunded,
        "disputed": sum(record.disputes.values()),
        "state": record.state,
        "returned": record.returned,
        "paid_at": record.paid_at,
        "reference": record.reference,
        "receipt": record.receipt,
    }


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same for people."""
    why = f" ({row['returned']})" if row["returned"] else ""
    money = {name: readable(row[name], row["currency"]) for name in MONEY}
    return {**row, **money, "time": to_the_second(row["paid_at"]), "state": f"{row['state']}{why}"}


@dataclass
class _Found:
    """What the table has, and what Razorpay says; empty where there is nothing."""

    ordered: Purchase | None = None
    effect: dict[str, Any] = field(default_factory=dict)
    payments: list[PaymentRecord] = field(default_factory=list)
    subscription: SubscriptionRecord | None = None
    razorpay: dict[str, Any] = field(default_factory=dict)
    not_asked: str = ""
    """Why Razorpay's answer is missing."""


def run(options: argparse.Namespace) -> int:
    """Find it and print it."""
    kind = ID.fullmatch(options.id)
    if kind is None:
        raise CommandError(f"{options.id} is not an id of Razorpay: give pay_…, order_…, or sub_…")
    environment = Environment.read(options.table)
    found = _stored(Books(environment.repository), options.id)
    if kind[1] == PAYMENT:
        found.effect = environment.repository.get_item(effect_key(options.id)) or {}
    _ask(environment, options.id, kind[1], found)
    if not (found.ordered or found.payments or found.razorpay):
        raise CommandError(f"nothing is known of {options.id}: check the id. {found.not_asked}".rstrip(". "))
    if options.json:
        print(json.dumps(_as_json(options.id, found), indent=2))
    else:
        _print(options.id, found)
    if found.not_asked:
        print(f"gatepass: {found.not_asked}", file=sys.stderr)
    if _missing(options.id, found):
        when = to_the_second(found.razorpay["created_at"])
        print(f"gatepass: not applied here: run gatepass payments reconcile --from {when}", file=sys.stderr)
    return 0


def _stored(books: Books, id: str) -> _Found:
    ordered = books.purchase(id) or books.purchase_of(id)
    if ordered is None:
        return _Found()
    book = books.read(ordered.user_id, ordered.solution)
    payments = [one for one in book.payments.values() if id in (one.payment_id, one.reference)]
    return _Found(ordered, payments=payments, subscription=book.subscriptions.get(id))


# ---- Razorpay --------------------------------------------------------------------------------------------------------


def _ask(environment: Environment, id: str, kind: str, found: _Found) -> None:
    if not environment.razorpay_secret_name:
        found.not_asked = "Razorpay was not asked: set GATEPASS_RAZORPAY_SECRET for its present answer"
        return
    try:
        with payments_of(environment) as payments:
            found.razorpay = _answer(payments.razorpay, id, kind, found)
            # A payment that is not applied names what it was for.
            if kind == PAYMENT and found.ordered is None:
                found.ordered = _ordered(payments.razorpay, payments.books, payments.razorpay.payment(id))
    except (CommandError, Refused) as error:
        found.not_asked = str(error)


def _answer(razorpay: "RazorpayApi", id: str, kind: str, found: _Found) -> dict[str, Any]:
    if kind == PAYMENT:
        return asdict(razorpay.payment(id))
    if kind == ORDER:
        orders = razorpay.orders_with(found.ordered.receipt) if found.ordered else []
        return next((asdict(one) for one in orders if one.order_id == id), {})
    return {**asdict(razorpay.subscription(id))}


def _ordered(razorpay: "RazorpayApi", books: Books, payment: PaymentEntity) -> Purchase | None:
    if payment.invoice_id:
        return books.purchase(razorpay.invoice(payment.invoice_id).subscription_id)
    return books.purchase(payment.order_id) if payment.order_id else None


def _missing(id: str, found: _Found) -> bool:
    """Whether money was taken that is not known here."""
    at_razorpay = found.razorpay
    taken = at_razorpay.get("status") in ("captured", "refunded") and at_razorpay.get("payment_id") == id
    return taken and not found.payments


# ---- output ----------------------------------------------------------------------------------------------------------


def _as_json(id: str, found: _Found) -> dict[str, Any]:
    user = found.ordered.user_id if found.ordered else ""
    return {
        "id": id,
        "ordered": asdict(found.ordered) if found.ordered else None,
        "effect": {name: value for name, value in found.effect.items() if name not in Key._fields} or None,
        "payments": [payment_row(user, one) for one in found.payments],
        "subscription": asdict(found.subscription) if found.subscription else None,
        "razorpay": found.razorpay or None,
        "razorpay_not_asked": found.not_asked,
    }


def _print(id: str, found: _Found) -> None:
    print_record({"id": id, **_order(found.ordered), **_effect(found)}, False)
    rows = list(_compared(found))
    if rows:
        print()
        print_rows(rows, ("value", "gatepass", "razorpay") if found.razorpay else ("value", "gatepass"), False, "")
    if found.ordered and not found.payments:
        print("\nno payment of it is applied")


def _order(ordered: Purchase | None) -> dict[str, Any]:
    if ordered is None:
        return {"ordered": "nothing through Gatepass"}
    return {
        "user": ordered.user_id,
        "solution": ordered.solution,
        "plan": ordered.plan,
        "price": readable(ordered.amount, ordered.currency),
        "model": ordered.model,
        "ordered": to_the_second(ordered.ordered_at),
        "reference": ordered.reference,
        "receipt": ordered.receipt,
    }


def _effect(found: _Found) -> dict[str, Any]:
    if not found.effect:
        return {}
    given = [str(found.effect.get("gave") or "nothing")]
    given += [f"{found.effect[name]} {name}" for name in ("credits", "days") if name in found.effect]
    until = found.effect.get("period_end")
    return {
        "gave": ", ".join(given) + (f" for the time until {to_the_second(until)}" if until else ""),
        "applied": to_the_second(found.effect["applied_at"]),
    }


def _compared(found: _Found) -> Iterable[dict[str, Any]]:
    """Each value as it is stored, and as Razorpay has it now."""
    at_razorpay = found.razorpay
    if found.subscription is not None:
        one = found.subscription
        ends = f", ends: {one.ends}" if one.ends else ""
        yield {"value": "status", "gatepass": one.status + ends, "razorpay": at_razorpay.get("status")}
    elif at_razorpay and not found.payments:
        yield {"value": "status", "gatepass": "not known", "razorpay": at_razorpay.get("status")}
        if "amount" in at_razorpay:
            yield {"value": "amount", "razorpay": readable(at_razorpay["amount"], at_razorpay["currency"])}
    for payment in found.payments:
        row = shown(payment_row("", payment))
        same = at_razorpay if at_razorpay.get("payment_id") == payment.payment_id else {}
        prefix = "" if same or len(found.payments) == 1 else f"{payment.payment_id} "
        theirs = {"state": same.get("status"), "time": to_the_second(same.get("created_at"))}
        for name, key in (("amount", "amount"), ("refunded", "amount_refunded")):
            theirs[name] = readable(same[key], same["currency"]) if same else None
        for name in ("state", "time", "amount", "refunded"):
            yield {"value": f"{prefix}{name}", "gatepass": row[name], "razorpay": theirs[name]}
        if payment.disputes:
            yield {"value": f"{prefix}disputed", "gatepass": row["disputed"]}
