"""The JSON of a resource's value in the record: the one place that knows it. Records outlive releases, so it may grow
but must not change: `tests/gatepass/attach/test_record.py` keeps records that earlier releases wrote.
"""

from collections.abc import Mapping
from typing import Any, Final, assert_never

from gatepass.attach.resources import (
    ApiAuthorizer,
    BackendMethod,
    CorsConfiguration,
    CustomResponse,
    FunctionPermission,
    GateIntegration,
    HttpAuthorizer,
    NarrowPermission,
    Preflight,
    PreflightMock,
    PreflightState,
    ResourceKind,
    ResourceValue,
    RestAuthorizer,
    RouteAuthorization,
    RouteTarget,
    SolutionLink,
    StageDeployment,
    WebSocketAuthorizer,
    without_nulls,
)

_BACKEND: Final = "method"
"""The one key of a method that a backend answers; a mock has its headers' names, in which there are capitals."""
_PARTIAL: Final = {"partial": True}


def value_to_json(value: ResourceValue | None) -> Any:
    """A value in JSON's own types; None is a resource that is not there."""
    match value:
        case None:
            return None
        case SolutionLink():
            return {"solution_id": value.solution_id, **value.others}
        case RestAuthorizer():
            return {"type": value.type, "uri": value.uri, "ttl": value.ttl, "identity": value.identity}
        case WebSocketAuthorizer():
            return {"type": value.type, "uri": value.uri, "identity": list(value.identity)}
        case HttpAuthorizer():
            facts = {"type": value.type, "uri": value.uri, "identity": list(value.identity)}
            return facts | {"ttl": value.ttl, "payload": value.payload, "simple": value.simple}
        case CorsConfiguration():
            return dict(value.settings)
        case GateIntegration():
            return value.function_arn
        case PreflightState():
            return _PARTIAL if value is PreflightState.PARTIAL else value.value
        case PreflightMock():
            return dict(value.headers)
        case BackendMethod():
            return {_BACKEND: vars(value)}
        case RouteTarget():
            return value.target
        case CustomResponse():
            return vars(value)
        case RouteAuthorization():
            return {"type": value.type, "authorizer": value.authorizer, "scopes": list(value.scopes)}
        case StageDeployment():
            return value.name
        case FunctionPermission():
            return value.value
        case NarrowPermission():
            return dict(value.parameters)
    assert_never(value)


def value_from_json(kind: ResourceKind, facts: Any) -> ResourceValue | None:
    """What `value_to_json` made JSON of; raises `KeyError`, `TypeError` or `ValueError` for anything else."""
    if facts is None:
        return None
    match kind:
        case ResourceKind.LINK:
            others = {name: value for name, value in facts.items() if name != "solution_id"}
            return SolutionLink(facts["solution_id"], others)
        case ResourceKind.PERMISSION:
            return NarrowPermission(facts) if isinstance(facts, dict) else FunctionPermission(facts)
        case ResourceKind.AUTHORIZER:
            return _authorizer(facts)
        case ResourceKind.CORS:
            return CorsConfiguration(facts)
        case ResourceKind.INTEGRATION:
            return GateIntegration(facts)
        case ResourceKind.PREFLIGHT:
            return _preflight(facts)
        case ResourceKind.RESPONSE:
            return CustomResponse(**without_nulls(facts))
        case ResourceKind.ROUTE:
            return RouteAuthorization(facts["type"], facts["authorizer"], tuple(facts["scopes"]))
        case ResourceKind.DEPLOYMENT:
            return StageDeployment(facts)
    assert_never(kind)


def _authorizer(facts: Mapping[str, Any]) -> ApiAuthorizer:
    if "ttl" not in facts:
        return WebSocketAuthorizer(facts["type"], facts["uri"], tuple(facts["identity"]))
    if "payload" not in facts:
        return RestAuthorizer(facts["type"], facts["uri"], facts["ttl"], facts["identity"])
    return HttpAuthorizer(
        facts["type"], facts["uri"], tuple(facts["identity"]), facts["ttl"], facts["payload"], facts["simple"]
    )


def _preflight(facts: str | dict[str, Any]) -> Preflight:
    if isinstance(facts, str):
        known = facts in (PreflightState.GATE.value, PreflightState.KEPT.value)
        return PreflightState(facts) if known else RouteTarget(facts)
    if facts == _PARTIAL:
        return PreflightState.PARTIAL
    return BackendMethod(**without_nulls(facts[_BACKEND])) if _BACKEND in facts else PreflightMock(facts)
