"""Carries out an attachment and its end. A failure or Ctrl-C rolls back; where that fails too, the record knows."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from gatepass.attach import record as records
from gatepass.attach.aws import CallFailed
from gatepass.attach.plan import Change, cut_off
from gatepass.attach.record import Record, TakenOver
from gatepass.attach.work import Work
from gatepass.refusals import CommandError

Progress = Callable[[str], object]


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


def attach(work: Work, changes: Sequence[Change], record: Record, old: Record | None, progress: Progress) -> None:
    """Write all changes; raises `RolledBack` or `Incomplete`. `old` is the record as it was."""
    begun: list[Change] = []
    try:
        records.save(work.repository, record, old)
        for change in changes:
            begun.append(change)
            work.write(change.key, change.was, change.now)
            progress(change.key)
        present = work.read().values
        wrong = [change.key for change in changes if present.get(change.key) != change.now]
        if wrong:
            raise CallFailed("verify", "NotAsWritten", ", ".join(wrong))
        records.save(work.repository, replace(record, status="attached"), record)
    # Whatever it was, an API must not stay half attached: this is the one place that catches everything.
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, TakenOver) or (isinstance(error, CommandError) and not begun):
            raise
        try:
            _roll_back(work, begun, record, old)
        except TakenOver:
            raise
        except (Exception, KeyboardInterrupt) as second:
            raise Incomplete(
                error,
                f"Rolling back failed too ({_said(second)}): run gatepass attach {work.api_id} again to finish, or "
                f"gatepass detach {work.api_id} to undo; gatepass status {work.api_id} tells what is left.",
            ) from error
        raise RolledBack(error) from error


def _roll_back(work: Work, begun: Sequence[Change], record: Record, old: Record | None) -> None:
    """Undo in reverse. Stops at the first failure: link and authorizer go only after the last route went."""
    if begun:
        records.check(work.repository, record)
    present = work.read().values
    foreign = []
    for change in reversed(begun):
        value = present.get(change.key)
        if value == change.was:
            continue
        if value != change.now and not cut_off(change, value):
            foreign.append(change.key)
            continue
        if foreign:
            raise CallFailed("roll back", "ChangedMeanwhile", ", ".join(foreign))
        if change.key == "permission" and work.others():
            continue  # another API was attached meanwhile, and rests on it
        work.write(change.key, value, change.was)
    if foreign:
        raise CallFailed("roll back", "ChangedMeanwhile", ", ".join(foreign))
    if old is None:
        work.tidy()
        records.delete(work.repository, record)
    else:
        records.save(work.repository, old, record)


def detach(work: Work, changes: Sequence[Change], record: Record, progress: Progress) -> None:
    """Write all changes; raises `Incomplete`. Stops at the first failure: what is left stands behind the gate."""
    try:
        detaching = replace(record, status="detaching")
        records.save(work.repository, detaching, record)
        for change in changes:
            # Whoever attaches meanwhile needs these: they go only while the record is still this run's.
            if change.key in ("cors", "integration", "authorizer", "link"):
                records.check(work.repository, detaching)
            if change.key != "permission" or not work.others():
                work.write(change.key, change.was, change.now)
            progress(change.key)
        work.tidy()
        records.delete(work.repository, detaching)
    except TakenOver:
        raise
    except (Exception, KeyboardInterrupt) as error:
        again = f"gatepass detach {work.api_id}"
        raise Incomplete(error, f"Run {again} again to finish, or gatepass attach to put the gate back.") from error
