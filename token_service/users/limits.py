"""Limits on attempts: counters in the table, checked before Cognito or KMS is called.

A counter belongs to a fixed window and never exceeds its limit, however many concurrent callers there are. If the
clocks of two containers differ, the later window applies to both.
"""

from collections.abc import Callable
from contextlib import suppress
from math import floor
from typing import Final, NamedTuple

from entitlements.items import Key, StoreUnavailable, Wire, account_key, attempts_key, to_wire
from entitlements.refusals import Code, Refused
from token_service.repository import Repository
from token_service.users.email_hashes import EmailHashes

HOUR: Final = 3_600
DAY: Final = 86_400


class Limit(NamedTuple):
    """At most `most` of a kind in a window of `seconds`."""

    kind: str
    most: int
    seconds: int


# Ten attempts an hour from one network are enough for a person who mistypes. All networks together get more attempts
# on an address, so that an attacker needs many networks to lock its owner out.
CODES: Final = Limit("codes", 10, HOUR)
SIGN_INS: Final = Limit("sign_ins", 10, HOUR)
CODES_OF_ALL: Final = Limit("codes", 50, HOUR)
SIGN_INS_OF_ALL: Final = Limit("sign_ins", 50, HOUR)
MAILS: Final = Limit("mails", 5, HOUR)
ROTATIONS: Final = Limit("rotations", 20, DAY)
"""Each rotation costs two KMS calls and a permanent audit entry."""


class Limits:
    """Counts attempts. Raises `Refused` (`too_many_requests`) above a limit."""

    def __init__(self, repository: Repository, hashes: EmailHashes, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch."""
        self._repository, self._hashes, self._clock = repository, hashes, clock

    def try_code(self, email: str, caller: str) -> None:
        """Count an attempt at a code, before it is made. `caller` is a network (`entitlements.address.visitor`)."""
        self._take(self._attempts(email, caller), CODES)
        self._take(self._attempts(email), CODES_OF_ALL)

    def try_sign_in(self, email: str, caller: str) -> None:
        """Count an attempt at a password, before it is made; `signed_in` takes it back."""
        self._take(self._attempts(email, caller), SIGN_INS)
        self._take(self._attempts(email), SIGN_INS_OF_ALL)

    def signed_in(self, email: str, caller: str) -> None:
        """Take back an attempt with the right password: only failures count."""
        self._give_back(self._attempts(email, caller), SIGN_INS)
        self._give_back(self._attempts(email), SIGN_INS_OF_ALL)

    def mail(self, email: str) -> None:
        """Count a mail, before it is sent."""
        self._take(self._attempts(email), MAILS)

    def rotate(self, user_id: str) -> None:
        """Count a user's rotation of a token, before it is made."""
        self._take(account_key(user_id), ROTATIONS, expires=False)

    def _attempts(self, email: str, caller: str = "") -> Key:
        return attempts_key(self._hashes.of(email, caller))

    def _take(self, key: Key, limit: Limit, expires: bool = True) -> None:
        now = self._clock()
        window = floor(now / limit.seconds)
        names = {"#n": limit.kind, "#w": f"{limit.kind}_window"}
        counted = {
            "Key": key.wire,
            "UpdateExpression": "ADD #n :one",
            "ConditionExpression": "#w >= :window AND #n < :most",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": _values(window=window, one=1, most=limit.most),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        begun = {
            "Key": key.wire,
            "UpdateExpression": "SET #w = :window, #n = :one" + (", expires_at = :expires" if expires else ""),
            "ConditionExpression": "attribute_not_exists(#w) OR #w < :window",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": _values(
                window=window, one=1, **({"expires": floor(now) + 2 * limit.seconds} if expires else {})
            ),
        }
        while True:
            applied, item = self._repository.update_item(counted)
            if applied:
                return
            if item is not None and item.get(names["#w"], -1) >= window:
                end = (item[names["#w"]] + 1) * limit.seconds
                raise Refused(Code.TOO_MANY_REQUESTS, retry_after=max(1, floor(end - now)))
            if self._repository.update_item(begun)[0]:
                return

    def _give_back(self, key: Key, limit: Limit) -> None:
        # If this fails, one successful attempt stays counted: that is no reason to refuse the sign-in.
        with suppress(StoreUnavailable):
            self._repository.update_item(
                {
                    "Key": key.wire,
                    "UpdateExpression": "ADD #n :minus",
                    "ConditionExpression": "#w = :window AND #n > :zero",
                    "ExpressionAttributeNames": {"#n": limit.kind, "#w": f"{limit.kind}_window"},
                    "ExpressionAttributeValues": _values(window=floor(self._clock() / limit.seconds), minus=-1, zero=0),
                }
            )


def _values(**values: int) -> Wire:
    return {f":{name}": to_wire(value) for name, value in values.items()}
