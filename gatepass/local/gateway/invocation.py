"""One request on its way through an API: the facts that events, identity sources, and templates use."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from gatepass.local.gateway.messages import HttpRequest
from gatepass.local.gateway.model import DEFAULT_STAGE, Api


@dataclass(frozen=True)
class Invocation:
    """A request, its route, and its time. `path` is the path below the stage, as sent.

    `resource` and `route_key` are empty if no route matched, because gateway responses have a `$context` even then.
    """

    api: Api
    request: HttpRequest
    path: str
    resource: str
    route_key: str
    path_parameters: Mapping[str, str]
    request_id: str
    now: float

    @property
    def route_path(self) -> str:
        """The path below the stage: as sent on REST APIs, decoded on HTTP APIs.

        By report: localstack/localstack#7728 (REST), honojs/hono#2156, fastify/aws-lambda-fastify#169 (HTTP).
        """
        return self.path if self.api.type == "REST" else unquote(self.path)

    @property
    def full_path(self) -> str:
        """The path with the stage, which is part of the URL unless it is `$default`.

        HTTP APIs pass this one to functions as `rawPath` and `path` (by report:
        aws-powertools/powertools-lambda-python#621, logandk/serverless-wsgi#191).
        """
        if self.api.stage == DEFAULT_STAGE:
            return self.route_path
        return f"/{self.api.stage}{self.route_path}"

    @property
    def method_arn(self) -> str:
        """`arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`. Paths can contain colons.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/arn-format-reference.html
        """
        return f"{self.arn_prefix}/{self.request.method}{self.route_path}"

    @property
    def arn_prefix(self) -> str:
        """The ARN up to and including the stage."""
        api = self.api
        return f"arn:{api.partition}:execute-api:{api.region}:{api.account_id}:{api.api_id}/{api.stage}"

    @property
    def domain_name(self) -> str:
        """The API's own host name, as events and `$context` show it."""
        return domain_name(self.api.api_id, self.api.region, self.api.partition)

    @property
    def user_agent(self) -> str | None:
        """The first User-Agent, if any."""
        return next(iter(self.request.header_values("User-Agent")), None)

    def context_variables(self) -> dict[str, Any]:
        """`$context`, for identity sources and gateway responses; REST events carry it as `requestContext`.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
        """
        identity = dict.fromkeys(_IDENTITY_OF_OTHER_AUTHORIZATIONS)
        variables: dict[str, Any] = {
            "resourceId": hashlib.sha256(self.resource.encode()).hexdigest()[:6],
            "resourcePath": self.resource,
            "httpMethod": self.request.method,
            "extendedRequestId": self.request_id,
            "requestTime": clf_time(self.now),
            "requestTimeEpoch": int(self.now * 1000),
            "path": self.full_path,
            "accountId": self.api.account_id,
            "protocol": self.request.protocol,
            "stage": self.api.stage,
            "domainPrefix": self.api.api_id,
            "domainName": self.domain_name,
            "requestId": self.request_id,
            "apiId": self.api.api_id,
            "identity": identity | {"sourceIp": self.request.source_ip, "userAgent": self.user_agent},
        }
        if self.api.type == "HTTP":
            variables["routeKey"] = self.route_key
        return variables


# https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
_IDENTITY_OF_OTHER_AUTHORIZATIONS = (
    "accessKey",
    "accountId",
    "caller",
    "cognitoAuthenticationProvider",
    "cognitoAuthenticationType",
    "cognitoIdentityId",
    "cognitoIdentityPoolId",
    "principalOrgId",
    "user",
    "userArn",
)


def domain_name(api_id: str, region: str, partition: str) -> str:
    """The default endpoint's host name. https://docs.aws.amazon.com/general/latest/gr/apigateway.html"""
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return f"{api_id}.execute-api.{region}.{suffix}"


def clf_time(now: float) -> str:
    """The time as `$context.requestTime` writes it: `04/Mar/2020:19:15:17 +0000`."""
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now))


def last_values(pairs: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> dict[str, str]:
    """REST's single-value maps: the last value of a repeated name, with names as sent.

    https://aws.amazon.com/blogs/compute/support-for-multi-value-parameters-in-amazon-api-gateway/
    """
    return dict(pairs)


def all_values(pairs: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    """REST's multi-value maps: every value of a name, in order.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def joined_values(pairs: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> dict[str, str]:
    """HTTP APIs' maps: the values of a repeated name joined by commas.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    return {name: ",".join(values) for name, values in all_values(pairs).items()}
