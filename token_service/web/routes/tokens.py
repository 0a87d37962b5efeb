"""Routes for a user's own tokens."""

from typing import Annotated, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from entitlements.refusals import Code, Refused
from entitlements.token import parse
from token_service.services import Services
from token_service.web.models import RefreshAnswer, RevokedAnswer, SolutionId, SolutionRequest, TokenAnswer
from token_service.web.routes.answers import BODY, ID_TOKEN, KEYS, SIGNED_IN, bearer, documented, json_answer

TAGS: Final = ["tokens"]
HELD: Final = (Code.ENTITLEMENT_MISSING, Code.ENTITLEMENT_SUSPENDED, Code.ENTITLEMENT_REVOKED)


def add_routes(app: APIGatewayHttpResolver, services: Services) -> None:
    """Declare the routes."""

    def user_id() -> str:
        return services.identity.user_id(app.current_event.headers.get("authorization"))

    @app.post(
        "/v1/tokens", summary="Get the token for a solution, always the same", tags=TAGS, operation_id="mintToken",
        security=ID_TOKEN, responses=documented(TokenAnswer, *SIGNED_IN, *HELD, *KEYS, *BODY),
    )  # fmt: skip
    def mint(body: SolutionRequest) -> Response[str]:
        token = services.minting.mint(user_id(), body.solution_id)
        user_id()  # the session may have ended since: then the token must not be handed out
        return json_answer(TokenAnswer(token=token, solution_id=body.solution_id))

    @app.post(
        "/v1/tokens/rotate", summary="Replace the token", tags=TAGS, operation_id="rotateToken",
        description="The previous token ends immediately. Plan and counters are kept.",
        security=ID_TOKEN, responses=documented(TokenAnswer, *SIGNED_IN, *HELD, *KEYS, *BODY, Code.TOO_MANY_REQUESTS),
    )  # fmt: skip
    def rotate(body: SolutionRequest) -> Response[str]:
        user = user_id()
        services.limits.rotate(user)
        token = services.minting.rotate(user, body.solution_id)
        user_id()  # as above
        return json_answer(TokenAnswer(token=token, solution_id=body.solution_id))

    @app.post(
        "/v1/tokens/refresh", summary="Get the same secret, signed by the current key", tags=TAGS,
        operation_id="refreshToken", description="The token alone is enough, whatever key signed it.",
        security=[{"token": []}],
        responses=documented(
            RefreshAnswer, Code.TOKEN_MISSING, Code.TOKEN_MALFORMED, Code.TOKEN_SUPERSEDED, Code.ISSUER_MISMATCH,
            Code.ENTITLEMENT_SUSPENDED, *KEYS, *BODY,
        ),
    )  # fmt: skip
    def refresh() -> Response[str]:
        token = parse(bearer(app))
        if token is None:
            raise Refused(Code.TOKEN_MALFORMED)
        return json_answer(RefreshAnswer(token=services.minting.refresh(token)))

    @app.delete(
        "/v1/tokens/<solution_id>", summary="Revoke the token for a solution", tags=TAGS, operation_id="revokeToken",
        description="The user keeps access. The next sign-in returns a new token, with the same plan and counters.",
        # A path that cannot contain a solution's id matches no route.
        security=ID_TOKEN,
        responses=documented(RevokedAnswer, *SIGNED_IN, Code.ENTITLEMENT_MISSING, Code.BUSY, Code.ROUTE_UNKNOWN),
    )  # fmt: skip
    def revoke(solution_id: Annotated[SolutionId, Path()]) -> Response[str]:
        services.access.drop_token(user_id(), solution_id)
        return json_answer(RevokedAnswer(status="revoked", solution_id=solution_id))
