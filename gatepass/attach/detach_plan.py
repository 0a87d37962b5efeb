"""Plans the way back from an attachment: the record against what is there."""

import secrets
import shlex
from collections.abc import Sequence
from typing import Final

from gatepass.attach.api_state import ApiKind
from gatepass.attach.document import value_to_json
from gatepass.attach.live_api import LiveApi
from gatepass.attach.pending import is_ours, pending
from gatepass.attach.plan import BESIDE_API, AttachmentPlan, ResourceChange, is_others, may_be_ours
from gatepass.attach.record import AttachRecord, AttachStatus
from gatepass.attach.resources import (
    AUTHORIZER,
    DEPLOYMENT,
    GATE,
    MARK,
    PERMISSION,
    CorsConfiguration,
    ResourceKey,
    ResourceKind,
    ResourceValue,
    RouteAuthorization,
    RouteTarget,
    SolutionLink,
    StageDeployment,
)
from gatepass.attach.responses import cors_without_ours
from gatepass.refusals import CommandError

_NEVER_IN_THE_WAY: Final = (ResourceKind.DEPLOYMENT, ResourceKind.CORS, ResourceKind.PERMISSION)
"""What may have changed since: the stage is deployed anew, settings stay their owner's, and the permission goes."""


def plan_detach(live: LiveApi, record: AttachRecord) -> AttachmentPlan:
    """The way back, in order; raises `CommandError` where somebody changed something since.

    A stage that still runs the gate's deployment goes back to the one before, first of all: its routes change in one
    step, and nothing pending goes out. One that was deployed since is deployed anew once its routes are as before.
    """
    _refuse_changed(live, record)
    back: list[ResourceChange] = []
    for change in reversed(list(record.changes.values())):
        value, origin = live.state.get(change.key), _origin(change, live.state.get(change.key), record)
        stays = change.key.kind in (ResourceKind.DEPLOYMENT, ResourceKind.PERMISSION)
        if not stays and value != origin and not live.state.has_lost(change.key):
            back.append(ResourceChange(change.key, value, origin, origin))
    _refuse_lost(live, back)
    # One permission serves all APIs, whichever was attached first: the last one takes it away.
    if PERMISSION in live.state.ids and not live.shares_function():
        back.append(ResourceChange(PERMISSION, live.state.permission, None, None))
    plan = AttachmentPlan(_with_deployment(live, record, back), _left_alone(live, record))
    plan.tell_of_stages(live.state)
    if plan.deploys:
        rewritten = {change.key for change in back}
        waiting = pending(live.aws, live.state)
        plan.pending = [str(one) for one in waiting if not is_ours(one, record, rewritten, live.state)]
    return plan


def _origin(change: ResourceChange, value: ResourceValue | None, record: AttachRecord) -> ResourceValue | None:
    """What a resource shall be without the gate."""
    if is_others(value) and not record.wrote(change.key, value):
        return value
    if isinstance(value, CorsConfiguration) and not record.wrote(change.key, value):  # its owner has changed it since
        return cors_without_ours(value, change.origin) if isinstance(change.origin, CorsConfiguration) else value
    return change.origin


def _left_alone(live: LiveApi, record: AttachRecord) -> dict[str, str]:
    """What detaching leaves as its owner made it since, and why."""
    left = {}
    for change in record.changes.values():
        value = live.state.get(change.key)
        if is_others(value) and not record.wrote(change.key, value) and value != change.origin:
            if isinstance(value, RouteAuthorization):
                left[change.key.name] = f"got {value.type} authorization since, which stays"
            else:
                left[str(change.key)] = "was replaced by its owner since, and stays"
    return left


def _refuse_changed(live: LiveApi, record: AttachRecord) -> None:
    what = [
        f"{change.key} is now {value_to_json(value)}: {_way_back(change.key, value, record)} sets it back"
        for change, value in ((change, live.state.get(change.key)) for change in record.changes.values())
        if change.key.kind not in _NEVER_IN_THE_WAY and live.state.holds(change.key)
        and not _is_known(change, value, record)
    ]  # fmt: skip
    authorizer = record.changes.get(AUTHORIZER)
    if authorizer is not None and authorizer.origin is None:  # it will be deleted, and whoever uses it would fail
        what += [
            f"route {route} was put behind the gate by somebody else: set the authorization that it should have "
            "without the gate"
            for route, value in live.state.routes.items()
            if value.is_gate and ResourceKey(ResourceKind.ROUTE, route) not in record.changes
        ]
    if what:
        raise CommandError("nothing was undone, because the API was changed after it was attached:\n"
                           + "\n".join(what)
                           + "\nA route to which you give an authorization of its own keeps it")  # fmt: skip


