"""Routes for a user's own access, and for account deletion."""

from dataclasses import asdict
from typing import Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from token_service.services import Services
from token_service.web.models import Accepted, EntitlementsAnswer, UsageAnswer
from token_service.web.routes.answers import ID_TOKEN, KEYS, POOL, RAZORPAY, SIGNED_IN, documented, json_answer

TAGS: Final = ["account"]


def add_routes(app: APIGatewayHttpResolver, services: Services) -> None:
    """Declare the routes."""

    @app.get(
        "/v1/entitlements", summary="List the user's solutions and usage", tags=TAGS, operation_id="listEntitlements",
        security=ID_TOKEN, responses=documented(EntitlementsAnswer, *SIGNED_IN),
    )  # fmt: skip
    def entitlements() -> Response[str]:
        user_id = services.identity.user_id(app.current_event.headers.get("authorization"))
        found = services.accounts.entitlements(user_id)
        return json_answer(EntitlementsAnswer(entitlements=[UsageAnswer(**asdict(usage)) for usage in found]))

    @app.delete(
        "/v1/account", summary="Delete the account", tags=TAGS, operation_id="deleteAccount",
        description="Ends all sessions and all access, and removes address and password. Suspensions and used-up "
        "quotas apply again if the address registers again. The audit, which contains only an ID, is kept.",
        security=ID_TOKEN, responses=documented(Accepted, *SIGNED_IN, *POOL, *KEYS, *RAZORPAY),
    )  # fmt: skip
    def delete() -> Response[str]:
        authorization = app.current_event.headers.get("authorization")
        services.deletion.delete(services.identity.user_id(authorization, deleting=True))
        return json_answer(Accepted(status="account_deleted"))
