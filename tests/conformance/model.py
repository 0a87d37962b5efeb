"""A case of the conformance suite, as data: requests to one kind of API, and what AWS documents that it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any


class ApiFormat(StrEnum):
    """A kind of API with the payload that its authorizers receive."""

    REST = "REST"
    HTTP_1 = "HTTP 1.0"
    HTTP_2 = "HTTP 2.0"

    @property
    def prefix(self) -> str:
        """The first part of its paths: both payloads are of one HTTP API."""
        return {"REST": "/rest", "HTTP 1.0": "/http1", "HTTP 2.0": "/http2"}[self]

    @property
    def stage(self) -> str:
        """The name of its API's stage."""
        return "prod" if self is ApiFormat.REST else "live"

    def context(self, **values: Any) -> dict[str, Any]:
        """What the backend receives of an authorizer's context, by the place where this kind puts it."""
        place = "authorizer" if self is ApiFormat.REST else "authorizer.lambda"
        return {f"{place}.{name}": value for name, value in values.items()}


class TokenKind(StrEnum):
    """Whose token a request carries. Each but `NONE` and `BAD` must be made on the target."""

    NONE = "none"
    GOOD = "good"
    BAD = "bad"
    SUPERSEDED = "superseded"
    OTHER = "other"
    """Of another solution."""
    SPENT = "spent"
    """Of a user whose plan allows one request, ever."""


class Matcher(Enum):
    """Expected in place of a value."""

    PRESENT = "present"
    ABSENT = "absent"
    SAME = "the same as in the first answer"


PRESENT, ABSENT, SAME = Matcher.PRESENT, Matcher.ABSENT, Matcher.SAME


@dataclass(frozen=True)
class Ask:
    """One request. `path` follows the kind's prefix and may have a query.

    In `path` and `headers`, `{token}` is the token and `{nonce}` a text that no other run of the case sends. Where
    neither holds `{token}`, a token goes into `Authorization`, as a bearer.
    """

    path: str
    token: TokenKind = TokenKind.NONE
    method: str = "GET"
    script: str = ""
    """What the scripted authorizer shall do (`functions/scripted.py`)."""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Expected:
    """The answer. Members of `body` and `received` are named by dotted paths; `received` is what the backend got."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    received: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """Requests in their order, each with its answer; `spent` is what they cost the token's holder, if it matters.

    `decides` is the page of AWS, or, where no page says it, the report by which the local gateway goes (`by_report`).
    """

    name: str
    format: ApiFormat
    says: str
    decides: str
    steps: tuple[tuple[Ask, Expected], ...]
    spent: int | None = None
    by_report: bool = False

    @property
    def id(self) -> str:
        """Unique in the suite."""
        return f"{self.name}, {self.format}"


@dataclass(frozen=True)
class Target:
    """Where the suite runs. `urls` hold the stage where the URLs do; `hosts` replaces the header where names do not
    resolve.
    """

    name: str
    urls: Mapping[ApiFormat, str]
    tokens: Mapping[TokenKind, str]
    hosts: Mapping[ApiFormat, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """Something that a target does otherwise, and the cases that show it, by `Case.id`, each with all that differs."""

    why: str
    cases: Mapping[str, tuple[str, ...]]
