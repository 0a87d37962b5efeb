"""Voids sessions by a time stored in the account, since Cognito's ID tokens stay valid until they expire.

https://docs.aws.amazon.com/cognito/latest/developerguide/token-revocation.html
"""

from collections.abc import Callable, Mapping
from math import floor
from typing import Final

from entitlements.items import DELETING, Item, account_key, to_wire
from token_service.repository import Repository
from token_service.users.cognito import Cognito

MARK_KEPT: Final = 2 * 86_400
"""Seconds for which the mark of a deleted account is kept: longer than the hour for which ID tokens are valid."""


class Sessions:
    """Reads and sets the time before which sessions are void."""

    def __init__(self, repository: Repository, cognito: Cognito, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch."""
        self._repository, self._cognito, self._clock = repository, cognito, clock

    def account(self, user_id: str) -> Item:
        """The stored attributes of an account; empty for most accounts."""
        return self._repository.get_item(account_key(user_id)) or {}

    def end(self, user_id: str) -> None:
        """Void every session that began before now. Sign-ins from the next second on are valid."""
        # `auth_time` is in whole seconds: a session of the current second may have begun before now. The condition
        # keeps a later time that a container with a faster clock has set.
        self._update(
            user_id,
            "SET not_before = :next",
            {":next": floor(self._clock()) + 1},
            "attribute_not_exists(not_before) OR not_before < :next",
        )
        self._cognito.sign_out_everywhere(user_id)

    def begin_deletion(self, user_id: str) -> None:
        """End all sessions permanently, and prevent grants while the account is being deleted."""
        self._update(user_id, f"SET {DELETING} = :true", {":true": True})
        self.end(user_id)

    def end_deletion(self, user_id: str) -> None:
        """Let the mark expire: the account is deleted, but its ID tokens may still be valid for a while."""
        values = {":true": True, ":expires": floor(self._clock()) + MARK_KEPT}
        self._update(user_id, f"SET {DELETING} = :true, expires_at = :expires", values)

    def _update(self, user_id: str, update: str, values: Mapping[str, int | bool], condition: str = "") -> None:
        self._repository.update_item(
            {
                "Key": account_key(user_id).wire,
                "UpdateExpression": update,
                "ExpressionAttributeValues": {name: to_wire(value) for name, value in values.items()},
                **({"ConditionExpression": condition} if condition else {}),
            }
        )


def counts(account: Item, auth_time: int) -> bool:
    """Whether a session that began at `auth_time` (seconds since the epoch) is valid."""
    return not account.get(DELETING) and auth_time >= int(account.get("not_before", 0))
