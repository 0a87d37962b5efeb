"""What the gateway answers instead of the integration, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from gatepass.local.gateway.model import ResponseType


@dataclass(frozen=True)
class Failure:
    """An answer from the gateway itself.

    `kind` selects a REST API's gateway response; None means that it cannot be customized. `message` is
    `$context.error.message`; HTTP APIs replace it with the status phrase. `authorizer` is the value of
    `$context.authorizer`: filled after a Deny, empty after an exception.
    """

    kind: ResponseType | None
    status: int
    message: str | None
    error_type: str
    authorizer: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


UNAUTHORIZED = Failure(ResponseType.UNAUTHORIZED, 401, "Unauthorized", "UnauthorizedException")

# AUTHORIZER_FAILURE is not used: every report of an authorizer that raises or returns bad output shows this type.
# The null message and the error type are by report: serverless/examples#305,
# auth0-samples/jwt-rsa-aws-custom-authorizer#6.
AUTHORIZER_BROKEN = Failure(ResponseType.AUTHORIZER_CONFIGURATION_ERROR, 500, None, "AuthorizerConfigurationException")

# A path or method that no resource has: see MISSING_AUTHENTICATION_TOKEN at
# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
NO_SUCH_METHOD = Failure(
    ResponseType.MISSING_AUTHENTICATION_TOKEN,
    403,
    "Missing Authentication Token",
    "MissingAuthenticationTokenException",
)
NO_SUCH_ROUTE = Failure(None, 404, "Not Found", "NotFoundException")
NO_SUCH_STAGE = Failure(None, 403, "Forbidden", "ForbiddenException")

# "the API client will receive a 414 Request URI too long response":
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
ARN_TOO_LONG = Failure(ResponseType.DEFAULT_4XX, 414, "Request URI too long", "RequestURITooLongException")

# The quota is documented; the status is not. RFC 6585 defines 431 for it.
HEADERS_TOO_LARGE = Failure(None, 431, "Request Header Fields Too Large", "RequestHeaderTooLargeException")

# "Customizing the default gateway response for 413 REQUEST_TOO_LARGE isn't currently supported":
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
BODY_TOO_LARGE = Failure(None, 413, "Request Too Long", "RequestTooLargeException")

# A Lambda function that failed or answered in a format other than the proxy's: "API Gateway returns a 502 Bad
# Gateway": https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
REST_LAMBDA_FAILED = Failure(ResponseType.DEFAULT_5XX, 502, "Internal server error", "InternalServerErrorException")
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-lambda.html
HTTP_LAMBDA_FAILED = Failure(None, 500, "Internal Server Error", "InternalServerErrorException")

REST_BACKEND_FAILED = Failure(
    ResponseType.INTEGRATION_FAILURE, 504, "Internal server error", "InternalServerErrorException"
)
REST_BACKEND_TIMEOUT = Failure(
    ResponseType.INTEGRATION_TIMEOUT, 504, "Endpoint request timed out", "InternalServerErrorException"
)
HTTP_BACKEND_FAILED = Failure(None, 503, "Service Unavailable", "ServiceUnavailableException")


def access_denied(authorizer: Mapping[str, Any], *, explicit: bool) -> Failure:
    """A 403 that the authorizer decided. The two messages are by report (aws/chalice#971)."""
    message = "User is not authorized to access this resource"
    if explicit:
        message += " with an explicit deny"
    return Failure(ResponseType.ACCESS_DENIED, 403, message, "AccessDeniedException", authorizer)
