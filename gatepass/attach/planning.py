"""The plan of an attachment together with what a deployment would publish besides it."""

import secrets

from gatepass.attach import pending
from gatepass.attach.apis import MARK
from gatepass.attach.plan import Change, Goal, Plan, make_plan
from gatepass.attach.record import Record
from gatepass.attach.work import Work


def plan_attach(work: Work, goal: Goal, old: Record | None) -> tuple[Plan, list[str]]:
    """The plan, and other people's pending changes that its deployment would publish."""
    marker = f"{MARK}attach {secrets.token_hex(4)}"
    recorded = old.changes if old else {}
    plan = make_plan(work.api, goal, recorded, marker)
    lines = pending.pending(work.aws, work.api)
    ours = {key.partition(" ")[2] for key in recorded if key.startswith("route ")}
    ours |= {f"OPTIONS {key.partition(' ')[2]}" for key in recorded if key.startswith("preflight ")}
    ours |= {key.partition(" ")[2] for key in recorded if key.startswith("preflight OPTIONS ")}
    ours |= {"cors"} & recorded.keys()
    stale = [line for line in lines if pending.route_of(line) in ours]
    deploys = any(change.key == "deployment" for change in plan.changes)
    unfinished = old is not None and old.status != "attached" and not work.api.auto_deploy
    at_marker = str(work.api.values["deployment"]).startswith(MARK)
    if (stale or (unfinished and not at_marker)) and not deploys:
        present = work.api.values["deployment"]
        was = recorded.get("deployment")
        plan.changes.append(Change("deployment", present, marker, was.origin if was else present))
        deploys = True
    if deploys and work.api.kind == "WEBSOCKET":
        plan.notes.append("the stage of a WebSocket API cannot be compared: whatever is pending is published too")
    return plan, [line for line in lines if line not in stale] if deploys else []
