"""Formats a decision for each kind of API.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
"""

from typing import Any, Final

from authorizer.events import Answer, AuthorizerRequest
from entitlements.decision import Decision

POLICY_VERSION: Final = "2012-10-17"


class Unauthorized(Exception):
    """API Gateway answers 401 only to an exception whose message is exactly this word."""

    def __init__(self) -> None:
        """Set the message that API Gateway expects."""
        super().__init__("Unauthorized")


class AccessNotDecided(Exception):
    """API Gateway answers 500 to any other exception: the table gave no answer, so the request is refused."""

    def __init__(self) -> None:
        """Set the reason as the message; the log has the details."""
        super().__init__("store_unavailable")


def failure(decision: Decision) -> Exception:
    """The exception to raise for a decision that API Gateway must answer with 401 or 500."""
    return Unauthorized() if decision.reason.gateway_status == 401 else AccessNotDecided()


def answer(asked: AuthorizerRequest, decision: Decision, policy_responses: bool = False) -> dict[str, Any]:
    """The authorizer's output for a 200 or a 403."""
    if asked.answer is Answer.SIMPLE and not policy_responses:
        return {"isAuthorized": decision.allowed, "context": decision.context()}
    return {
        "principalId": decision.user_id,
        "policyDocument": {
            "Version": POLICY_VERSION,
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow" if decision.allowed else "Deny",
                    "Resource": asked.resource,
                }
            ],
        },
        "context": decision.context(),
    }
