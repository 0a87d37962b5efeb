"""How often something may be tried: counters in the table, asked before Cognito or KMS is.

A counter is of a fixed window and never counts above its limit, however many ask at once. The windows of two containers
differ by their clocks; the later one holds for both.
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


# A person mistypes a few times; who has tried ten times from one network gains nothing by the eleventh. Everybody
# together gets more, so that a stranger must come from many networks to lock the owner of an address out.
CODES: Final = Limit("codes", 10, HOUR)
SIGN_INS: Final = Limit("sign_ins", 10, HOUR)
CODES_OF_ALL: Final = Limit("codes", 50, HOUR)
SIGN_INS_OF_ALL: Final = Limit("sign_ins", 50, HOUR)
MAILS: Final = Limit("mails", 5, HOUR)
ROTATIONS: Final = Limit("rotations", 20, DAY)
"""Each costs two calls of KMS, and an entry of the audit for good."""


class Limits:
    """Counts what is tried. Raises `Refused` (`too_many_requests`) where it was too often."""

    def __init__(self, repository: Repository, hashes: EmailHashes, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch."""
        self._repository, self._hashes, self._clock = repository, hashes, clock

    def try_code(self, email: str, caller: str) -> None:
        """A code is going to be tried, by a caller's network (`entitlements.address.visitor`)."""
        self._take(self._attempts(email, caller), CODES)
        self._take(self._attempts(email), CODES_OF_ALL)

    def try_sign_in(self, email: str, caller: str) -> None:
        """A password is going to be tried; it counts unless `signed_in` takes it back."""
        self._take(self._attempts(email, caller), SIGN_INS)
        self._take(self._attempts(email), SIGN_INS_OF_ALL)

    def signed_in(self, email: str, caller: str) -> None:
        """The password was right: failures alone count."""
        self._give_back(self._attempts(email, caller), SIGN_INS)
        self._give_back(self._attempts(email), SIGN_INS_OF_ALL)

    def mail(self, email: str) -> None:
        """A mail is going to be sent."""
        self._take(self._attempts(email), MAILS)

    def rotate(self, user_id: str) -> None:
        """A token is going to be rotated by its user."""
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
        # What cannot be given back was counted once too often: never worth a refusal.
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
