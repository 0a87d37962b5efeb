"""What attaching would change: pure, from what is there and what is wanted."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from entitlements.solution import Solution
from gatepass.attach import responses
from gatepass.attach.apis import GATE, MARK, NAME, PARTIAL, PERMISSION, Api, authorizer_uri
from gatepass.attach.rest_preflight import KEPT, OWN
from gatepass.attach.v2 import PREFLIGHT
from gatepass.refusals import CommandError


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
        raise CommandError(f"the API belongs to {linked['solution_id']}: detach or unlink it there first")
    present = api.values["authorizer"]
    if present and "authorizer" not in recorded and present["uri"] != wanted["authorizer"]["uri"]:
        raise CommandError(f"the API has an authorizer named {NAME} that calls another function, and "
                      "routes may rest on it: rename it, or name its function with --authorizer-arn")  # fmt: skip
    if api.values.get("permission", "unknown") is None:
        wanted["permission"] = PERMISSION
    gated = _gated(api, goal, plan)
    wanted |= _preflight(api, goal, gated, plan)
    if api.kind == "REST":
        wanted |= _responses(api, goal, recorded, plan)
    gate: dict[str, Any] = {"type": "CUSTOM", "authorizer": GATE, "scopes": []}
    wanted |= {f"route {route}": gate for route in gated}
    for key, value in wanted.items():
        if api.values.get(key) != value:
            plan.changes.append(_change(key, api.values.get(key), value, recorded))
    live = [change for change in plan.changes if change.key not in ("link", "permission")]
    if live and api.canary:
        raise CommandError(f"the stage {api.stage} has a canary, and takes no deployment until that is "
                      "over: promote or delete it first")  # fmt: skip
    if live and not api.auto_deploy:
        plan.changes.append(_change("deployment", api.values["deployment"], marker, recorded))
    return plan


def cut_off(change: Change, value: Any) -> bool:
    """Whether a value is what a write leaves that was cut off: a mock half made, or a method deleted to be replaced."""
    return value == PARTIAL or (value is None and change.key.startswith("preflight ") and change.origin is not None)


def has_own_authorization(key: str, value: Any) -> bool:
    """Whether a value is a route's that something else than the gate stands before."""
    if not key.startswith("route ") or value is None:
        return False
    return bool(value["type"] != "NONE" and value["authorizer"] != GATE)


def _change(key: str, was: Any, now: Any, recorded: Mapping[str, Change]) -> Change:
    """What was there before the gate is what the record says. What somebody did since is drift, and no origin, unless a
    route got an authorization of its own: then that is what it shall have without the gate.
    """
    old = recorded.get(key)
    if old is None:
        return Change(key, was, now, None if was == PARTIAL else was)
    if key == "deployment" and was not in (old.now, old.origin):
        # Others have deployed since, and with it the gate: no deployment to go back to.
        return Change(key, was, now, f"{MARK}deployed by others")
    return Change(key, was, now, was if has_own_authorization(key, was) else old.origin)


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
            raise CommandError(f"the API has no route {route!r}; there are: {', '.join(sorted(api.routes))}")
    gated = []
    for route, value in api.routes.items():
        if api.kind == "WEBSOCKET" and route != "$connect":
            plan.left_alone[route] = "only $connect can be decided on a WebSocket API"
        elif route.startswith("OPTIONS ") and not value["authorizer"]:
            plan.left_alone[route] = "as asked" if route in goal.except_ else "preflight carries no token"
        elif (goal.only and route not in goal.only) or route in goal.except_:
            gated_before = value["authorizer"] == GATE
            plan.left_alone[route] = "stays behind the gate: detach first" if gated_before else "as asked"
        elif value["type"] in _OWN_AUTH and not goal.replace_auth:
            plan.left_alone[route] = f"has {value['type']} authorization: --replace-auth switches it"
        else:
            gated.append(route)
    if not gated:
        raise CommandError("no route is left to stand before: "
                      + "; ".join(f"{route}: {why}" for route, why in plan.left_alone.items()))  # fmt: skip
    return gated


