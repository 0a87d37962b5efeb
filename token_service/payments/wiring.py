"""All services of payments, wired for the token service, for its job, and for the command."""

from collections.abc import Callable
from dataclasses import dataclass

from entitlements.directory import Directory
from entitlements.solution import Solution
from token_service.access.grants import Access
from token_service.payments.books import Books
from token_service.payments.checkout import Checkout
from token_service.payments.inbox import Inbox
from token_service.payments.razorpay_api import RazorpayApi
from token_service.payments.razorpay_plans import RazorpayPlans
from token_service.payments.secrets import RazorpaySecrets
from token_service.payments.settlement import Settlement
from token_service.payments.webhook import Webhook
from token_service.repository import Repository

ACTOR = "razorpay"
"""The actor in the audit of a change by a payment."""


@dataclass(frozen=True)
class Payments:
    """The services of payments."""

    books: Books
    inbox: Inbox
    razorpay: RazorpayApi
    razorpay_plans: RazorpayPlans
    settlement: Settlement
    checkout: Checkout
    webhook: Webhook


def build_payments(
    repository: Repository, clock: Callable[[], float], read_secret: Callable[[], str] | None, url: str = ""
) -> Payments:
    """Wire them. `read_secret` returns the text of the Razorpay secret (None: nothing is sold); `url` is of another
    server than Razorpay's.
    """

    def find_solution(solution_id: str) -> Solution | None:
        # Not from a cache: a plan that was just applied can be bought, and one that was just removed cannot.
        return Directory(repository.get_item).solution(solution_id, clock())

    secrets = RazorpaySecrets(read_secret, clock)
    razorpay = RazorpayApi(secrets, url)
    plans = RazorpayPlans(repository, lambda: secrets.get().mode)
    books, inbox, access = Books(repository), Inbox(repository), Access(repository, clock, ACTOR)
    settlement = Settlement(books, access, razorpay, find_solution, clock)
    checkout = Checkout(repository, books, access, razorpay, plans, secrets, settlement, find_solution, clock)
    webhook = Webhook(secrets, inbox, settlement, razorpay, clock)
    return Payments(books, inbox, razorpay, plans, settlement, checkout, webhook)
