"""Warns whoever loses an authorization of their own to the gate: pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from entitlements.decision import Decision
from entitlements.reasons import Reason
from gatepass.attach.api_state import ApiKind, ApiState
from gatepass.attach.context_uses import ContextUse, names_used
from gatepass.attach.plan import ResourceChange
from gatepass.attach.resources import ResourceKind, RouteAuthorization

_SET_BY_GATE: Final = {"principalId", *Decision(Reason.OK).context()}


def warn_of_replaced(state: ApiState, changes: Sequence[ResourceChange]) -> Iterator[str]:
    """A line for each authorization that attaching replaces, and for each use of the context that it may have set."""
    lost: dict[RouteAuthorization, list[str]] = {}
    for change in changes:
        was, now = change.was, change.now
        if (
            isinstance(was, RouteAuthorization)
            and isinstance(now, RouteAuthorization)
            and was.is_others
            and now.is_gate
        ):
            lost.setdefault(was, []).append(change.key.name)
    for was, routes in lost.items():
        name = state.authorizer_names.get(was.authorizer or "")
        what = f"the authorizer {name} ({was.authorizer})" if name else f"{was.type} authorization"
        yield f"{what} no longer runs for {', '.join(routes)}: the gate decides, and sets its own context"
    if not lost:
        return
    using = [route for routes in lost.values() for route in routes]
    if state.kind is ApiKind.WEBSOCKET:  # what $connect's authorizer sets, every route can use
        using = list(state.context_uses)
    for route in using:
        yield from (_line(route, use) for use in state.context_uses.get(route, []))
    ours = {change.key.name for change in changes if change.key.kind is ResourceKind.RESPONSE}
    for type_, response in state.responses.items():
        for kind, text in response.templates.items() if type_ not in ours else ():
            yield from (_line(f"gateway response {type_}", ContextUse(f"template {kind}", n)) for n in names_used(text))


def _line(owner: str, use: ContextUse) -> str:
    what = "the gate sets otherwise" if use.name in _SET_BY_GATE else "the gate does not set"
    return f"{owner}: {use.where} uses $context.authorizer.{use.name}, which {what}"