def _preflight(api: Api, goal: Goal, gated: list[str], plan: Plan) -> dict[str, Any]:
    """Preflight for routes that would take it: the gate refuses `OPTIONS`, as everything without a token.

    An `OPTIONS` that leads to a backend stands open beside the gate, and many a backend does not look at the method.
    """
    if api.kind == "WEBSOCKET":
        return {}
    open_ = list(_open_preflight(api, goal, gated))
    for route in open_:
        del plan.left_alone[route]
    return (_rest_preflight if api.kind == "REST" else _http_preflight)(api, goal, gated, open_, plan)


def _open_preflight(api: Api, goal: Goal, gated: list[str]) -> Iterator[str]:
    """The `OPTIONS` routes that a backend answers without an authorizer."""
    paths = {route.partition(" ")[2] for route in gated}
    for route in api.routes:
        verb, _, path = route.partition(" ")
        value = api.values.get(f"preflight {path if api.kind == 'REST' else route}")
        backend = isinstance(value, dict) and OWN in value if api.kind == "REST" else value not in (None, PREFLIGHT)
        chosen = route not in goal.except_ and (not goal.only or path in paths)
        if verb == "OPTIONS" and backend and chosen:
            yield route


def _rest_preflight(api: Api, goal: Goal, gated: list[str], open_: list[str], plan: Plan) -> dict[str, Any]:
    # Pages of the solution send a token, which no browser does without asking first; for an API that no page uses, only
    # what would take preflight to the gate needs an answer of its own.
    pages = bool(responses.cors_origins(goal.solution))
    takes = [route.partition(" ")[2] for route in gated if pages or re.match(r"ANY |.*\{\w+\+\}$", route)]
    paths = dict.fromkeys(takes + [route.partition(" ")[2] for route in open_])
    excepted = {route.partition(" ")[2] for route in goal.except_ if route.startswith("OPTIONS ")}
    kept = [path for path in paths if api.values.get(f"preflight {path}") == KEPT]
    for path in kept:
        plan.notes.append(f"OPTIONS {path} stays as it is: see that it allows the header authorization")
    for route in open_:
        plan.notes.append(f"{route} leads to a backend past the gate; the mock in its place allows pages the headers "
                          f"{responses.HEADERS} (--except '{route}' leaves it)")  # fmt: skip
    answer = responses.preflight(goal.solution)
    return {f"preflight {path}": answer for path in paths if path not in kept and path not in excepted}


def _http_preflight(api: Api, goal: Goal, gated: list[str], open_: list[str], plan: Plan) -> dict[str, Any]:
    wanted: dict[str, Any] = {"cors": responses.cors(api.values["cors"], goal.solution)}
    keys = list(open_)
    for route in gated:
        if route == "$default":
            keys += ["OPTIONS /", "OPTIONS /{proxy+}"]
        elif route.startswith("ANY "):
            keys.append(f"OPTIONS {route[4:]}")
    for route in open_:
        plan.notes.append(f"{route} leads to a backend past the gate; the gate answers it in its place, with the "
                          f"headers of the CORS settings (--except '{route}' leaves it)")  # fmt: skip
    missing = [key for key in dict.fromkeys(keys) if key not in api.routes or key in open_]
    if missing:
        # Without a route of its own, preflight to these goes through their authorizer:
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
        wanted |= {"integration": goal.authorizer_arn} | {f"preflight {key}": PREFLIGHT for key in missing}
    return wanted


def _responses(api: Api, goal: Goal, recorded: Mapping[str, Change], plan: Plan) -> dict[str, Any]:
    wanted = {}
    for kind, value in responses.gateway_responses(goal.solution).items():
        key, default = f"response {kind}", f"DEFAULT_{value['status'][0]}XX"
        present, own = api.values.get(key), api.values.get(f"response {default}", {}).get("headers", {})
        # The owner's default would have answered: its headers, CORS among them, stay.
        named = {name.lower() for name in own}
        value["headers"] = {k: v for k, v in value["headers"].items() if k.lower() not in named} | own
        ours = key in recorded and recorded[key].now == present
        if present in (None, value) or ours or goal.replace_responses:
            wanted[key] = value
            if own:
                plan.notes.append(f"gateway response {kind} takes the headers of the API's own {default}")
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
        if OWN in value:
            return f"a backend ({value[OWN]['put_integration']['type']})"
        if "Access-Control-Allow-Origin" in value:
            return f"mock, origin {value['Access-Control-Allow-Origin']}"
    return str(value)
