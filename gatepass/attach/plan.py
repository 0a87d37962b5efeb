"""What attaching would change: pure, from what is there and what is wanted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from entitlements.solution import Solution
from gatepass.attach import responses
from gatepass.attach.apis import GATE, PARTIAL, Api, authorizer_uri
from gatepass.attach.v2 import DEAD_END
from token_service.errors import Refused


class Change(NamedTuple):
    """One value to write. `was` is there now, and a rollback restores it; `origin` was there before the gate came,
    and detaching restores that.
    """

    key: str
    was: Any
    now: Any
    origin: Any


@dataclass(frozen=True)
class Goal:
    """What the operator asked for; kept in the record, so that `status` can ask the same again."""

    solution: Solution
    authorizer_arn: str
    only: tuple[str, ...] = ()
    except_: tuple[str, ...] = ()
    replace_auth: bool = False
    replace_responses: bool = False


@dataclass
class Plan:
    """The changes in the order of their writing, and what is left alone and why."""

    changes: list[Change] = field(default_factory=list)
    left_alone: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


_OWN_AUTH: Final = ("AWS_IAM", "COGNITO_USER_POOLS", "JWT")


def make_plan(api: Api, goal: Goal, recorded: Mapping[str, Change], marker: str) -> Plan:
    """Plan an attachment. `recorded` are the changes of the record, if there is one; `marker` names the deployment.

    The order is the safety: link and authorizer before the first route, so that no request meets an unknown API;
    routes last, the deployment (which alone makes a REST API's changes live) after them.
    """
    plan = Plan()
    wanted: dict[str, Any] = {"link": {"solution_id": goal.solution.solution_id}, "authorizer": _authorizer(api, goal)}
    linked = api.values.get("link")
    if linked and linked["solution_id"] != goal.solution.solution_id:
        raise Refused("api_linked", f"the API belongs to {linked['solution_id']}: detach or unlink it there first")
    if api.values.get("permission", "unknown") is None:
        wanted["permission"] = "whole account"
    gated = _gated(api, goal, plan)
    wanted |= _preflight(api, goal, gated, plan)
    if api.kind == "REST":
        wanted |= _responses(api, goal, recorded, plan)
    gate: dict[str, Any] = {"type": "CUSTOM", "authorizer": GATE} | ({} if api.kind == "REST" else {"scopes": []})
    wanted |= {f"route {route}": gate for route in gated}
    for key, value in wanted.items():
        if api.values.get(key) != value:
            plan.changes.append(_change(key, api.values.get(key), value, recorded))
    live = [change for change in plan.changes if change.key not in ("link", "permission")]
    if live and not api.auto_deploy:
        plan.changes.append(_change("deployment", api.values["deployment"], marker, recorded))
    return plan


def _change(key: str, was: Any, now: Any, recorded: Mapping[str, Change]) -> Change:
    """Where the record's own value still stands, what to restore is the record's too."""
    old = recorded.get(key)
    if was == PARTIAL:
        return Change(key, was, now, old.origin if old else None)
    return Change(key, was, now, old.origin if old and was in (old.now, old.origin) else was)


def _authorizer(api: Api, goal: Goal) -> dict[str, Any]:
    value: dict[str, Any] = {"type": "REQUEST", "uri": authorizer_uri(goal.authorizer_arn)}
    if api.kind == "REST":
        return value | {"ttl": 0, "identity": ""}
    value |= {"identity": []}
    return value | ({"ttl": 0, "payload": "2.0", "simple": True} if api.kind == "HTTP" else {})


def _gated(api: Api, goal: Goal, plan: Plan) -> list[str]:
    """The routes that the gate shall stand before."""
    for route in (*goal.only, *goal.except_):
        if route not in api.routes:
            raise Refused(
                "route_unknown", f"the API has no route {route!r}; there are: {', '.join(sorted(api.routes))}"
            )
    gated = []
    for route, value in api.routes.items():
        if api.kind == "WEBSOCKET" and route != "$connect":
            plan.left_alone[route] = "only $connect can be decided on a WebSocket API"
        elif route.startswith("OPTIONS "):
            plan.left_alone[route] = "preflight carries no token"
        elif (goal.only and route not in goal.only) or route in goal.except_:
            plan.left_alone[route] = "as asked"
        elif value["type"] in _OWN_AUTH and not goal.replace_auth:
            plan.left_alone[route] = f"has {value['type']} authorization: --replace-auth switches it"
        else:
            gated.append(route)
    if not gated:
        raise Refused("nothing_to_attach", "no route is left to stand before: "
                      + "; ".join(f"{route}: {why}" for route, why in plan.left_alone.items()))  # fmt: skip
    return gated


def _preflight(api: Api, goal: Goal, gated: list[str], plan: Plan) -> dict[str, Any]:
    """Preflight for routes that would take it: the gate refuses `OPTIONS`, as everything without a token."""
    if api.kind == "WEBSOCKET":
        return {}
    if api.kind == "REST":
        paths = [route.partition(" ")[2] for route in gated if re.match(r"ANY |.*\{\w+\+\}$", route)]
        kept = {path for path in paths if api.values.get(f"preflight {path}") == "the API's own"}
        plan.notes += [f"OPTIONS {path} stays as it is: see that it allows the header authorization" for path in kept]
        return {f"preflight {path}": responses.preflight(goal.solution) for path in paths if path not in kept}
    wanted: dict[str, Any] = {"cors": responses.cors(api.values["cors"], goal.solution)}
    keys = []
    for route in gated:
        if route == "$default":
            keys += ["OPTIONS /", "OPTIONS /{proxy+}"]
        elif route.startswith("ANY "):
            keys.append(f"OPTIONS {route[4:]}")
    missing = [key for key in dict.fromkeys(keys) if key not in api.routes]
    if missing:
        # Without a route of its own, preflight to these goes through their authorizer:
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
        wanted |= {"integration": DEAD_END} | {f"preflight {key}": DEAD_END for key in missing}
    return wanted


def _responses(api: Api, goal: Goal, recorded: Mapping[str, Change], plan: Plan) -> dict[str, Any]:
    wanted = {}
    for kind, value in responses.gateway_responses(goal.solution).items():
        key = f"response {kind}"
        present = api.values.get(key)
        ours = key in recorded and recorded[key].now == present
        if present in (None, value) or ours or goal.replace_responses:
            wanted[key] = value
        else:
            plan.notes.append(f"gateway response {kind} is the API's own and stays: --replace-responses replaces it")
    return wanted


def in_words(value: Any) -> str:
    """A value as the plan's table shows it."""
    if value is None:
        return "none"
    if isinstance(value, dict):
        if "authorizer" in value:
            name = "the gate" if value["authorizer"] == GATE else value["authorizer"]
            return " ".join(filter(None, (value["type"], name)))
        if "solution_id" in value:
            return str(value["solution_id"])
        if "uri" in value:
            return f"{value['type']}, cache {value.get('ttl', 0)} s"
        if "status" in value:
            return f"{value['status'] or 'own status'}, {len(value['templates'])} template(s)"
        if "AllowHeaders" in value or "AllowOrigins" in value:
            return (
                f"origins {','.join(value.get('AllowOrigins', []))}; headers {','.join(value.get('AllowHeaders', []))}"
            )
        if "Access-Control-Allow-Origin" in value:
            return f"mock, origin {value['Access-Control-Allow-Origin']}"
    return str(value)
