"""Which values the gate needs an API's resources to have: pure, from what is there and what is asked for."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from gatepass.attach import responses
from gatepass.attach.api_state import NAME, ApiKind, ApiState
from gatepass.attach.goal import Goal
from gatepass.attach.resources import (
    AUTHORIZER,
    CORS,
    GATE,
    INTEGRATION,
    LINK,
    PERMISSION,
    ApiAuthorizer,
    BackendMethod,
    CustomResponse,
    FunctionPermission,
    GateIntegration,
    HttpAuthorizer,
    PreflightState,
    ResourceKey,
    ResourceKind,
    ResourceValue,
    RestAuthorizer,
    RouteAuthorization,
    RouteTarget,
    SolutionLink,
    WebSocketAuthorizer,
)
from gatepass.refusals import CommandError

Values = dict[ResourceKey, ResourceValue]

_OWN_AUTHORIZATION: Final = ("AWS_IAM", "COGNITO_USER_POOLS", "JWT")


@dataclass
class Wanted:
    """The values in the order of their writing; what is left alone, by route, and why."""

    values: Values = field(default_factory=dict)
    left_alone: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def wanted_values(state: ApiState, goal: Goal, ours: Mapping[ResourceKey, ResourceValue | None]) -> Wanted:
    """What attaching comes to. `ours` is what earlier runs wrote, by the record; raises `CommandError`.

    The order is the safety: link and authorizer before the first route, so that no request meets an unknown API; routes
    last. The deployment, which alone makes a REST API's changes live, comes after them (`attach_plan.py`).
    """
    wanted = Wanted()
    authorizer = authorizer_value(state.kind, goal.options.authorizer_arn)
    wanted.values |= {LINK: SolutionLink(goal.solution.solution_id), AUTHORIZER: authorizer}
    if state.link and state.link.solution_id != goal.solution.solution_id:
        raise CommandError(f"the API belongs to {state.link.solution_id}: detach or unlink it there first")
    if state.authorizer and AUTHORIZER not in ours and state.authorizer.uri != authorizer.uri:
        raise CommandError(f"the API has an authorizer named {NAME} that calls another function, and "
                           "routes may use it: rename it, or pass its function as --authorizer-arn")  # fmt: skip
    if not isinstance(state.permission, FunctionPermission):
        wanted.values[PERMISSION] = FunctionPermission.WHOLE_ACCOUNT
    gated = _gated(state, goal, wanted)
    _add_preflight(state, goal, gated, wanted)
    if state.kind is ApiKind.REST:
        _add_responses(state, goal, ours, wanted)
    gate = RouteAuthorization("CUSTOM", GATE)
    wanted.values |= {ResourceKey(ResourceKind.ROUTE, route): gate for route in gated}
    return wanted


def authorizer_value(kind: ApiKind, function_arn: str) -> ApiAuthorizer:
    """The authorizer that an API of the kind gets: no cache, and no identity source.

    https://docs.aws.amazon.com/apigateway/latest/api/API_CreateAuthorizer.html (the form of the URI)
    """
    _, partition, _, region, *_ = function_arn.split(":")
    uri = f"arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{function_arn}/invocations"
    match kind:
        case ApiKind.REST:
            return RestAuthorizer("REQUEST", uri)
        case ApiKind.HTTP:
            return HttpAuthorizer("REQUEST", uri)
        case ApiKind.WEBSOCKET:
            return WebSocketAuthorizer("REQUEST", uri)


def _gated(state: ApiState, goal: Goal, wanted: Wanted) -> list[str]:
    """The routes that the gate shall stand before."""
    options = goal.options
    for route in (*options.only, *options.except_):
        if route not in state.routes:
            there = ", ".join(sorted(state.routes))
            raise CommandError(f"the API has no route {route!r}; there are: {there}")
    gated = []
    for route, value in state.routes.items():
        if state.kind is ApiKind.WEBSOCKET and route != "$connect":
            wanted.left_alone[route] = "the gate decides only $connect on a WebSocket API"
        elif route.startswith("OPTIONS ") and not value.authorizer:
            wanted.left_alone[route] = "as asked" if route in options.except_ else "preflight carries no token"
        elif (options.only and route not in options.only) or route in options.except_:
            wanted.left_alone[route] = "stays behind the gate: detach first" if value.is_gate else "as asked"
        elif value.type in _OWN_AUTHORIZATION and not options.replace_auth:
            wanted.left_alone[route] = f"has {value.type} authorization: --replace-auth switches it"
        else:
            gated.append(route)
    if not gated:
        why = "; ".join(f"{route}: {why}" for route, why in wanted.left_alone.items()) or "the API has none"
        raise CommandError(f"there is no route to put behind the gate: {why}")
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
    if keyed := [route for route in gated if route in state.key_by_authorizer]:
        raise CommandError(f"{', '.join(keyed)}: requires an API key that the authorizer returns (API key source "
                           "AUTHORIZER); the gate returns none, so every request would be refused. Set the source to "
                           "HEADER, stop requiring the key, or leave the route out with --except")  # fmt: skip
    wanted.notes += [
        f"{route} still requires an API key (x-api-key), beside the token"
        for route in gated
        if route in state.key_by_header
    ]
    return gated


def _add_preflight(state: ApiState, goal: Goal, gated: list[str], wanted: Wanted) -> None:
    """Preflight for routes that would take it: the gate refuses `OPTIONS`, as everything without a token.

    An `OPTIONS` that leads to a backend stands open beside the gate, and many a backend does not look at the method.
    """
    if state.kind is ApiKind.WEBSOCKET:
        return
    open_ = list(_open_preflight(state, goal, gated))
    for route in open_:
        del wanted.left_alone[route]
    (_add_rest_preflight if state.kind is ApiKind.REST else _add_http_preflight)(state, goal, gated, open_, wanted)


def _open_preflight(state: ApiState, goal: Goal, gated: list[str]) -> Iterator[str]:
    """The `OPTIONS` routes that a backend answers without an authorizer."""
    options, paths = goal.options, set(map(_path, gated))
    for route in state.routes:
        path = _path(route)
        value = state.preflights.get(path if state.kind is ApiKind.REST else route)
        chosen = route not in options.except_ and (not options.only or path in paths)
        if route.startswith("OPTIONS ") and isinstance(value, BackendMethod | RouteTarget) and chosen:
            yield route


def _path(route: str) -> str:
    return route.partition(" ")[2]


def _add_rest_preflight(state: ApiState, goal: Goal, gated: list[str], open_: Collection[str], wanted: Wanted) -> None:
    # Pages of the solution send a token, which no browser does without asking first; for an API that no page uses, only
    # what would take preflight to the gate needs an answer of its own.
    pages = bool(responses.cors_origins(goal.solution))
    takes = [_path(route) for route in gated if pages or re.match(r"ANY |.*\{\w+\+\}$", route)]
    paths = dict.fromkeys(takes + [_path(route) for route in open_])
    excepted = {_path(route) for route in goal.options.except_ if route.startswith("OPTIONS ")}
    kept = [path for path in paths if state.preflights.get(path) is PreflightState.KEPT]
    for path in kept:
        wanted.notes.append(f"OPTIONS {path} stays as it is: check that it allows the header authorization")
    for route in open_:
        wanted.notes.append(
            f"{route} leads to a backend without passing the gate: a mock replaces it, which allows pages the headers "
            f"{responses.HEADERS} (--except '{route}' keeps it)"
        )
    answer = responses.preflight(goal.solution)
    for path in paths:
        if path not in kept and path not in excepted:
            wanted.values[ResourceKey(ResourceKind.PREFLIGHT, path)] = answer


def _add_http_preflight(state: ApiState, goal: Goal, gated: list[str], open_: Collection[str], wanted: Wanted) -> None:
    wanted.values[CORS] = responses.cors(state.cors, goal.solution)
    keys = list(open_)
    for route in gated:
        if route == "$default":
            keys += ["OPTIONS /", "OPTIONS /{proxy+}"]
        elif route.startswith("ANY "):
            keys.append(f"OPTIONS {_path(route)}")
    for route in open_:
        wanted.notes.append(
            f"{route} leads to a backend without passing the gate: the gate's function answers it from now on, with "
            f"the headers of the CORS settings (--except '{route}' keeps it)"
        )
    missing = [key for key in dict.fromkeys(keys) if key not in state.routes or key in open_]
    if missing:
        # Without a route of its own, preflight to these goes through their authorizer:
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
        wanted.values[INTEGRATION] = GateIntegration(goal.options.authorizer_arn)
        for key in missing:
            wanted.values[ResourceKey(ResourceKind.PREFLIGHT, key)] = PreflightState.GATE


def _add_responses(
    state: ApiState, goal: Goal, ours: Mapping[ResourceKey, ResourceValue | None], wanted: Wanted
) -> None:
    for type_, response in responses.gateway_responses(goal.solution).items():
        key, default = ResourceKey(ResourceKind.RESPONSE, type_), f"DEFAULT_{response.status[0]}XX"
        present, own = state.responses.get(type_), _headers(state, default)
        # The owner's default would have answered: its headers, CORS among them, stay.
        named = {name.lower() for name in own}
        headers = {name: value for name, value in response.headers.items() if name.lower() not in named}
        value = replace(response, headers=headers | own)
        is_ours = key in ours and ours[key] == present
        if present in (None, value) or is_ours or goal.options.replace_responses:
            wanted.values[key] = value
            if own:
                wanted.notes.append(f"gateway response {type_} takes the headers of the API's own {default}")
        else:
            wanted.notes.append(f"gateway response {type_} is the API's own and stays: --replace-responses replaces it")


def _headers(state: ApiState, type_: str) -> dict[str, str]:
    response: CustomResponse | None = state.responses.get(type_)
    return dict(response.headers) if response else {}
