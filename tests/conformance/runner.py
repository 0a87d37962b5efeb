"""Asks a target what a case asks, over HTTP, and tells every difference from what the case expects."""

import http.client
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.conformance.model import ABSENT, PRESENT, SAME, ApiFormat, Ask, Case, Expected, Target, TokenKind

TIMEOUT_SECONDS = 60
_NOTHING = object()


@dataclass(frozen=True)
class Answered:
    """What came back; `body` is parsed, or the text where it is no JSON."""

    status: int
    headers: dict[str, str]
    body: Any


def ask(target: Target, format: ApiFormat, request: Ask, nonce: str = "") -> Answered:
    """Send one request, byte for byte as the case has it: names keep their case, and repeated headers stay apart."""
    url = urlsplit(target.urls[format])
    token = target.tokens.get(request.token, "not-a-token")

    def filled(text: str) -> str:
        return text.replace("{token}", token).replace("{nonce}", nonce)

    headers = [(name, filled(value)) for name, value in request.headers]
    if request.token is not TokenKind.NONE and "{token}" not in f"{request.path}{request.headers}":
        headers.append(("Authorization", f"Bearer {token}"))
    if request.script:
        headers.append(("X-Script", request.script))
    host = target.hosts.get(format, url.netloc)
    scheme = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = scheme(url.hostname or "", url.port, timeout=TIMEOUT_SECONDS)
    try:
        path = url.path.rstrip("/") + format.prefix + filled(request.path)
        connection.putrequest(request.method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in (("Host", host), *headers):
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        told = {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()
    try:
        body: Any = json.loads(text)
    except ValueError:
        body = text
    return Answered(answer.status, told, body)


def differences(target: Target, case: Case) -> list[str]:
    """What is not as the case expects, in words that are the same each time; empty if the target conforms."""
    nonce = uuid.uuid4().hex
    before = None if case.spent is None else _left(target, case)
    answers: list[Answered] = []
    found: list[str] = []
    for number, (request, expected) in enumerate(case.steps, 1):
        answers.append(ask(target, case.format, request, nonce))
        label = f"answer {number}: " if len(case.steps) > 1 else ""
        found += [label + text for text in _compare(answers[-1], expected, answers[0])]
    if case.spent is not None:
        after = _left(target, case)
        if before is None or after is None:
            found.append("what is left cannot be read")
        elif before - after != case.spent:
            found.append(f"spent {before - after}, not {case.spent}")
    return found


def spend(target: Target) -> None:
    """Spend the one request of the user who may have one. Where it was spent before, nothing changes."""
    ask(target, ApiFormat.REST, Ask("/gate/search", TokenKind.SPENT))


def _left(target: Target, case: Case) -> int | None:
    """What the quota of the case's first token has left, by a request that costs nothing."""
    answer = ask(target, case.format, Ask("/gate/probe", case.steps[0][0].token))
    ((place, _),) = case.format.context(remaining=None).items()
    value = _member(answer.body, place)
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def _compare(answer: Answered, expected: Expected, first: Answered) -> Iterator[str]:
    if answer.status != expected.status:
        yield f"status {answer.status}, not {expected.status}"
    for name, value in expected.headers.items():
        yield from _told(f"header {name}", answer.headers.get(name.lower(), _NOTHING), value, _NOTHING)
    # A refusal reaches no backend, so its body says nothing about what that received.
    received = expected.received if answer.status == 200 else {}
    for label, members in (("body ", expected.body), ("backend received ", received)):
        for name, value in members.items():
            yield from _told(label + name, _member(answer.body, name), value, _member(first.body, name))


def _told(what: str, found: Any, wanted: Any, first: Any) -> Iterator[str]:
    present = found is not _NOTHING and found not in (None, "")
    if wanted is PRESENT or wanted is ABSENT:
        if present is not (wanted is PRESENT):
            yield f"{what} is {'absent' if wanted is PRESENT else 'present'}"
    elif wanted is SAME:
        if found != first:
            yield f"{what} is another"
    elif found is _NOTHING or type(found) is not type(wanted) or found != wanted:
        yield f"{what} is {'absent' if found is _NOTHING else json.dumps(found)}, not {json.dumps(wanted)}"


def _member(body: Any, path: str) -> Any:
    for part in path.split("."):
        body = body.get(part, _NOTHING) if isinstance(body, Mapping) else _NOTHING
    return body
