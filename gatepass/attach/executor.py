"""Carries out a plan. A failure or Ctrl-C rolls back; where that fails too, the record knows (`record.py`).

What is read back decides, not what was written: a gateway may store another value. What leads nobody past the gate is
accepted as it is stored, and told; anything else ends the run.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gatepass.attach import record as records
from gatepass.attach.live_api import LiveApi
from gatepass.attach.outcome import (
    Incomplete,
    NotAsWritten,
    RolledBack,
    exposed_routes,
    routes_as_read,
    said,
    stored_as,
)
from gatepass.attach.plan import ResourceChange, is_harmless, may_be_ours
from gatepass.attach.record import AttachRecord, AttachStatus, TakenOver
from gatepass.attach.resources import (
    FunctionPermission,
    PreflightState,
    ResourceKey,
    ResourceKind,
    ResourceValue,
    RouteAuthorization,
)
from gatepass.aws_calls import CallFailed
from gatepass.refusals import CommandError

OnWritten = Callable[[ResourceKey], object]
"""Told of each resource once it is written."""
ReadBack = Mapping[ResourceKey, ResourceValue | None]
"""What the gateway stores otherwise than it was written."""

_NEEDED_BY_OTHERS: Final = (ResourceKind.CORS, ResourceKind.INTEGRATION, ResourceKind.AUTHORIZER, ResourceKind.LINK)
"""What whoever attaches meanwhile needs: it goes only while the record is still this run's."""


def attach(
    live: LiveApi, changes: Sequence[ResourceChange], record: AttachRecord, old: AttachRecord | None, done: OnWritten
) -> ReadBack:
    """Write all changes; raises `RolledBack` or `Incomplete`. `old` is the record as it was."""
    run = _Run(live, record)
    begun: list[ResourceChange] = []
    try:
        records.save(live.repository, record, old)
        for change in changes:
            begun.append(change)
            live.write(change.key, change.was, change.now)
            done(change.key)
        stored = run.verify(changes)
        records.save(live.repository, run.record.at(AttachStatus.ATTACHED), run.record)
    # Whatever it was, an API must not stay half attached: this is the one place that catches everything.
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, TakenOver) or (isinstance(error, CommandError) and not begun):
            raise
        try:
            put_back = _roll_back(run, begun, old)
        except TakenOver:
            raise
        except (Exception, KeyboardInterrupt) as second:
            raise Incomplete(
                error,
                routes_as_read(live, list(record.changes.values()), _had),
                f"Rolling back failed too: {said(second)}\nRun gatepass attach {live.api_id} --solution "
                f"{record.solution_id} again to finish, or gatepass detach {live.api_id} to undo",
            ) from error
        exposed = exposed_routes(live.state, list(record.changes.values()), _had) if old else []
        raise RolledBack(error, [stored_as(key, value) for key, value in put_back.items()], exposed) from error
    return stored


def _had(change: ResourceChange) -> ResourceValue | None:
    """What stood before a route, this run or the gate; what an earlier run changed had the gate."""
    guards = [value for value in (change.was, change.origin) if value not in (None, RouteAuthorization("NONE"))]
    return guards[0] if guards else change.was or change.now


class _Run:
    """A run at work; `record` is the record as it has been saved."""

    def __init__(self, live: LiveApi, record: AttachRecord) -> None:
        self.live, self.record = live, record

    def verify(self, written: Sequence[ResourceChange]) -> ReadBack:
        """Read back; raises `NotAsWritten` where a value other than the one written could lead past the gate.

        The record learns of every other value first: whatever comes next, it is known for ours.
        """
        read = self.record.having_read(written, self.live.read())
        differing = [change for change in written if change.key in read.read_back]
        if differing:
            records.save(self.live.repository, read, self.record)
            self.record = read
        stored = {change.key: read.read_back[change.key] for change in differing}
        if any(not is_harmless(change.key, change.now, stored[change.key]) for change in differing):
            raise NotAsWritten(differing, stored)
        return stored


def _roll_back(run: _Run, begun: Sequence[ResourceChange], old: AttachRecord | None) -> ReadBack:
    """Undo in reverse. Stops at the first failure: link and authorizer go only after the last route went."""
    live = run.live
    if begun:
        records.check(live.repository, run.record)
    present = live.read()
    foreign: list[str] = []
    undone: list[ResourceChange] = []
    for change in reversed(begun):
        value = present.get(change.key)
        if value == change.was or change.was is PreflightState.PARTIAL:  # a whole mock of ours serves as well
            continue
        if not (run.record.wrote(change.key, value) or change.explains(value) or may_be_ours(change, value)):
            foreign.append(str(change.key))
            continue
        if foreign:
            raise CallFailed("roll back", "ChangedMeanwhile", ", ".join(foreign))
        if value is FunctionPermission.WHOLE_ACCOUNT and live.shares_function():
            continue  # another API was attached meanwhile, and rests on it
        live.write(change.key, value, change.was)
        undone.append(change._replace(was=value, now=change.was))
    if foreign:
        raise CallFailed("roll back", "ChangedMeanwhile", ", ".join(foreign))
    stored = run.verify(undone)
    if old is None:
        live.tidy()
        records.delete(live.repository, run.record)
    else:
        records.save(live.repository, old, run.record)
    return stored


def detach(live: LiveApi, changes: Sequence[ResourceChange], record: AttachRecord, done: OnWritten) -> ReadBack:
    """Write all changes; raises `Incomplete`. Stops at the first failure: what is left stands behind the gate."""
    run = _Run(live, record.at(AttachStatus.DETACHING))
    written: list[ResourceChange] = []
    try:
        records.save(live.repository, run.record, record)
        for change in changes:
            if change.key.kind in _NEEDED_BY_OTHERS:
                records.check(live.repository, run.record)
            if change.key.kind is not ResourceKind.PERMISSION or not live.shares_function():
                live.write(change.key, change.was, change.now)
                written.append(change)
            done(change.key)
        stored = run.verify(written)
        live.tidy()
        records.delete(live.repository, run.record)
    except TakenOver:
        raise
    except (Exception, KeyboardInterrupt) as error:
        routes = routes_as_read(live, list(record.changes.values()), lambda change: change.origin)
        what = (
            f"Run gatepass detach {live.api_id} again to finish, or gatepass attach {live.api_id} --solution "
            f"{record.solution_id} to put the gate back"
        )
        raise Incomplete(error, routes, what) from error
    return stored
