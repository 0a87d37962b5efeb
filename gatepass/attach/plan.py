"""What one run would write: the changes of an attachment or of its end, in order, and what goes with them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gatepass.attach.resources import (
    MARK,
    PreflightState,
    ResourceKey,
    ResourceKind,
    ResourceValue,
    RouteAuthorization,
    StageDeployment,
)
from gatepass.refusals import CommandError


class ResourceChange(NamedTuple):
    """One resource to write. `was` is there now, and a rollback restores it; `origin` was there before the gate came,
    and detaching restores that.
    """

    key: ResourceKey
    was: ResourceValue | None
    now: ResourceValue | None
    origin: ResourceValue | None

    def explains(self, value: ResourceValue | None) -> bool:
        """Whether a value is what this change's writing leaves if it is cut off: a mock half made, or a method that was
        deleted to be replaced.
        """
        if value is PreflightState.PARTIAL:
            return True
        return value is None and self.key.kind is ResourceKind.PREFLIGHT and self.origin is not None


def is_others(value: ResourceValue | None) -> bool:
    """Whether a value is a route's that something else than the gate stands before."""
    return isinstance(value, RouteAuthorization) and value.is_others


@dataclass
class AttachmentPlan:
    """The changes in the order of their writing; what is left alone, by route, and why; `pending` is what a deployment
    of these changes would publish of other people's, a line each.
    """

    changes: list[ResourceChange] = field(default_factory=list)
    left_alone: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    pending: Sequence[str] = ()

    @property
    def deploys(self) -> bool:
        """Whether it makes a deployment, rather than leave the stage alone or put it back to one that exists."""
        return any(isinstance(change.now, StageDeployment) and change.now.is_ours for change in self.changes)

    def require_same(self, now: "AttachmentPlan") -> None:
        """Raise `CommandError` where what was agreed to is no longer what would be done."""
        if list(self._comparable()) != list(now._comparable()):
            raise CommandError("the API was changed while this was asked, and nothing was done: run "
                               "the command again to see what it would do now")  # fmt: skip

    def _comparable(self) -> Iterator[ResourceChange]:
        for change in self.changes:
            yield change._replace(now=_unnamed(change.now), origin=_unnamed(change.origin))


def _unnamed(value: ResourceValue | None) -> ResourceValue | None:
    """Each plan gives a deployment of ours a name of its own, which makes no difference."""
    return StageDeployment(MARK) if isinstance(value, StageDeployment) and value.is_ours else value
