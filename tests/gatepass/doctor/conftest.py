"""A stack on moto that has all that the doctor looks at, and what AWS would answer where moto does not."""

import base64
import io
import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from botocore.exceptions import ClientError

from authorizer.answers import AccessNotDecided, Unauthorized
from authorizer.handler import make_handler
from entitlements.gate import Gate
from entitlements.items import item_to_wire, keyring_key
from entitlements.table import DEFINITION, TTL_ATTRIBUTE
from gatepass.aws_calls import Aws, CallFailed
from gatepass.commands.doctor import CHECKS
from gatepass.doctor import request_check
from gatepass.doctor.checkup import CheckStatus, Line, check_all
from gatepass.doctor.patient import Patient
from gatepass.environment import Environment
from tests.gatepass.test_user_pool import GOOD, Pool
from tests.support import emulators
from tests.support.command import Command
from tests.support.table import PatientDynamoDB

Answer = Callable[[dict[str, Any]], dict[str, Any]]
make_call, make_client = Aws._call, Environment._client
CLIENTS: dict[tuple[str | None, str], Any] = {}
OWN: dict[tuple[str, str], Any] = {}
CHECK_NAMES = [check.name for check in CHECKS]
PARAMETERS = {"KeyRotationDays": "0", "RazorpaySecretArn": "", "AlarmTopicArn": ""}


