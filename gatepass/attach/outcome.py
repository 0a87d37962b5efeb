"""What a run that failed says: the cause, and which routes are open as they are read back, not as they should be."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from gatepass.attach.api_state import ApiState
from gatepass.attach.live_api import LiveApi
from gatepass.attach.plan import ResourceChange
from gatepass.attach.resources import ResourceKey, ResourceKind, ResourceValue, RouteAuthorization
from gatepass.attach.words import in_words
from gatepass.aws_calls import CallFailed
from gatepass.refusals import CommandError

_SHOWN: Final = 10
"""Routes of a kind that are named; of more, only how many there are."""


Before = Callable[[ResourceChange], ResourceValue | None]
"""What a route had: an open route that had an authorization is exposed."""


class RolledBack(CommandError):
    """A run failed, and everything is as it was when it began."""

    def __init__(self, cause: BaseException, stored: Sequence[str], exposed: Sequence[str]) -> None:
        """Tell why. `stored` is what the gateway stores otherwise than it was put back, `exposed` the open routes."""
        but = "".join(f", but {one}" for one in stored)
        still = f"\nStill EXPOSED: {', '.join(exposed)}" if exposed else ""
        super().__init__(
            f"the run failed and was rolled back: everything is as it was before{but}. Cause: {said(cause)}{still}"
        )


class Incomplete(CommandError):
    """A run failed, and what it changed is still there in part."""

    def __init__(self, cause: BaseException, routes: str, what: str) -> None:
        """Tell why, how the routes stand, and what to do."""
        super().__init__(f"stopped partway; {routes}\nCause: {said(cause)}\n{what}")


class NotAsWritten(CallFailed):
    """The gateway stores something else than was written."""

    def __init__(self, written: Sequence[ResourceChange], stored: Mapping[ResourceKey, ResourceValue | None]) -> None:
        """Tell what."""
        read = "; ".join(
            f"{one.key} reads back as {in_words(stored[one.key])}, not as {in_words(one.now)}" for one in written
        )
        super().__init__("verify", "NotAsWritten", read)


def said(error: BaseException) -> str:
    """A failure in words."""
    return "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)


def stored_as(key: ResourceKey, value: ResourceValue | None) -> str:
    """That a gateway stores another value than was written."""
    return f"the gateway stores {key} as {in_words(value)}"


def routes_as_read(live: LiveApi, changes: Sequence[ResourceChange], before: Before) -> str:
    """How the routes of these changes stand, read anew."""
    try:
        present = live.read()
    # The run has failed already: a second failure, or Ctrl-C, must not take the place of what it has to say.
    except (Exception, KeyboardInterrupt) as error:
        return f"the API cannot be read ({said(error)}): check for exposed routes with gatepass status {live.api_id}"
    exposed = exposed_routes(present, changes, before)
    lines = [f"EXPOSED: {', '.join(exposed)}" if exposed else "no route is exposed"]
    routes = [(change.key.name, value, before(change)) for change, value in _routes(present, changes)]
    for what, names in (
        ("behind the gate", [name for name, value, _ in routes if value.is_gate]),
        ("open, as before", [name for name, value, had in routes if value.type == "NONE" and not _guards(had)]),
        ("own authorization", [name for name, value, _ in routes if value.is_others]),
    ):
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        lines += [f"{what}: {', '.join(names[:_SHOWN])}{more}"] if names else []
    if present.deployment.name and not present.auto_deploy:
        lines.append(f"the stage {present.stage} runs the deployment {present.deployment.name!r}")
    return "\n".join(lines)


def exposed_routes(state: ApiState, changes: Sequence[ResourceChange], before: Before) -> list[str]:
    """The routes that are open and had an authorization, with it."""
    return [
        f"{change.key.name} (had {in_words(before(change))})"
        for change, value in _routes(state, changes)
        if value.type == "NONE" and _guards(before(change))
    ]


def _routes(state: ApiState, changes: Sequence[ResourceChange]) -> Iterator[tuple[ResourceChange, RouteAuthorization]]:
    for change in changes:
        value = state.routes.get(change.key.name)
        if change.key.kind is ResourceKind.ROUTE and value is not None:
            yield change, value


def _guards(value: ResourceValue | None) -> bool:
    return value != RouteAuthorization("NONE")
