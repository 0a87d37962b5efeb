"""Who was refused at a limit: read from the decision log, since a refusal writes nothing. Pure.

A user or visitor counts once a day for each reason, so a line that is delivered twice changes nothing.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html#LambdaFunctionExample
"""

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from entitlements.identifiers import SOLUTION_ID
from entitlements.reasons import Reason
from token_service.usage.stream import Malformed

WALLS: Final = tuple(reason for reason in Reason if reason.is_wall)
"""The refusals that a registration or a payment ends."""


class Wall(NamedTuple):
    """One user or visitor who was refused at a limit on a day."""

    solution: str
    day: str
    reason: str
    subject: str
    """A user's id, or a visitor's pseudonym of that day."""
    visitor: bool
    at: int
    """Seconds since the epoch."""


def walls(event: Mapping[str, Any], day_of: Callable[[str, float], str]) -> Iterator[Wall]:
    """From an event of a log group's subscription to Lambda; `day_of` gives a solution's day of a time.

    Lines that are no refusals at a limit are passed over. Raises `Malformed` for an event of another shape.
    """
    try:
        data = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"], validate=True)))
        messages = [(str(one["message"]), float(one["timestamp"]) / 1000) for one in data["logEvents"]]
    except (KeyError, TypeError, ValueError, binascii.Error, OSError, EOFError, zlib.error) as error:
        raise Malformed(f"an event of the decision log cannot be read ({type(error).__name__})") from error
    for message, at in messages:
        line = _line(message)
        if line.get("reason") not in WALLS or not SOLUTION_ID.fullmatch(str(line.get("solution"))):
            continue
        visitor = line["reason"] == Reason.ANONYMOUS_QUOTA_EXCEEDED
        subject = line.get("visitor" if visitor else "user")
        if isinstance(subject, str) and subject:
            yield Wall(line["solution"], day_of(line["solution"], at), str(line["reason"]), subject, visitor, int(at))


def _line(message: str) -> dict[str, Any]:
    try:
        line = json.loads(message)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