class Ward:
    """The stack, and the doctor's view of it. `answers` are of operations that moto lacks, `denied` what IAM refuses."""

    def __init__(self, endpoint: str, folder: Path, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.endpoint = endpoint
        number = secrets.token_hex(6)
        self.stack, self.table = f"s-{number}", f"t-{number}"
        self.parameters, self.denied, self.named = PARAMETERS, set[str](), ""
        self.answers: dict[str, Answer] = {
            "simulate_principal_policy": self.allow,
            "invoke": self.invoke,
            "get_metric_data": lambda _: {"MetricDataResults": []},
            "list_stack_resources": self.resources,
            "list_event_source_mappings": lambda _: self.mapping(State="Enabled"),
        }
        outer = self

        def call(aws: Aws, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
            if operation in outer.denied:
                code = {"dynamodb": "AccessDeniedException"}.get(service, "AccessDenied")
                name = "".join(map(str.capitalize, operation.split("_")))
                cause = ClientError({"Error": {"Code": code, "Message": "no"}}, name)
                raise CallFailed(operation, code, "no") from cause
            if operation in outer.answers:
                return outer.answers[operation](parameters)
            return make_call(aws, service, operation, **parameters)

        def client(environment: Environment, service: str, endpoint: str | None, *rest: Any, **more: Any) -> Any:
            # Making a client takes longer than all its calls here.
            if (endpoint, service) not in CLIENTS:
                CLIENTS[endpoint, service] = make_client(environment, service, endpoint, *rest, **more)
            return CLIENTS[endpoint, service]

        monkeypatch.setattr(Aws, "_call", call)
        monkeypatch.setattr(Environment, "_client", client)
        self.functions = ["Authorizer", "TokenService", "Usage"]
        """Those of the stack, by logical ID; one function of moto stands for all."""
        self.command = Command(endpoint, folder, GATEPASS_TABLE=self.table)
        self._make_table()
        self.pool = Pool(endpoint, **GOOD)
        self.client_id = self.pool.client("gatepass")
        self.function = self._make_function(role, f"gate-{number}")
        self.client("cloudformation").create_stack(StackName=self.stack, TemplateBody=self.template())
        self.alarm("OK")
        for arguments in (
            ["init", "--issuer", "a-market"],
            ["solutions", "apply", "examples/faiss_search/solution.yaml"],
        ):
            run = self.command(*arguments)
            assert run.returncode == 0, run.stderr

    def client(self, service: str) -> Any:
        if (service, self.endpoint) not in OWN:
            OWN[service, self.endpoint] = emulators.client(service, self.endpoint)
        return OWN[service, self.endpoint]

    def doctor(self, *arguments: str) -> list[dict[str, str]]:
        """All lines; the exit status must be that of what they say."""
        run = self.command("doctor", "--json", *arguments)
        assert run.stderr == ""
        lines: list[dict[str, str]] = json.loads(run.stdout)
        assert run.returncode == int(any(line["status"] == "problem" for line in lines))
        return lines

    def examine(self, *names: str) -> list[Line]:
        """The lines of some checks, or of all."""
        wanted = [check for check in (*CHECKS, *request_check.CHECKS) if check.name in (names or CHECK_NAMES)]
        assert {check.name for check in wanted} == set(names or CHECK_NAMES)
        with mock.patch.dict(os.environ, self.command.environment, clear=True):
            lines = list(check_all(Patient(Environment.read(None), time.time(), self.named), wanted))
        assert all(line.remedy for line in lines if line.status is CheckStatus.PROBLEM)
        return lines

    def problems(self, *names: str) -> list[str]:
        """The text of each problem that some checks, or all, find."""
        return [line.what for line in self.examine(*names) if line.status is CheckStatus.PROBLEM]

    def problem(self, name: str) -> str:
        """The text of the one problem that a check finds."""
        (what,) = self.problems(name)
        return what

    def line(self, name: str) -> tuple[str, str]:
        """CheckStatus and text of a check's one line."""
        (line,) = self.examine(name)
        return line.status.value, line.what

    def mapping(self, **facts: str) -> dict[str, Any]:
        """The event source mapping of the table's stream, as Lambda lists it."""
        return {"EventSourceMappings": [{"EventSourceArn": self.stream} | facts]}

    def resources(self, _: dict[str, Any]) -> dict[str, Any]:
        """As CloudFormation lists them; moto makes none of them itself."""
        name = self.function.split(":")[6]
        found = [(logical, "AWS::Lambda::Function", name) for logical in self.functions]
        found.append(("StoreUnavailable", "AWS::CloudWatch::Alarm", f"{self.stack}-StoreUnavailable"))
        names = ("LogicalResourceId", "ResourceType", "PhysicalResourceId")
        return {"StackResourceSummaries": [dict(zip(names, one, strict=True)) for one in found]}

    def alarm(self, state: str) -> None:
        client, name = self.client("cloudwatch"), f"{self.stack}-StoreUnavailable"
        client.put_metric_alarm(
            AlarmName=name, Namespace="n", MetricName="m", Period=60, EvaluationPeriods=1, Threshold=1,
            ComparisonOperator="GreaterThanThreshold", Statistic="Sum",
        )  # fmt: skip
        client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="1 datapoint was over the threshold")

    def put_ring(self, document: str, version: int = 1) -> None:
        item = keyring_key().wire | item_to_wire({"document": document, "version": version})
        self.client("dynamodb").put_item(TableName=self.table, Item=item)

    def ring(self) -> dict[str, Any]:
        """The stored ring's document."""
        item = self.client("dynamodb").get_item(TableName=self.table, Key=keyring_key().wire)["Item"]
        document: dict[str, Any] = json.loads(item["document"]["S"])
        return document

    def allow(self, asked: dict[str, Any], refused: tuple[str, ...] = (), **details: Any) -> dict[str, Any]:
        """As IAM answers: https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html"""
        return {
            "EvaluationResults": [
                {
                    "EvalActionName": action,
                    "EvalDecision": "implicitDeny" if action in refused else "allowed",
                    **details,
                }
                for action in asked["ActionNames"]
            ]
        }

    def invoke(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The real gate, on the real table, as Lambda answers: with the end of its log, and exceptions as JSON."""
        lines: list[str] = []
        handle = make_handler(Gate(PatientDynamoDB(self.endpoint, self.table)), write=lines.append)
        said: Any = None
        try:
            said = handle(json.loads(asked["Payload"]), None)
        except (Unauthorized, AccessNotDecided) as error:
            said = {"errorMessage": str(error), "errorType": type(error).__name__}
        log = f"START RequestId: x\n{''.join(lines)}END RequestId: x\n"
        return {
            "Payload": io.BytesIO(json.dumps(said).encode()),
            "LogResult": base64.b64encode(log.encode()).decode() if asked.get("LogType") == "Tail" else "",
        }

    def items(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client("dynamodb").scan(TableName=self.table)["Items"]
        return sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))

    def _make_table(self) -> None:
        client = self.client("dynamodb")
        client.create_table(
            TableName=self.table, Tags=[{"Key": "gatepass:stack", "Value": self.stack}],
            DeletionProtectionEnabled=True, SSESpecification={"Enabled": True}, **DEFINITION,
        )  # fmt: skip
        ttl = {"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
        client.update_time_to_live(TableName=self.table, TimeToLiveSpecification=ttl)
        self.backups(True)
        self.stream = client.describe_table(TableName=self.table)["Table"]["LatestStreamArn"]

    def backups(self, on: bool) -> None:
        wanted = {"PointInTimeRecoveryEnabled": on}
        self.client("dynamodb").update_continuous_backups(TableName=self.table, PointInTimeRecoverySpecification=wanted)

    def _make_function(self, role: str, name: str) -> str:
        functions = self.client("lambda")
        variables = {"Variables": {"GATEPASS_TABLE": self.table}}
        functions.create_function(FunctionName=name, Runtime="python3.13", Role=role, Handler="a.b",
                                  Code={"ZipFile": b"x"}, Publish=True, Environment=variables)  # fmt: skip
        arn = str(functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")["AliasArn"])
        self.permit(arn, "arn:aws:execute-api:us-east-1:123456789012:*")
        return arn

    def permit(self, arn: str, source: str) -> None:
        self.client("lambda").add_permission(
            FunctionName=arn.rpartition(":")[0], Qualifier="live", StatementId="gate", Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com", SourceArn=source,
        )  # fmt: skip

    def template(self, **changes: Any) -> str:
        outputs = {
            "TableName": self.table,
            "AuthorizerArn": self.function,
            "TokenServiceUrl": "https://abc123.execute-api.us-east-1.amazonaws.com",
            "UserPoolId": self.pool.id,
            "UserPoolClientId": self.client_id,
            "EventBusName": self.stack,
        } | changes
        parameters = {name: {"Type": "String", "Default": value} for name, value in self.parameters.items()}
        return json.dumps({
            "Parameters": parameters,
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {key: {"Value": value} for key, value in outputs.items() if value},
        })  # fmt: skip

    def change_stack(self, parameters: dict[str, str] | None = None, **outputs: Any) -> None:
        self.parameters = self.parameters | (parameters or {})
        self.client("cloudformation").update_stack(StackName=self.stack, TemplateBody=self.template(**outputs))


@pytest.fixture(scope="session")
def lambda_role(moto_endpoint: str) -> str:
    iam = emulators.client("iam", moto_endpoint)
    return str(iam.create_role(RoleName="doctors-gate", AssumeRolePolicyDocument="{}")["Role"]["Arn"])


@pytest.fixture
def ward(moto_endpoint: str, lambda_role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ward:
    return Ward(moto_endpoint, tmp_path, lambda_role, monkeypatch)


@pytest.fixture
def http_api(ward: Ward) -> str:
    """An HTTP API with one route, attached."""
    v2 = ward.client("apigatewayv2")
    api = str(v2.create_api(Name="shop", ProtocolType="HTTP")["ApiId"])
    target = v2.create_integration(
        ApiId=api, IntegrationType="HTTP_PROXY", IntegrationMethod="GET", IntegrationUri="http://127.0.0.1:9",
        PayloadFormatVersion="1.0",
    )["IntegrationId"]  # fmt: skip
    v2.create_route(ApiId=api, RouteKey="GET /search", Target=f"integrations/{target}")
    v2.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    run = ward.command("attach", api, "--solution", "faiss-search", "--yes")
    assert run.returncode == 0, run.stderr
    return api
