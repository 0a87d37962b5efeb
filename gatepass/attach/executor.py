"""Carries out a plan. A failure or Ctrl-C rolls back; where that fails too, the record knows (`record.py`)."""

from collections.abc import Callable, Sequence
from typing import Final

from gatepass.attach import record as records
from gatepass.attach.live_api import LiveApi
from gatepass.attach.plan import ResourceChange
from gatepass.attach.record import AttachRecord, AttachStatus, TakenOver
from gatepass.attach.resources import FunctionPermission, ResourceKey, ResourceKind
from gatepass.aws_calls import CallFailed
from gatepass.refusals import CommandError

OnWritten = Callable[[ResourceKey], object]
"""Told of each resource once it is written."""

_NEEDED_BY_OTHERS: Final = (ResourceKind.CORS, ResourceKind.INTEGRATION, ResourceKind.AUTHORIZER, ResourceKind.LINK)
"""What whoever attaches meanwhile needs: it goes only while the record is still this run's."""


class RolledBack(CommandError):
    """It failed, and everything is as it was."""

    def __init__(self, cause: BaseException) -> None:
        """Tell why."""
        super().__init__(f"it failed, and everything is as it was before. The cause: {_said(cause)}")


class Incomplete(CommandError):
    """It failed, and so did the way back. Nothing is open: routes stand behind the gate or as before."""

    def __init__(self, cause: BaseException, what: str) -> None:
        """Tell why, and what to do."""
        super().__init__(f"it failed half way, and no route is open. {what} The cause: {_said(cause)}")


def _said(error: BaseException) -> str:
    return "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)


def attach(
    live: LiveApi, changes: Sequence[ResourceChange], record: AttachRecord, old: AttachRecord | None, done: OnWritten
) -> None:
    """Write all changes; raises `RolledBack` or `Incomplete`. `old` is the record as it was."""
    begun: list[ResourceChange] = []
    try:
        records.save(live.repository, record, old)
        for change in changes:
            begun.append(change)
            live.write(change.key, change.was, change.now)
            done(change.key)
        present = live.read()
        wrong = [str(change.key) for change in changes if present.get(change.key) != change.now]
        if wrong:
            raise CallFailed("verify", "NotAsWritten", ", ".join(wrong))
        records.save(live.repository, record.at(AttachStatus.ATTACHED), record)
    # Whatever it was, an API must not stay half attached: this is the one place that catches everything.
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, TakenOver) or (isinstance(error, CommandError) and not begun):
            raise
        try:
            _roll_back(live, begun, record, old)
        except TakenOver:
            raise
        except (Exception, KeyboardInterrupt) as second:
            raise Incomplete(
                error,
                f"Rolling back failed too ({_said(second)}): run gatepass attach {live.api_id} again to finish, or "
                f"gatepass detach {live.api_id} to undo; gatepass status {live.api_id} tells what is left.",
            ) from error
        raise RolledBack(error) from error


def _roll_back(live: LiveApi, begun: Sequence[ResourceChange], record: AttachRecord, old: AttachRecord | None) -> None:
    """Undo in reverse. Stops at the first failure: link and authorizer go only after the last route went."""
    if begun:
        records.check(live.repository, record)
    present = live.read()
    foreign: list[str] = []
    for change in reversed(begun):
        value = present.get(change.key)
        if value == change.was:
            continue
        if value != change.now and not change.explains(value):
            foreign.append(str(change.key))
            continue
        if foreign:
            raise CallFailed("roll back", "ChangedMeanwhile", ", ".join(foreign))
        if value is FunctionPermission.WHOLE_ACCOUNT and live.shares_function():
            continue  # another API was attached meanwhile, and rests on it
        live.write(change.key, value, change.was)
    if foreign:
        raise CallFailed("roll back", "ChangedMeanwhile", ", ".join(foreign))
    if old is None:
        live.tidy()
        records.delete(live.repository, record)
    else:
        records.save(live.repository, old, record)


def detach(live: LiveApi, changes: Sequence[ResourceChange], record: AttachRecord, done: OnWritten) -> None:
    """Write all changes; raises `Incomplete`. Stops at the first failure: what is left stands behind the gate."""
    try:
        detaching = record.at(AttachStatus.DETACHING)
        records.save(live.repository, detaching, record)
        for change in changes:
            if change.key.kind in _NEEDED_BY_OTHERS:
                records.check(live.repository, detaching)
            if change.key.kind is not ResourceKind.PERMISSION or not live.shares_function():
                live.write(change.key, change.was, change.now)
            done(change.key)
        live.tidy()
        records.delete(live.repository, detaching)
    except TakenOver:
        raise
    except (Exception, KeyboardInterrupt) as error:
        again = f"gatepass detach {live.api_id}"
        raise Incomplete(error, f"Run {again} again to finish, or gatepass attach to put the gate back.") from error