def _is_known(change: ResourceChange, value: ResourceValue | None, record: AttachRecord) -> bool:
    """Whether a value is one that detaching may replace, or leaves."""
    unread = record.status is not AttachStatus.ATTACHED and may_be_ours(change, value)
    known = record.wrote(change.key, value) or value == change.origin or change.explains(value)
    return known or unread or is_others(value)


def _way_back(key: ResourceKey, value: ResourceValue | None, record: AttachRecord) -> str:
    """What writes a resource again as the record has it: attaching leaves some as it finds them."""
    if key.kind is ResourceKind.LINK:
        link = f"gatepass solutions link {record.solution_id} {record.api_id}"
        if isinstance(value, SolutionLink) and value.solution_id != record.solution_id:
            return f"gatepass solutions unlink {value.solution_id} {record.api_id} && {link}"
        return link
    options = record.options
    words = ["gatepass", "attach", record.api_id, "--solution", record.solution_id]
    words += [word for route in options.only for word in ("--only", route)]
    words += [word for route in options.except_ for word in ("--except", route)]
    words += ["--replace-auth"] if options.replace_auth else []
    if options.replace_responses or key.kind is ResourceKind.RESPONSE:
        words.append("--replace-responses")
    return shlex.join(words)


def _refuse_lost(live: LiveApi, back: Sequence[ResourceChange]) -> None:
    """Refuse before the first write what could not be finished: an authorizer or integration that is gone."""
    lost = []
    for change in back:
        match change.now:
            case RouteAuthorization(authorizer=authorizer):
                if authorizer not in (None, GATE, *live.state.authorizer_names):
                    lost.append(f"{change.key} had the authorizer {authorizer}")
            case RouteTarget(target=target):
                if target not in live.state.targets:
                    lost.append(f"{change.key} led to {target}")
            case _:
                pass
    if lost:
        raise CommandError("nothing was undone, because what was there before has been deleted: "
                           + "; ".join(lost) + ". Set the authorization that these routes should have without the "
                           "gate, or delete them, then detach again")  # fmt: skip


def _with_deployment(live: LiveApi, record: AttachRecord, back: list[ResourceChange]) -> list[ResourceChange]:
    present, deployment = live.state.deployment, record.changes.get(DEPLOYMENT)
    if deployment is None or not present.name or all(change.key.kind in BESIDE_API for change in back):
        return back
    origin = deployment.origin
    if present == deployment.now and isinstance(origin, StageDeployment) and _still_there(live, origin):
        return [ResourceChange(DEPLOYMENT, present, origin, origin), *back]
    if present == origin:
        return back
    if live.state.canary:
        raise CommandError(f"the stage {live.state.stage} has a canary, which blocks deployments: promote or "
                           "delete it first")  # fmt: skip
    last = (ResourceKind.AUTHORIZER, *BESIDE_API)
    at = next((n for n, change in enumerate(back) if change.key.kind in last), len(back))
    marker = StageDeployment(f"{MARK}detach {secrets.token_hex(4)}")
    return [*back[:at], ResourceChange(DEPLOYMENT, present, marker, marker), *back[at:]]


def _still_there(live: LiveApi, deployment: StageDeployment) -> bool:
    """Whether a stage can go back to a deployment: not to one that was deleted, nor to one of ours."""
    if deployment.is_ours:
        return False
    if live.state.kind is ApiKind.REST:
        where = {"restApiId": live.api_id, "deploymentId": deployment.name}
        return live.aws.find("apigateway", "get_deployment", **where) is not None
    where = {"ApiId": live.api_id, "DeploymentId": deployment.name}
    return live.aws.find("apigatewayv2", "get_deployment", **where) is not None
