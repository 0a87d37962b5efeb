"""`gatepass payments`: what users have paid, what is not finished, and the comparison with Razorpay."""

import argparse
import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from entitlements.identifiers import require_solution_id
from entitlements.items import Key, payment_prefix
from gatepass.commands import payment_show, subscription_adoption, unfinished_events
from gatepass.commands.arguments import add_json, add_solution, add_user, beginning
from gatepass.commands.entitlements import moment
from gatepass.commands.payment_show import payment_row, shown
from gatepass.commands.users import user_of
from gatepass.environment import Environment
from gatepass.output import print_rows, progress
from gatepass.razorpay_access import payments_of
from gatepass.refusals import CommandError
from token_service.payments.records import PaymentRecord

if TYPE_CHECKING:
    from token_service.payments.reconcile import PaymentDifference

COLUMNS: Final = ("time", "payment", "user", "solution", "plan", "amount", "state")
DIFFERENCES: Final = ("subject", "kind", "solution", "detail", "result")
DEFAULT_SECONDS: Final = 3 * 86_400
"""Razorpay sends an event for 24 hours, and a late authorization may take about three days:
https://razorpay.com/docs/payments/payments/late-authorisation/
"""


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    verbs = nouns.add_parser("payments", help="list and show payments; compare them with Razorpay").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    list_ = verbs.add_parser("list", help="the payments of a user, or all of them (reads the whole table)")
    add_user(list_, required=False)
    add_solution(list_, required=False)
    list_.add_argument("--unfinished", action="store_true", help="the events that are not applied, and what to do")
    add_json(list_)

    def list_run(options: argparse.Namespace) -> int:
        if options.unfinished and (options.user, options.email, options.solution) != (None, None, None):
            list_.error("--unfinished lists the events of all users and solutions: leave the others out")
        return unfinished_events.run(options) if options.unfinished else run_list(options)

    list_.set_defaults(run=list_run)
    payment_show.add_verb(verbs)
    subscription_adoption.add_verb(verbs)
    dismiss = verbs.add_parser("dismiss", help="end an event that matches nothing, once it is dealt with")
    dismiss.add_argument("event", metavar="ID", help="the event's id, or that of the payment that it is about")
    dismiss.set_defaults(run=unfinished_events.dismiss)
    reconcile = verbs.add_parser(
        "reconcile", help="compare with Razorpay, and apply what is missing; exit status 1 if differences remain"
    )
    reconcile.add_argument(
        "--from", dest="begin", type=beginning, metavar="DATE",
        help="when the first payments were made, in UTC: 2027-03-29 (from the beginning of that day) or "
        "2027-03-29T18:00Z (default: 3 days before --to)",
    )  # fmt: skip
    reconcile.add_argument(
        "--to", dest="end", type=moment, metavar="DATE", help="and the last ones: 2027-03-31 (to its end; default: now)"
    )
    reconcile.add_argument("--dry-run", action="store_true", help="list the differences, change nothing")
    add_json(reconcile)
    reconcile.set_defaults(run=run_reconcile)


def run_list(options: argparse.Namespace) -> int:
    """List payments, oldest first."""
    environment = Environment.read(options.table)
    by_user = options.user is not None or options.email is not None
    user = user_of(options, environment) if by_user else ""
    solution = require_solution_id(options.solution) if options.solution else None
    repository, prefix = environment.repository, payment_prefix(user)
    found: list[tuple[str, PaymentRecord]] = []
    with progress("reading payments", shown=not by_user) as bar:
        for item in repository.query(prefix) if by_user else repository.scan(prefix):
            record = PaymentRecord.from_item(item)
            if solution in (None, record.solution):
                found.append((Key.of(item).subject, record))
                bar.show(0, str(len(found)))
    found.sort(key=lambda one: (one[1].paid_at, one[1].payment_id))
    rows = [payment_row(owner, record) for owner, record in found]
    print_rows(rows if options.json else [shown(row) for row in rows], COLUMNS, options.json, "no payments")
    return 0


def run_reconcile(options: argparse.Namespace) -> int:
    """Compare, repair, and tell what was different."""
    from token_service.payments.reconcile import Reconciliation  # with all services, as in `payments_of`

    now = int(time.time())
    end = now + 1 if options.end is None else min(now, options.end)  # so that a payment of this second is in it
    begin = end - DEFAULT_SECONDS if options.begin is None else options.begin
    if begin >= end:
        raise CommandError("there is no time between --from and --to in the past: give an earlier --from")
    differences: list[PaymentDifference] = []
    complete = False
    with payments_of(Environment.read(options.table)) as payments:
        run = Reconciliation(payments.razorpay, payments.books, payments.settlement, options.dry_run)
        try:
            with progress("comparing with Razorpay") as bar:
                for one in run.run(begin, end):
                    differences.append(one)
                    bar.show(0, f"{len(differences)} differences")
            complete = True
            if not options.dry_run:
                unfinished_events.retry(payments)
        finally:
            # What was repaired before Razorpay stopped to answer stays repaired, and is told.
            if differences or complete:
                _print(differences, options)
    return 1 if any(not one.repaired for one in differences) else 0


def _print(differences: Sequence["PaymentDifference"], options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps([one._asdict() for one in differences], indent=2))
        return
    print_rows([_row(one, options.dry_run) for one in differences], DIFFERENCES, False, "no differences to Razorpay")
    if not differences:
        return
    repaired = sum(one.repaired for one in differences)
    print(f"{len(differences)} different: {repaired} repaired, {len(differences) - repaired} remaining")
    unfinished_events.advise({one.error for one in differences if one.kind == "unmatched"})


def _row(one: "PaymentDifference", dry_run: bool) -> dict[str, Any]:
    result = "would try to repair" if dry_run else "repaired" if one.repaired else one.error
    return one._asdict() | {"result": result}
