"""Plans an attachment: what is there against what is wanted, and the deployment that makes it live."""

import secrets
from collections.abc import Iterator, Mapping

from gatepass.attach.api_state import ApiKind, ApiState
from gatepass.attach.goal import Goal
from gatepass.attach.live_api import LiveApi
from gatepass.attach.pending import pending, route_of
from gatepass.attach.plan import AttachmentPlan, ResourceChange, is_others
from gatepass.attach.record import AttachRecord, AttachStatus
from gatepass.attach.resources import (
    CORS,
    DEPLOYMENT,
    MARK,
    PreflightState,
    ResourceKey,
    ResourceKind,
    ResourceValue,
    StageDeployment,
)
from gatepass.attach.wanted import wanted_values
from gatepass.refusals import CommandError

Recorded = Mapping[ResourceKey, ResourceChange]


def plan_attach(live: LiveApi, goal: Goal, old: AttachRecord | None) -> AttachmentPlan:
    """The plan, with other people's pending changes that its deployment would publish; raises `CommandError`."""
    recorded = old.changes if old else {}
    marker = StageDeployment(f"{MARK}attach {secrets.token_hex(4)}")
    plan = compare(live.state, goal, recorded, marker)
    lines = pending(live.aws, live.state)
    ours = set(_routes_of(recorded))
    stale = [line for line in lines if route_of(line) in ours]
    present = live.state.deployment
    unfinished = old is not None and old.status is not AttachStatus.ATTACHED and not live.state.auto_deploy
    if (stale or (unfinished and not present.is_ours)) and not plan.deploys:
        was = recorded.get(DEPLOYMENT)
        plan.changes.append(ResourceChange(DEPLOYMENT, present, marker, was.origin if was else present))
    if plan.deploys and live.state.kind is ApiKind.WEBSOCKET:
        plan.notes.append("the stage of a WebSocket API cannot be compared: whatever is pending is published too")
    plan.pending = [line for line in lines if line not in stale] if plan.deploys else []
    return plan


def compare(state: ApiState, goal: Goal, recorded: Recorded, marker: StageDeployment) -> AttachmentPlan:
    """The changes from what is there to what is wanted: pure. `recorded` are the record's; `marker` names a deployment.

    Raises `CommandError`.
    """
    wanted = wanted_values(state, goal, {key: change.now for key, change in recorded.items()})
    plan = AttachmentPlan(left_alone=wanted.left_alone, notes=wanted.notes)
    for key, value in wanted.values.items():
        if state.get(key) != value:
            plan.changes.append(_change(key, state.get(key), value, recorded))
    beyond = (ResourceKind.LINK, ResourceKind.PERMISSION)
    if not any(change.key.kind not in beyond for change in plan.changes):
        return plan
    if state.canary:
        raise CommandError(f"the stage {state.stage} has a canary, and takes no deployment until that is "
                           "over: promote or delete it first")  # fmt: skip
    if not state.auto_deploy:
        plan.changes.append(_change(DEPLOYMENT, state.deployment, marker, recorded))
    return plan


def _change(key: ResourceKey, was: ResourceValue | None, now: ResourceValue, recorded: Recorded) -> ResourceChange:
    """What was there before the gate is what the record says. What somebody did since is drift, and no origin, unless a
    route got an authorization of its own: then that is what it shall have without the gate.
    """
    old = recorded.get(key)
    if old is None:
        return ResourceChange(key, was, now, None if was is PreflightState.PARTIAL else was)
    if key == DEPLOYMENT and was not in (old.now, old.origin):
        # Others have deployed since, and with it the gate: no deployment to go back to.
        return ResourceChange(key, was, now, StageDeployment(f"{MARK}deployed by others"))
    return ResourceChange(key, was, now, was if is_others(was) else old.origin)


def _routes_of(recorded: Recorded) -> Iterator[str]:
    """What the record's changes are called in the lines of `pending`."""
    for key in recorded:
        match key.kind:
            case ResourceKind.ROUTE:
                yield key.name
            case ResourceKind.PREFLIGHT:  # by its path on a REST API, by its route on others
                yield f"OPTIONS {key.name.removeprefix('OPTIONS ')}"
            case ResourceKind.CORS:
                yield str(CORS)
            case _:
                pass
