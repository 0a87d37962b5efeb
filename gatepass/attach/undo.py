"""The way back from an attachment, and what is not as attached: comparisons of the record with what is there."""

from collections.abc import Sequence
from typing import Any

from gatepass.attach.apis import GATE, MARK, PERMISSION
from gatepass.attach.plan import Change, cut_off, has_own_authorization
from gatepass.attach.record import Record
from gatepass.attach.work import Work
from gatepass.refusals import CommandError


def plan_detach(work: Work, record: Record, marker: str) -> list[Change]:
    """The way back, in order; refuses where somebody changed something since.

    A stage that still runs the gate's deployment goes back to the one before, first of all: its routes change in one
    step, and nothing pending goes out. One that was deployed since is deployed anew once its routes are as before.
    """
    present = work.api.values
    _refuse_changed(work, record)
    back: list[Change] = []
    for change in reversed(record.changes.values()):
        value, origin = present.get(change.key), change.origin
        gone = change.key.startswith(("route ", "preflight ")) and change.key not in work.api.ids
        if change.key == "cors":
            origin = _cors_without_ours(value, change)
        elif has_own_authorization(change.key, value):  # it is what the route shall have without the gate
            origin = value
        if change.key not in ("deployment", "permission") and value != origin and not gone:
            back.append(Change(change.key, value, origin, origin))
    _refuse_lost(work, back)
    # One permission serves all APIs, whichever was attached first: the last one takes it away.
    if "permission" in work.api.ids and not work.others():
        back.append(Change("permission", PERMISSION, None, None))
    return _with_deployment(work, record, back, marker)


def left_alone(work: Work, record: Record) -> dict[str, str]:
    """The routes that detaching leaves as somebody made them since, and why."""
    return {
        change.key.removeprefix("route "): f"got {work.api.values[change.key]['type']} authorization since, which stays"
        for change in record.changes.values()
        if change.key in work.api.values and work.api.values[change.key] not in (change.now, change.origin)
        and has_own_authorization(change.key, work.api.values[change.key])
    }  # fmt: skip


def _refuse_changed(work: Work, record: Record) -> None:
    present = work.api.values
    what = [
        f"{change.key} is now {present[change.key]}"
        for change in record.changes.values()
        if change.key not in ("deployment", "cors") and change.key in present
        and present[change.key] not in (change.now, change.origin)
        and not cut_off(change, present[change.key])
        and not has_own_authorization(change.key, present[change.key])
    ]  # fmt: skip
    authorizer = record.changes.get("authorizer")
    if authorizer is not None and authorizer.origin is None:  # it will be deleted, and whoever uses it would fail
        what += [
            f"route {route} was put behind the gate by somebody else"
            for route, value in work.api.routes.items()
            if value["authorizer"] == GATE and f"route {route}" not in record.changes
        ]
    if what:
        raise CommandError("nothing was undone, since this was changed after attaching: " + "; ".join(what)
                      + ". Set it back (gatepass attach does), or give the route an authorization of its own, which "
                      "then stays")  # fmt: skip


def _cors_without_ours(value: Any, change: Change) -> Any:
    """CORS settings without what attaching added, and with what the owner changed since."""
    if value == change.now or value is None:
        return change.origin
    before = [name.lower() for name in (change.origin or {}).get("AllowHeaders", [])]
    if change.origin is None or "authorization" in before:
        return value
    kept = [name for name in value.get("AllowHeaders", []) if name.lower() != "authorization"]
    return {k: v for k, v in value.items() if k != "AllowHeaders"} | ({"AllowHeaders": kept} if kept else {})


def _refuse_lost(work: Work, back: Sequence[Change]) -> None:
    """Refuse before the first write what could not be finished: an authorizer or integration that is gone."""
    lost = []
    for change in back:
        if change.key.startswith("route ") and change.now["authorizer"] not in (None, GATE, *work.api.authorizers):
            lost.append(f"{change.key} had the authorizer {change.now['authorizer']}")
        target = str(change.now) if change.key.startswith("preflight ") else ""
        if target.startswith("integrations/") and target not in work.api.targets:
            lost.append(f"{change.key} led to {target}")
    if lost:
        raise CommandError("nothing was undone, since what was there before has been deleted: "
                      + "; ".join(lost) + ". Give the routes the authorization that they shall have without the gate, "
                      "or delete them, and detach again")  # fmt: skip


def _with_deployment(work: Work, record: Record, back: list[Change], marker: str) -> list[Change]:
    present, deployment = work.api.values["deployment"], record.changes.get("deployment")
    if deployment is None or not present or all(change.key in ("link", "permission") for change in back):
        return back
    if present == deployment.now and _still_there(work, str(deployment.origin)):
        return [Change("deployment", deployment.now, deployment.origin, deployment.origin), *back]
    if present == deployment.origin:
        return back
    if work.api.canary:
        raise CommandError(f"the stage {work.api.stage} has a canary, and takes no deployment until that "
                      "is over: promote or delete it first")  # fmt: skip
    last = next((n for n, c in enumerate(back) if c.key in ("authorizer", "permission", "link")), len(back))
    return [*back[:last], Change("deployment", present, marker, marker), *back[last:]]


def _still_there(work: Work, deployment: str) -> bool:
    """Whether a stage can go back to a deployment: not to one that was deleted, nor to one of ours."""
    if deployment.startswith(MARK):
        return False
    if work.api.kind == "REST":
        where = {"restApiId": work.api_id, "deploymentId": deployment}
        return work.aws.find("apigateway", "get_deployment", **where) is not None
    where = {"ApiId": work.api_id, "DeploymentId": deployment}
    return work.aws.find("apigatewayv2", "get_deployment", **where) is not None


def drift(work: Work, record: Record, planned: Sequence[Change], stale: Sequence[str]) -> list[dict[str, Any]]:
    """What is not as attached: what attaching again would change, what somebody changed, what the stage lacks."""
    found = {change.key: change for change in planned if change.key != "deployment"}
    for key, change in record.changes.items():
        gone = key.startswith(("route ", "preflight ")) and key not in work.api.ids
        # The plan has looked at CORS settings: what their owner changes in them otherwise is no drift.
        if key not in found and key not in ("deployment", "permission", "cors") and not gone:
            value = work.api.values.get(key)
            if value != change.now:
                found[key] = Change(key, value, change.now, change.origin)
    rows = [{"what": key, "wanted": change.now, "is": change.was} for key, change in found.items()]
    deployment = record.changes.get("deployment")
    # Of a WebSocket API's stage only this much can be told: that it went back to what ran before.
    if work.api.kind == "WEBSOCKET" and deployment and work.api.values["deployment"] == deployment.origin:
        rows.append({"what": "stage", "wanted": deployment.now, "is": deployment.origin})
    return rows + [{"what": "stage", "wanted": "as attached", "is": line} for line in stale]
