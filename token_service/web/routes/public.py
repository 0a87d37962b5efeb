"""Public routes: the public keys, and a solution's name, plans and prices."""

from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from entitlements.directory import MAX_AGE
from entitlements.plans import Plan
from entitlements.refusals import Code, Refused
from token_service.services import Services
from token_service.web.models import KeySet, SolutionAnswer, SolutionId
from token_service.web.routes.answers import documented, json_answer

JWKS_MAX_AGE: Final = int(MAX_AGE)
"""Seconds for which clients may cache the public keys: as long as gates do, since a new key may sign after that."""
PUBLIC_FACTS: Final = ("solution_id", "name", "status", "default_plan", "frontend_url")


def add_routes(app: APIGatewayHttpResolver, services: Services) -> None:
    """Declare the routes."""

    @app.get(
        "/.well-known/jwks.json", summary="The public keys", tags=["public"], operation_id="getKeys",
        responses=documented(KeySet),
    )  # fmt: skip
    def keys() -> Response[str]:
        ring = services.gate.directory.ring(services.clock())
        cached = f"public, max-age={JWKS_MAX_AGE}"
        return json_answer(ring.jwks(), Cache_Control=cached, Access_Control_Allow_Origin="*")

    @app.get(
        "/v1/solutions/<solution_id>", summary="A solution's name, plans, and prices", tags=["public"],
        operation_id="getSolution", responses=documented(SolutionAnswer, Code.SOLUTION_UNKNOWN, Code.ROUTE_UNKNOWN),
    )  # fmt: skip
    def solution(solution_id: Annotated[SolutionId, Path()]) -> Response[str]:
        found = services.gate.directory.solution(solution_id, services.clock())
        if found is None:
            raise Refused(Code.SOLUTION_UNKNOWN)
        whole = found.to_mapping()
        plans = {name: _facts(plan) for name, plan in found.plans.items()}
        return json_answer(
            {key: whole[key] for key in PUBLIC_FACTS} | {"plans": plans, "upgrade_url": found.upgrade_url}
        )


def _facts(plan: Plan) -> dict[str, Any]:
    """A `PlanFacts`. Its price is complete: pages need not know defaults."""
    facts = plan.to_mapping() | {"model": plan.model}
    if plan.price:
        every = {"every": plan.price.every} if plan.price.interval else {}
        facts["price"] |= {**every, "readable": plan.readable_price}
    return facts
