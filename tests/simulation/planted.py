"""Bugs, each a small patch of the product while a block runs: the simulation must find every one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import Any
from unittest import mock

import authorizer.dynamodb
import entitlements.directory
import entitlements.spend
import token_service.access.changes
import token_service.access.minting
import token_service.payments.books
import token_service.payments.checkout
import token_service.usage.daily
import token_service.users.deletion
from entitlements.decision import REVOKED
from entitlements.items import StoreUnavailable
from entitlements.rules import AtMost
from token_service.access import writes
from token_service.access.changes import Change
from token_service.payments import settling

Patch = Any


def suspended_users_pass() -> list[Patch]:
    """The gate's condition asks for the status, and does without it."""
    real = entitlements.spend.spend

    def spend(*arguments: Any, **more: Any) -> Any:
        request = real(*arguments, **more)
        condition = request.get("ConditionExpression", "")
        weaker = condition.replace("#status = :active", "(#status = :active OR attribute_exists(jti))")
        return {**request, "ConditionExpression": weaker} if condition else request

    return [mock.patch("entitlements.gate.spend", spend)]


def a_repeated_write_counts_again() -> list[Patch]:
    """The gate's write no longer depends on its own mark."""
    real = entitlements.spend.spend
    once = "#slot <> :request"

    def spend(*arguments: Any, **more: Any) -> Any:
        request = real(*arguments, **more)
        condition = request.get("ConditionExpression", "")
        return {**request, "ConditionExpression": condition.replace(once, f"{once} OR attribute_exists(#slot)")}

    return [mock.patch("entitlements.gate.spend", spend)]


def a_quota_has_one_more() -> list[Patch]:
    """`used <= limit - cost` has become `used <= limit`."""
    real = entitlements.spend._QUOTAS
    more: Callable[..., str] = lambda expression, rule: real[AtMost](expression, rule._replace(limit=rule.limit + 1))  # noqa: E731
    return [
        mock.patch.object(entitlements.spend, "_QUOTAS", {**real, AtMost: more}),
        # What was written without the bug is not used again.
        mock.patch.object(entitlements.spend, "_writes", type(entitlements.spend._writes)()),
    ]


def a_revocation_keeps_the_token() -> list[Patch]:
    """The status changes, and `jti` stays: who is granted access again has the old token too."""

    def revoke(current: Any) -> Change | None:
        return None if current.status == REVOKED else Change("revoked", {"status": REVOKED}, ends_access=True)

    return [mock.patch.object(token_service.access.changes, "revoke", revoke)]


def a_deletion_forgets_the_counters() -> list[Patch]:
    """Who deletes the account and signs up again has a new quota."""
    return [mock.patch.object(token_service.users.deletion, "remains_of", return_value=None)]


def gates_never_look_again() -> list[Patch]:
    """What a gate remembers of solutions and keys is never too old."""
    return [mock.patch.object(entitlements.directory, "MAX_AGE", float("inf"))]


def no_answer_is_a_yes() -> list[Patch]:
    """A gate that gets no answer to its write lets the request pass."""
    real = authorizer.dynamodb.DynamoDB.update_item

    def update_item(self: Any, request: Any) -> Any:
        try:
            return real(self, request)
        except StoreUnavailable:
            return True, {"status": "active", "plan": "registered", "total": 1}

    return [mock.patch.object(authorizer.dynamodb.DynamoDB, "update_item", update_item)]


def a_mint_overwrites_a_revocation() -> list[Patch]:
    """A token is stored whatever happened since the entitlement was read."""
    return [_changed_actions(token_service.access.minting.Minting, "_store", _unconditionally)]


def _unconditionally(kind: str, parameters: Any) -> Any:
    weaker = {
        "#status = :active AND generation = :was": "(#status = :active AND generation = :was) OR attribute_exists(pk)",
        "jws = :was_jws": "jws = :was_jws OR attribute_not_exists(jws) OR attribute_exists(jws)",
    }
    condition = parameters.get("ConditionExpression", "")
    return parameters | {"ConditionExpression": weaker[condition]} if condition in weaker else parameters


def _changed_actions(owner: type, name: str, change: Callable[[str, Any], Any]) -> Patch:
    """Let a method write other actions than it means to."""
    real = getattr(owner, name)

    def method(self: Any, *arguments: Any) -> Any:
        repository = self._repository

        class Changed:
            def __getattr__(self, attribute: str) -> Any:
                return getattr(repository, attribute)

            def transact(self, actions: Any) -> None:
                repository.transact([(kind, change(kind, parameters)) for kind, parameters in actions])

        self._repository = Changed()
        try:
            return real(self, *arguments)
        finally:
            self._repository = repository

    return mock.patch.object(owner, name, method)


def an_order_is_handed_out_before_it_is_stored() -> list[Patch]:
    """The two writes of a new order have changed places: after a crash between them, it is paid and matches nothing."""
    checkout = token_service.payments.checkout.Checkout
    real = checkout._stored

    def stored(self: Any, purchase: Any) -> None:
        with mock.patch.object(self._books, "ordered", return_value=None):
            real(self, purchase)
        self._books.ordered(purchase)

    return [mock.patch.object(checkout, "_stored", stored)]


def a_payment_that_is_heard_of_again_counts_again() -> list[Patch]:
    """The credits of a payment are added with each of its events."""
    real = settling._credits

    def credits(current: Any, before: Any, after: Any) -> Any:
        granted, book = real(current, before, after)
        again = [one for key, one in after.payments.items() if key in before.payments and one.credits and one.kept]
        return (granted or 0) + sum(one.credits for one in again) if again else granted, book

    return [mock.patch.object(settling, "_credits", credits)]


def two_events_of_one_payment_meet() -> list[Patch]:
    """The mark of a payment's effect is written without a condition, and so is the entitlement's revision."""
    real = writes._unchanged

    def unchanged(current: Any, new_granted: Any) -> Any:
        found = real(current, new_granted)
        names, values = found["ExpressionAttributeNames"], found["ExpressionAttributeValues"]
        return {
            "ConditionExpression": f"({found['ConditionExpression']}) OR attribute_exists(pk)",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }

    def put(key: Any, attributes: Any) -> Any:
        return token_service.payments.books._put(key, attributes)

    return [
        mock.patch.object(writes, "_unchanged", unchanged),
        mock.patch.object(token_service.payments.books, "put_new", put),
    ]


def usage_is_added_without_its_mark() -> list[Patch]:
    """A subject's day is written whatever it is by then, and the solution's day gets the difference again."""
    real = token_service.usage.daily._put

    def put(before: Any, after: Any) -> Any:
        kind, parameters = real(before, after)
        return kind, {"Item": parameters["Item"]}

    return [mock.patch.object(token_service.usage.daily, "_put", put)]


BUGS: Mapping[str, Callable[[], list[Patch]]] = MappingProxyType(
    {
        made.__name__: made
        for made in (
            suspended_users_pass,
            a_repeated_write_counts_again,
            a_quota_has_one_more,
            a_revocation_keeps_the_token,
            a_deletion_forgets_the_counters,
            gates_never_look_again,
            no_answer_is_a_yes,
            a_mint_overwrites_a_revocation,
            an_order_is_handed_out_before_it_is_stored,
            a_payment_that_is_heard_of_again_counts_again,
            two_events_of_one_payment_meet,
            usage_is_added_without_its_mark,
        )
    }
)


@contextmanager
def planted(bug: str) -> Iterator[None]:
    """Until the end of the block, the product has the bug."""
    with ExitStack() as stack:
        for patch in BUGS[bug]():
            stack.enter_context(patch)
        yield
