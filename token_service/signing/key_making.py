"""Creates keys in KMS so that no key is created twice and none is lost.

CreateKey takes no idempotency token, and a new key may not be usable for minutes, so a key is first recorded as
pending. Its states, each a conditional write of a `Pending` record:

| state | record | the next run |
| --- | --- | --- |
| announced | no id, the time | after `ANNOUNCED`: warns that there may be an unrecorded key, and creates another |
| made | the id, the time | uses that key |
| in use | none | |

If KMS refuses, the announcement is removed. Two concurrent runs create one key: the second finds the announcement.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from entitlements.items import StoreUnavailable
from entitlements.keyring import PendingKey
from entitlements.refusals import Code, Refused
from token_service.access.records import to_the_second
from token_service.errors import Busy
from token_service.log import LOGGER
from token_service.signing.key_lifecycle import MAC, SIGNING
from token_service.signing.kms import STACK_TAG, Kms

ANNOUNCED: Final = 120
"""Seconds after which the run that announced a key has ended: longer than CreateKey's and the function's time-outs."""

CREATE: Final[Mapping[str, Callable[[Kms, str], str]]] = MappingProxyType(
    {SIGNING: Kms.create_signing_key, MAC: Kms.create_mac_key}
)


class Pending(Protocol):
    """Stores the pending key of each purpose until it is in use."""

    def pending(self, kind: str) -> PendingKey | None:
        """The recorded key, if there is one."""

    def set_pending(self, kind: str, was: PendingKey | None, new: PendingKey | None) -> None:
        """Replace `was` by `new`; raises `Refused` if something else is recorded by now."""


def obtain(records: Pending, kind: str, kms: Callable[[], Kms], stack: str, clock: Callable[[], float]) -> PendingKey:
    """Return the recorded pending key, or create one.

    Raises `Refused`: `key_announced` while another run creates a key, or the code of a failure of KMS.
    """
    found = records.pending(kind)
    if found is not None and found.kms_key_id:
        return found
    now = int(clock())
    if found is not None:
        if (left := found.since + ANNOUNCED - now) > 0:
            raise Refused(Code.KEY_ANNOUNCED, f"another run is making a key: wait {left} s and run this again")
        LOGGER.warning(_perhaps_made(stack, found.since), extra={"code": "key_unrecorded"})
    client, announced = kms(), PendingKey("", now)
    records.set_pending(kind, found, announced)
    try:
        key_id = CREATE[kind](client, stack)
    except Refused as error:
        if error.code is Code.KMS_REFUSED:
            records.set_pending(kind, announced, None)
            raise
        raise Refused(error.code, f"{error}; {_perhaps_made(stack, now)}") from error
    made = PendingKey(key_id, int(clock()))
    try:
        records.set_pending(kind, announced, made)
    except (Refused, Busy, StoreUnavailable) as error:
        LOGGER.warning(
            f"{key_id} was made in KMS and perhaps not recorded: delete it there unless gatepass keys list shows it",
            extra={"code": "key_unrecorded"},
        )
        raise error from None
    return made


def _perhaps_made(stack: str, when: int) -> str:
    return (
        f"a key may have been made in KMS at {to_the_second(when)} without being recorded: look in KMS for a key of "
        f"that time with the tag {STACK_TAG} = {stack} that gatepass keys list does not show, and delete it"
    )
