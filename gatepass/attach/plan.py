"""What one run would write: the changes of an attachment or of its end, in order, and what goes with them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, NamedTuple

from gatepass.attach.api_state import NOTHING_DEPLOYED, ApiState
from gatepass.attach.resources import (
    MARK,
    BackendMethod,
    HttpAuthorizer,
    NarrowPermission,
    PreflightState,
    ResourceKey,
    ResourceKind,
    ResourceValue,
    RestAuthorizer,
    RouteAuthorization,
    RouteTarget,
    StageDeployment,
    WebSocketAuthorizer,
)
from gatepass.refusals import CommandError


class Action(StrEnum):
    """What becomes of a resource, by the mark that plans show."""

    ADD = "+"
    CHANGE = "~"
    REMOVE = "-"


class ResourceChange(NamedTuple):
    """One resource to write. `was` is there now, and a rollback restores it; `origin` was there before the gate came,
    and detaching restores that.
    """

    key: ResourceKey
    was: ResourceValue | None
    now: ResourceValue | None
    origin: ResourceValue | None

    @property
    def action(self) -> Action:
        """What becomes of the resource. A stage always runs something, once it has been deployed."""
        if self.was is None or self.was == NOTHING_DEPLOYED:
            return Action.ADD
        return Action.REMOVE if self.now is None else Action.CHANGE

    def explains(self, value: ResourceValue | None) -> bool:
        """Whether a value is what this change's writing leaves if it is cut off: a mock half made, or a method or
        permission that was deleted to be replaced.
        """
        if value is PreflightState.PARTIAL:
            return True
        replaced = self.origin is not None or isinstance(self.was, NarrowPermission)
        return value is None and self.key.kind in (ResourceKind.PREFLIGHT, ResourceKind.PERMISSION) and replaced


def is_harmless(key: ResourceKey, wanted: ResourceValue | None, value: ResourceValue | None) -> bool:
    """Whether a resource that has this value, rather than the one that the gate needs, leads nobody past the gate.

    An identity source only refuses more: a request without it never reaches the authorizer.
    """
    match wanted, value:
        case RestAuthorizer(), RestAuthorizer():
            return replace(value, identity=wanted.identity) == wanted
        case HttpAuthorizer(), HttpAuthorizer():
            return replace(value, identity=wanted.identity) == wanted
        case WebSocketAuthorizer(), WebSocketAuthorizer():
            return replace(value, identity=wanted.identity) == wanted
        case _, BackendMethod() | RouteTarget():
            return False
    return key.kind in (ResourceKind.RESPONSE, ResourceKind.CORS, ResourceKind.PREFLIGHT)


def may_be_ours(change: ResourceChange, value: ResourceValue | None) -> bool:
    """Whether a value may be what a run that was cut off has left, of which nobody has read back what it stored.

    The authorizer, the integration and the permission bear our names. Of a route, only an authorization that is not the
    gate's is surely somebody else's: to close one that reads as open exposes nothing.
    """
    match change.key.kind:
        case ResourceKind.LINK | ResourceKind.DEPLOYMENT:
            return value == change.now
        case ResourceKind.ROUTE:
            return not is_others(value)
        case _:
            return True


def is_others(value: ResourceValue | None) -> bool:
    """Whether a value is its owner's own, which detaching leaves: an authorization other than the gate, or an `OPTIONS`
    method that is a mock or has an authorization.
    """
    return value is PreflightState.KEPT or (isinstance(value, RouteAuthorization) and value.is_others)


BESIDE_API: Final = (ResourceKind.LINK, ResourceKind.PERMISSION)
"""What stands beside an API, so that no deployment is needed for it."""


@dataclass
class AttachmentPlan:
    """The changes in the order of their writing; what is left alone, by route, and why.

    `warnings` are about what others may not expect; `pending` is what a deployment of these changes would publish of
    other people's, a line each.
    """

    changes: list[ResourceChange] = field(default_factory=list)
    left_alone: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    pending: Sequence[str] = ()

    @property
    def deploys(self) -> bool:
        """Whether it makes a deployment, rather than leave the stage alone or put it back to one that exists."""
        return any(isinstance(change.now, StageDeployment) and change.now.is_ours for change in self.changes)

    @property
    def changes_api(self) -> bool:
        """Whether it changes the API itself, and not only what stands beside it."""
        return any(change.key.kind not in BESIDE_API for change in self.changes)

    def tell_of_stages(self, state: ApiState) -> None:
        """Say what becomes of the API's other stages: all of them share its routes.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-stages.html (automatic deployments)
        """
        if not self.changes_api:
            return
        at_once = sorted(name for name, deploys in state.other_stages.items() if deploys)
        later = sorted(state.other_stages.keys() - set(at_once))
        if at_once:
            self.warnings.append(f"stages that deploy every change by themselves change too: {', '.join(at_once)}")
        if later:
            self.notes.append(f"stages that change only with their next deployment: {', '.join(later)}")

    def require_same(self, now: "AttachmentPlan") -> None:
        """Raise `CommandError` where what was agreed to is no longer what would be done."""
        if list(self._comparable()) != list(now._comparable()):
            raise CommandError("the API changed while the command waited for an answer, and nothing was "
                               "done: run it again to see the new plan")  # fmt: skip

    def _comparable(self) -> Iterator[ResourceChange]:
        for change in self.changes:
            yield change._replace(now=_unnamed(change.now), origin=_unnamed(change.origin))


def _unnamed(value: ResourceValue | None) -> ResourceValue | None:
    """Each plan gives a deployment of ours a name of its own, which makes no difference."""
    return StageDeployment(MARK) if isinstance(value, StageDeployment) and value.is_ours else value
