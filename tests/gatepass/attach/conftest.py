"""A marketplace on moto, APIs of every kind in it, and the command run in this process, so that calls can be failed."""

import copy
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from moto.apigateway.models import apigateway_backends
from moto.apigatewayv2.models import apigatewayv2_backends
from moto.awslambda.models import lambda_backends

from gatepass import cli
from gatepass.environment import Environment
from tests.support import emulators
from tests.support.signer import SOLUTION
from tests.support.table import Table

ACCOUNT = "123456789012"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:gate:live"
OTHER = "arn:aws:lambda:us-east-1:123456789012:function:other"
BACKEND = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{OTHER}/invocations"


def make_function(endpoint: str) -> None:
    role = emulators.client("iam", endpoint).create_role(RoleName="gate", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    functions = emulators.client("lambda", endpoint)
    functions.create_function(
        FunctionName="gate", Runtime="python3.13", Role=role, Handler="a.b", Code={"ZipFile": b"x"}, Publish=True
    )
    functions.create_alias(FunctionName="gate", Name="live", FunctionVersion="1")


def reads(operation: str) -> bool:
    return operation.startswith(("Get", "Describe", "Export", "Scan", "Query"))


class Faults:
    """Watches every call of the command's; fails the one numbered `at`, before or after it was carried out.

    And a second one, numbered `then`. After it was carried out only a write can fail, and only writes are numbered: a
    read whose answer is lost has changed as little as one that failed before, which has a run of its own.
    """

    def __init__(self) -> None:
        self.at, self.then, self.after, self.forever, self.count = 0, 0, False, False, 0
        self._lost = False
        self.error: Callable[[], BaseException] = lambda: EndpointConnectionError(endpoint_url="https://aws")
        self.watch: Callable[[str], object] = lambda operation: None
        self.failed: list[str] = []

    def install(self, client: Any) -> Any:
        return client

    def start(self) -> None:
        """A run of the command begins."""
        self.count, self._lost = 0, False

    def _due(self) -> bool:
        return bool(self.at) and self.count in (self.at, self.then)

    def _before(self, model: Any, **_: Any) -> None:
        counted = not (self.after and reads(model.name))
        self.count += counted
        # Once access is lost, it is lost before each further call.
        if self._lost or (counted and not self.after and self._due()):
            self._lost = self.forever
            self.failed.append(model.name)
            raise self.error()

    def _after(self, model: Any, **_: Any) -> None:
        self.watch(model.name)
        if self.after and not reads(model.name) and self._due():
            self._lost = self.forever
            self.failed.append(model.name)
            raise (
                self.error()
                if not isinstance(self.error(), EndpointConnectionError)
                else ReadTimeoutError(endpoint_url="https://aws")
            )


make_client = Environment._client
CLIENTS: dict[tuple[str, str], "Switch"] = {}


class Switch:
    """A client whose calls the faults of the present run watch."""

    def __init__(self, client: Any) -> None:
        self.client, self.faults = client, Faults()
        client.meta.events.register("before-call.*", lambda **facts: self.faults._before(**facts))
        client.meta.events.register("after-call.*", lambda **facts: self.faults._after(**facts))


class World:
    def __init__(self, endpoint: str, monkeypatch: pytest.MonkeyPatch, table: "Table | None" = None) -> None:
        self.endpoint = endpoint
        self.rest = emulators.shared_client("apigateway", endpoint)
        self.v2 = emulators.shared_client("apigatewayv2", endpoint)
        self.functions = emulators.shared_client("lambda", endpoint)
        self.table = table or Table(emulators.client("dynamodb", endpoint), f"t-{secrets.token_hex(6)}")
        if table is None:
            self.table.put_solution(frontend_url="https://search.example.com/")
        self.monkeypatch = monkeypatch
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("GATEPASS_TABLE", self.table.name)

    def run(self, *arguments: str, faults: Faults | None = None) -> int:
        faults = faults or Faults()
        faults.start()

        def client(environment: Environment, service: str, *rest: Any, **more: Any) -> Any:
            # Making a client takes longer than all its calls here.
            if (self.endpoint, service) not in CLIENTS:
                CLIENTS[self.endpoint, service] = Switch(make_client(environment, service, *rest, **more))
            CLIENTS[self.endpoint, service].faults = faults
            return faults.install(CLIENTS[self.endpoint, service].client)

        # A run may begin inside another one: when it is done, the other's faults are watched for again.
        outer = [(switch, switch.faults) for switch in CLIENTS.values()]
        self.monkeypatch.setattr(Environment, "_client", client)
        try:
            return cli.main(list(arguments))
        finally:
            for switch, before in outer:
                switch.faults = before

    def attach(self, api: str, *more: str, faults: Faults | None = None) -> int:
        return self.run("attach", api, "--solution", SOLUTION, "--authorizer-arn", ARN, "--yes", *more, faults=faults)

    def detach(self, api: str, *more: str, faults: Faults | None = None) -> int:
        return self.run("detach", api, "--yes", *more, faults=faults)

    def rest_api(self, *, deploy: bool = True, binary: Sequence[str] = (), **facts: Any) -> str:
        """POST /search (a custom authorizer), GET /health (none), ANY /{proxy+} (none), GET /iam (IAM).

        And OPTIONS /search, which a backend answers. `facts` are further ones of CreateRestApi.
        """
        api = self.rest.create_rest_api(name="api", **facts)["id"]
        # moto's CreateRestApi forgets them.
        apigateway_backends[ACCOUNT]["us-east-1"].apis[api].binaryMediaTypes = list(binary)
        root = self.rest.get_resources(restApiId=api)["items"][0]["id"]
        other = self.rest.create_authorizer(
            restApiId=api,
            name="other",
            type="TOKEN",
            authorizerUri=BACKEND,
            identitySource="method.request.header.Authorization",
        )["id"]
        for part, verb, facts in (
            ("search", "POST", {"authorizationType": "CUSTOM", "authorizerId": other}),
            ("health", "GET", {"authorizationType": "NONE"}),
            ("{proxy+}", "ANY", {"authorizationType": "NONE"}),
            ("iam", "GET", {"authorizationType": "AWS_IAM"}),
        ):
            resource = self.rest_route(api, root, part, verb, facts)
            if part == "search":
                self.backend_options(api, resource)
        self.rest.put_gateway_response(
            restApiId=api,
            responseType="UNAUTHORIZED",
            statusCode="401",
            responseTemplates={"application/json": '{"own":1}'},
        )
        if deploy:
            self.rest.create_deployment(restApiId=api, stageName="prod", description="theirs")
        return str(api)

    def rest_route(self, api: str, root: str, part: str, verb: str, facts: dict[str, str]) -> str:
        resource = self.rest.create_resource(restApiId=api, parentId=root, pathPart=part)["id"]
        where = {"restApiId": api, "resourceId": resource, "httpMethod": verb}
        self.rest.put_method(**where, **facts)
        self.rest.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=BACKEND)
        return str(resource)

    def backend_options(self, api: str, resource: str) -> None:
        """An OPTIONS method with all that one can have."""
        where = {"restApiId": api, "resourceId": resource, "httpMethod": "OPTIONS"}
        header = "method.response.header.X-Own"
        self.rest.put_method(
            **where, authorizationType="NONE", operationName="theirs", apiKeyRequired=True,
            requestParameters={"method.request.header.origin": True}, requestModels={"application/json": "Empty"},
        )  # fmt: skip
        self.rest.put_method_response(
            **where, statusCode="200", responseParameters={header: True}, responseModels={"application/json": "Empty"}
        )
        self.rest.put_method_response(**where, statusCode="404")
        self.rest.put_integration(
            **where, type="HTTP", integrationHttpMethod="GET", uri="https://backend.example.com/", timeoutInMillis=5000,
            requestParameters={"integration.request.header.x": "method.request.header.origin"}, connectionType="INTERNET",
            requestTemplates={"application/json": "{}"}, passthroughBehavior="NEVER", contentHandling="CONVERT_TO_TEXT",
        )  # fmt: skip
        self.rest.put_integration_response(
            **where,
            statusCode="200",
            responseParameters={header: "'own'"},
            responseTemplates={"application/json": "{}"},
        )
        self.rest.put_integration_response(**where, statusCode="404", selectionPattern="4..")

    def v2_api(
        self, kind: str = "HTTP", auto: bool = True, routes: tuple[str, ...] = ("POST /search", "$default")
    ) -> str:
        api = self.v2.create_api(Name="api", ProtocolType=kind, RouteSelectionExpression="$request.body.action")[
            "ApiId"
        ]
        self.add_routes(api, *routes)
        payload = {"AuthorizerPayloadFormatVersion": "2.0"} if kind == "HTTP" else {}
        other = self.v2.create_authorizer(
            ApiId=api,
            AuthorizerType="REQUEST",
            Name="other",
            AuthorizerUri=BACKEND,
            IdentitySource=["$request.header.Authorization"],
            **payload,
        )["AuthorizerId"]
        first = self.v2.get_routes(ApiId=api)["Items"][0]["RouteId"]
        self.v2.update_route(ApiId=api, RouteId=first, AuthorizationType="CUSTOM", AuthorizerId=other)
        self.v2.create_stage(ApiId=api, StageName="$default" if kind == "HTTP" else "prod", AutoDeploy=auto)
        if not auto:
            self.v2.create_deployment(ApiId=api, StageName="$default" if kind == "HTTP" else "prod")
        return str(api)

    def add_routes(self, api: str, *routes: str) -> None:
        target = self.v2.create_integration(
            ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=OTHER, PayloadFormatVersion="2.0"
        )["IntegrationId"]
        for route in routes:
            self.v2.create_route(ApiId=api, RouteKey=route, Target=f"integrations/{target}")

    def routes(self, api: str, kind: str) -> dict[str, tuple[str, str | None]]:
        if kind == "REST":
            return {
                f"{verb} {resource['path']}": (method["authorizationType"], method.get("authorizerId"))
                for resource in self.rest.get_resources(restApiId=api, embed=["methods"])["items"]
                for verb, method in resource.get("resourceMethods", {}).items()
            }
        return {
            r["RouteKey"]: (r.get("AuthorizationType") or "NONE", r.get("AuthorizerId"))
            for r in self.v2.get_routes(ApiId=api)["Items"]
        }

    def state(self, api: str, kind: str) -> dict[str, Any]:
        """All that attaching may touch, as AWS tells it; what shows nothing but when is left out."""
        link = [item for item in self.table.all() if item["pk"] == f"api#{api}"]
        if kind == "REST":
            parts: dict[str, Any] = {
                "resources": self.rest.get_resources(restApiId=api, embed=["methods"])["items"],
                "authorizers": self.rest.get_authorizers(restApiId=api)["items"],
                "responses": self.rest.get_gateway_responses(restApiId=api)["items"],
                "stages": self.rest.get_stages(restApiId=api)["item"],
            }
        else:
            found = self.v2.get_api(ApiId=api)
            parts = {
                "cors": found.get("CorsConfiguration"),
                "routes": self.v2.get_routes(ApiId=api)["Items"],
                "authorizers": self.v2.get_authorizers(ApiId=api)["Items"],
                "integrations": self.v2.get_integrations(ApiId=api)["Items"],
                "stages": [
                    {k: v for k, v in s.items() if not k.endswith("Date")}
                    for s in self.v2.get_stages(ApiId=api)["Items"]
                ],
            }
        return parts | {"items": link}

    def keep(self, api: str, kind: str) -> Callable[[], None]:
        """Keep all that attaching may touch. What is returned puts it back, in place of a run of fifty calls."""
        backend = (apigateway_backends if kind == "REST" else apigatewayv2_backends)[ACCOUNT]["us-east-1"]
        policy = lambda_backends[ACCOUNT]["us-east-1"].get_function("gate", "live").policy

        def copied(value: Any) -> Any:
            # All of an API belongs to it but the way back to the emulator, which is no part of its state.
            return copy.deepcopy(value, {id(backend): backend})

        def items() -> list[dict[str, Any]]:
            return [item for item in self.table.all() if item["pk"] == f"api#{api}"]

        kept = copied((backend.apis[api], policy.statements)), items()

        def put_back() -> None:
            backend.apis[api], policy.statements = copied(kept[0])
            for item in items():
                key = {name: {"S": item[name]} for name in ("pk", "sk")}
                self.table.client.delete_item(TableName=self.table.name, Key=key)
            for item in kept[1]:
                self.table.put(**item)

        return put_back

    def guard(self, api: str, kind: str) -> Callable[[str], None]:
        """To be called after each call: no route that had an authorizer is without one."""
        backend: Any = (apigateway_backends if kind == "REST" else apigatewayv2_backends)[ACCOUNT]["us-east-1"]

        def routes() -> dict[str, tuple[Any, Any]]:
            # Straight from the emulator: asking it would double what each write costs.
            if kind == "REST":
                return {
                    f"{verb} {resource_id}": (method.authorization_type, method.authorizer_id)
                    for resource_id, resource in backend.apis[api].resources.items()
                    for verb, method in resource.resource_methods.items()
                }
            return {
                route.route_key: (route.authorization_type or "NONE", route.authorizer_id)
                for route in backend.apis[api].routes.values()
            }

        had = {route for route, (type_, _) in routes().items() if type_ != "NONE"}
        assert had

        def check(operation: str) -> None:
            if reads(operation):
                return
            now = routes()
            open_ = {
                route for route in had if now[route][0] == "NONE" or (now[route][0] == "CUSTOM" and not now[route][1])
            }
            assert not open_, f"after {operation}: {open_}"

        return check


@pytest.fixture
def world(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(aws_endpoint, monkeypatch)
