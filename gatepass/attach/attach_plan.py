"""Plans an attachment: what is there against what is wanted, and the deployment that makes it live."""

import secrets
from collections.abc import Mapping

from gatepass.attach.api_state import ApiKind, ApiState
from gatepass.attach.goal import Goal
from gatepass.attach.live_api import LiveApi
from gatepass.attach.pending import is_ours, pending
from gatepass.attach.plan import AttachmentPlan, ResourceChange, is_harmless, is_others
from gatepass.attach.record import AttachRecord, AttachStatus
from gatepass.attach.replaced import warn_of_replaced
from gatepass.attach.resources import (
    DEPLOYMENT,
    MARK,
    PreflightState,
    ResourceKey,
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
    plan = compare(live.state, goal, old, marker)
    waiting = pending(live.aws, live.state)
    rewritten = {change.key for change in plan.changes}
    stale = [one for one in waiting if is_ours(one, old, rewritten, live.state)]
    present = live.state.deployment
    unfinished = old is not None and old.status is not AttachStatus.ATTACHED and not live.state.auto_deploy
    if (stale or (unfinished and not present.is_ours)) and not plan.deploys:
        was = recorded.get(DEPLOYMENT)
        plan.changes.append(ResourceChange(DEPLOYMENT, present, marker, was.origin if was else present))
    if plan.deploys and live.state.kind is ApiKind.WEBSOCKET:
        plan.notes.append("the stage of a WebSocket API cannot be compared: pending changes are published too")
    plan.tell_of_stages(live.state)
    plan.warnings += warn_of_replaced(live.state, plan.changes)
    plan.pending = [str(one) for one in waiting if one not in stale] if plan.deploys else []
    return plan


def compare(state: ApiState, goal: Goal, old: AttachRecord | None, marker: StageDeployment) -> AttachmentPlan:
    """The changes from what is there to what is wanted: pure. `old` is the record; `marker` names a deployment.

    Raises `CommandError`.
    """
    recorded = old.changes if old else {}
    read_back = old.read_back if old else {}
    wanted = wanted_values(state, goal, {key: read_back.get(key, change.now) for key, change in recorded.items()})
    plan = AttachmentPlan(left_alone=wanted.left_alone, notes=wanted.notes)
    for key, value in wanted.values.items():
        present = state.get(key)
        # A gateway that stores another value would do so again.
        settled = key in read_back and present == read_back[key] and recorded[key].now == value
        if present != value and not (settled and is_harmless(key, value, present)):
            plan.changes.append(_change(key, present, value, recorded))
    if not plan.changes_api:
        return plan
    if state.canary:
        raise CommandError(f"the stage {state.stage} has a canary, which blocks deployments: promote or "
                           "delete it first")  # fmt: skip
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
