"""Whether an API is attached as recorded, and what is not."""

from collections.abc import Sequence
from typing import NamedTuple

from entitlements.solution import Solution
from gatepass.attach.api_state import ApiKind
from gatepass.attach.attach_plan import plan_attach
from gatepass.attach.goal import Goal
from gatepass.attach.live_api import LiveApi
from gatepass.attach.pending import Aspect, PendingChange, pending
from gatepass.attach.plan import AttachmentPlan, ResourceChange, is_harmless
from gatepass.attach.record import AttachRecord
from gatepass.attach.resources import DEPLOYMENT, ResourceKind, ResourceValue
from gatepass.aws_calls import Aws
from token_service.repository import Repository


class Difference(NamedTuple):
    """One thing that is not as attached: a resource, or the stage. Text says what a value could not."""

    what: str
    wanted: ResourceValue | str | None
    present: ResourceValue | str | None


def find_drift(aws: Aws, repository: Repository, record: AttachRecord, solution: Solution) -> list[Difference]:
    """What attaching again would change, what somebody changed, what the stage lacks; raises `CommandError`."""
    live = LiveApi(aws, repository, record.api_id, record.stage, record.options.authorizer_arn)
    plan = plan_attach(live, Goal(solution, record.options.within(live.state.routes)), record)
    stale = [one for one in pending(live.aws, live.state) if one.aspect is not Aspect.UNKNOWN]
    return _differences(live, record, plan, stale)


def _differences(
    live: LiveApi, record: AttachRecord, plan: AttachmentPlan, stale: Sequence[PendingChange]
) -> list[Difference]:
    found = {change.key: change for change in plan.changes if change.key != DEPLOYMENT}
    # The plan has looked at CORS settings: what their owner changes in them otherwise is no drift.
    judged = (ResourceKind.DEPLOYMENT, ResourceKind.PERMISSION, ResourceKind.CORS)
    for key, change in record.changes.items():
        if key not in found and key.kind not in judged and not live.state.has_lost(key):
            value = live.state.get(key)
            if value != change.now and not (record.wrote(key, value) and is_harmless(key, change.now, value)):
                found[key] = ResourceChange(key, value, change.now, change.origin)
    differences = [Difference(str(key), change.now, change.was) for key, change in found.items()]
    deployment = record.changes.get(DEPLOYMENT)
    # Of a WebSocket API's stage only this much can be told: that it went back to what ran before.
    if live.state.kind is ApiKind.WEBSOCKET and deployment and live.state.deployment == deployment.origin:
        differences.append(Difference("stage", deployment.now, deployment.origin))
    return differences + [Difference("stage", "as attached", str(one)) for one in stale]
