"""A new key in KMS: none is made twice, and none is forgotten.

CreateKey takes no idempotency token and may need minutes until its key can be used, so a key is pending before it is
anything else. Its states, each a conditional write of a `Pending` record:

| state | record | the next run |
| --- | --- | --- |
| announced | no id, the time | after `ANNOUNCED`: says that a key may have been made in vain, and makes another |
| made | the id, the time | takes that key |
| in use | none | |

A refusal by KMS takes the announcement back. Two runs at once make one key: the second finds the announcement.
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
"""Seconds after which a run that announced a key has ended: a bound on CreateKey's time-out and that of a Lambda."""

CREATE: Final[Mapping[str, Callable[[Kms, str], str]]] = MappingProxyType(
    {SIGNING: Kms.create_signing_key, MAC: Kms.create_mac_key}
)


class Pending(Protocol):
    """Where keys are recorded until they are in use, by what they are for."""

    def pending(self, kind: str) -> PendingKey | None:
        """What is recorded."""

    def set_pending(self, kind: str, was: PendingKey | None, new: PendingKey | None) -> None:
        """Replace `was`; raises `Refused` where something else is recorded by now."""


def obtain(records: Pending, kind: str, kms: Callable[[], Kms], stack: str, clock: Callable[[], float]) -> PendingKey:
    """The pending key: the one that is recorded, or a new one.

    Raises `Refused`: `key_announced` while another run makes one, and what KMS says.
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
        f"a key may have been made in KMS at {to_the_second(when)} without being recorded: look there for one of that "
        f"time with the tag {STACK_TAG} = {stack} that gatepass keys list does not show, and delete it"
    )
