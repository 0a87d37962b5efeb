"""Carries out an attachment and its end. A failure or Ctrl-C rolls back; where that fails too, the record knows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from gatepass.attach import record as records
from gatepass.attach.apis import GATE, MARK
from gatepass.attach.aws import CallFailed
from gatepass.attach.plan import Change, cut_off
from gatepass.attach.record import Record, TakenOver
from gatepass.attach.work import PERMISSION, Work
from token_service.errors import Refused

Progress = Callable[[str], object]


class RolledBack(Refused):
    """It failed, and everything is as it was."""

    def __init__(self, cause: BaseException) -> None:
        """Tell why."""
        super().__init__("rolled_back", f"it failed, and everything is as it was before. The cause: {_said(cause)}")


class Incomplete(Refused):
    """It failed, and so did the way back. Nothing is open: routes stand behind the gate or as before."""

    def __init__(self, cause: BaseException, what: str) -> None:
        """Tell why, and what to do."""
        super().__init__("incomplete", f"it failed half way, and no route is open. {what} The cause: {_said(cause)}")


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
        if isinstance(error, TakenOver) or (isinstance(error, Refused) and not begun):
            raise
        try:
            _roll_back(work, begun, record, old)
        except (Exception, KeyboardInterrupt) as second:
            raise Incomplete(
                error,
                f"Rolling back failed too ({_said(second)}): run gatepass attach {work.api_id} again to finish, or "
                f"gatepass detach {work.api_id} to undo; gatepass status {work.api_id} tells what is left.",
            ) from error
        raise RolledBack(error) from error


def _roll_back(work: Work, begun: Sequence[Change], record: Record, old: Record | None) -> None:
    """Undo in reverse. Stops at the first failure: link and authorizer go only after the last route went."""
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
        work.write(change.key, value, change.was)
    if foreign:
        raise CallFailed("roll back", "ChangedMeanwhile", ", ".join(foreign))
    if old is None:
        work.tidy()
        records.delete(work.repository, work.api_id)
    else:
        records.save(work.repository, old, record)


def plan_detach(work: Work, record: Record, marker: str) -> list[Change]:
    """The way back, in order; refuses where somebody changed something since.

    A stage that still runs the gate's deployment goes back to the one before, first of all: its routes change in one
    step, and nothing pending goes out. One that was deployed since is deployed anew once its routes are as before.
    """
    present = work.api.values
    changed = {
        change.key: present[change.key]
        for change in record.changes.values()
        if change.key != "deployment" and change.key in present
        and present[change.key] not in (change.now, change.origin) and not cut_off(change, present[change.key])
    }  # fmt: skip
    users = [
        f"route {route}"
        for route, value in work.api.routes.items()
        if value["authorizer"] == GATE and f"route {route}" not in record.changes
    ]
    if changed or users:
        what = [f"{key} is now {value}" for key, value in changed.items()]
        what += [f"{key} was put behind the gate by somebody else" for key in users]
        raise Refused("changed_since", "nothing was undone, since this was changed after attaching: "
                      + "; ".join(what) + ". Set it back, or to what it shall be without the gate")  # fmt: skip
    back: list[Change] = []
    for change in reversed(record.changes.values()):
        value = present.get(change.key)
        gone = change.key.startswith(("route ", "preflight ")) and change.key not in work.api.ids
        if change.key not in ("deployment", "permission") and value != change.origin and not gone:
            back.append(Change(change.key, value, change.origin, change.origin))
    # One permission serves all APIs, whichever was attached first: the last one takes it away.
    if "permission" in work.api.ids and not _others(work):
        back.append(Change("permission", PERMISSION, None, None))
    deployment = record.changes.get("deployment")
    if deployment is None or not any(change.key not in ("link", "permission") for change in back):
        return back
    if present["deployment"] == deployment.now and _still_there(work, str(deployment.origin)):
        return [Change("deployment", deployment.now, deployment.origin, deployment.origin), *back]
    if present["deployment"] == deployment.origin:
        return back
    last = next((n for n, c in enumerate(back) if c.key in ("authorizer", "permission", "link")), len(back))
    return [*back[:last], Change("deployment", present["deployment"], marker, marker), *back[last:]]


def _still_there(work: Work, deployment: str) -> bool:
    """Whether a stage can go back to a deployment: not to one that was deleted, nor to one of ours."""
    if deployment.startswith(MARK):
        return False
    if work.api.kind == "REST":
        where = {"restApiId": work.api_id, "deploymentId": deployment}
        return work.aws.find("apigateway", "get_deployment", **where) is not None
    where = {"ApiId": work.api_id, "DeploymentId": deployment}
    return work.aws.find("apigatewayv2", "get_deployment", **where) is not None


def _others(work: Work) -> bool:
    """Whether another API is attached to the same function."""
    apis = [item["pk"].removeprefix("api#") for item in work.repository.scan("api#", records.SORT_KEY, ("pk",))]
    others = [records.load(work.repository, api) for api in apis if api != work.api_id]
    return any(other is not None and other.options["authorizer_arn"] == work.arn for other in others)


def detach(work: Work, changes: Sequence[Change], record: Record, progress: Progress) -> None:
    """Write all changes; raises `Incomplete`. Stops at the first failure: what is left stands behind the gate."""
    try:
        detaching = replace(record, status="detaching")
        records.save(work.repository, detaching, record)
        for change in changes:
            work.write(change.key, change.was, change.now)
            progress(change.key)
        work.tidy()
        records.delete(work.repository, work.api_id)
    except TakenOver:
        raise
    except (Exception, KeyboardInterrupt) as error:
        again = f"gatepass detach {work.api_id}"
        raise Incomplete(error, f"Run {again} again to finish, or gatepass attach to put the gate back.") from error


def drift(work: Work, record: Record, planned: Sequence[Change], stale: Sequence[str]) -> list[dict[str, Any]]:
    """What is not as attached: what attaching again would change, what somebody changed, what the stage lacks."""
    found = {change.key: change for change in planned if change.key != "deployment"}
    for key, change in record.changes.items():
        gone = key.startswith(("route ", "preflight ")) and key not in work.api.ids
        if key not in found and key not in ("deployment", "permission") and not gone:
            value = work.api.values.get(key)
            if value != change.now:
                found[key] = Change(key, value, change.now, change.origin)
    rows = [{"what": key, "wanted": change.now, "is": change.was} for key, change in found.items()]
    deployment = record.changes.get("deployment")
    # Of a WebSocket API's stage only this much can be told: that it went back to what ran before.
    if work.api.kind == "WEBSOCKET" and deployment and work.api.values["deployment"] == deployment.origin:
        rows.append({"what": "stage", "wanted": deployment.now, "is": deployment.origin})
    return rows + [{"what": "stage", "wanted": "as attached", "is": line} for line in stale]
