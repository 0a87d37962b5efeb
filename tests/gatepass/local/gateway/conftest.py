"""Toy functions to stand in front of and behind the gateway: these tests know nothing of our own authorizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gatepass.local.gateway import Api, Authorizer, HttpRequest, HttpResponse, LambdaProxy, ResultCache, Route, handle


class Recorder:
    """A function that notes its events and answers with what it is told, or by calling that with the event."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.events: list[dict[str, Any]] = []
        self.contexts: list[Any] = []

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        self.events.append(event)
        self.contexts.append(context)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer(event) if callable(self.answer) else self.answer

    @property
    def event(self) -> dict[str, Any]:
        """The one event there must be."""
        (event,) = self.events
        return event

    @property
    def called(self) -> int:
        """How often the function was called."""
        return len(self.events)


class Toys:
    """Short ways to build APIs, authorizers and requests."""

    def policy(self, effect: str = "Allow", resource: str | None = None, **context: Any) -> Callable[..., Any]:
        """An answer with a one-statement policy, by default for the very method that was asked about."""
        return lambda event: {
            "principalId": "someone",
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Action": "execute-api:Invoke",
                        "Effect": effect,
                        "Resource": resource or event.get("methodArn") or event.get("routeArn"),
                    }
                ],
            },
            "context": context,
        }

    def gate(self, answer: Any, **options: Any) -> tuple[Recorder, Authorizer]:
        """An authorizer with this answer, and the recorder of its calls."""
        recorder = Recorder(answer)
        return recorder, Authorizer(recorder, **options)

    def backend(self, answer: Any = None) -> Recorder:
        """A Lambda function behind the gateway that says hello unless told otherwise."""
        return Recorder({"statusCode": 200, "body": "hello"} if answer is None else answer)

    def api(self, type: str, authorizer: Authorizer | None, backend: Any = None, **options: Any) -> Api:
        """An API with `ANY /{proxy+}` behind the authorizer, unless `routes` says otherwise."""
        integration = LambdaProxy(backend or self.backend())
        routes = options.pop("routes", None) or (Route("ANY", "/{proxy+}", integration, authorizer),)
        return Api("abcdef1234", type, routes, **options)  # type: ignore[arg-type]

    def send(
        self,
        api: Api,
        path: str = "/prod/search",
        method: str = "GET",
        headers: dict[str, str] | tuple[tuple[str, str], ...] = (),
        *,
        cache: ResultCache | None = None,
        clock: Callable[[], float] = lambda: 1_700_000_000.0,
        **request: Any,
    ) -> HttpResponse:
        """Send one request; a query may stand in the path."""
        path, _, query = path.partition("?")
        pairs = tuple(headers.items()) if isinstance(headers, dict) else headers
        return handle(api, HttpRequest(method, path, query, pairs, **request), cache, clock)


@pytest.fixture
def toys() -> Toys:
    return Toys()
