"""Checks of what CloudFormation made: the stack, the authorizer behind its alias, usage, payments, alarms."""

from typing import Any, Final

from entitlements.refusals import Refused
from gatepass.attach import permission
from gatepass.attach.resources import FunctionPermission
from gatepass.doctor.checkup import Check, Examination, Skipped, Trouble, require_stack
from gatepass.doctor.patient import Patient
from token_service.payments.secrets import secret_of

GOOD: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-describing-stacks.html"""
OUTPUTS: Final = ("TableName", "AuthorizerArn", "TokenServiceUrl", "UserPoolId", "UserPoolClientId", "EventBusName")
AGAIN: Final = "deploy the stack again"


def check_stack(patient: Patient) -> Examination:
    """Whether the last deployment succeeded, and the stack is this table's."""
    require_stack(patient)
    status = str(patient.description["StackStatus"])
    if status.endswith("_IN_PROGRESS"):
        yield Trouble(f"{patient.stack} is being deployed ({status})", "run this again when that has finished")
    elif status not in GOOD:
        yield Trouble(
            f"the last deployment of {patient.stack} ended with {status}",
            f"see its events: aws cloudformation describe-stack-events --stack-name {patient.stack}",
        )
    outputs = patient.outputs
    if missing := [name for name in OUTPUTS if name not in outputs]:
        yield Trouble(f"{patient.stack} has no output {', '.join(missing)}", f"{AGAIN}, from this release")
    elif outputs["TableName"] != patient.table:
        yield Trouble(
            f"the functions of {patient.stack} use the table {outputs['TableName']}, not {patient.table}",
            "set GATEPASS_TABLE to that one, or put the restored table in its place: "
            "docs/operations.md, Backup and restore",
        )
    return f"{patient.stack} is {status}"


def required_output(patient: Patient, name: str) -> str:
    """An output of the stack; raises `Skipped` if there is none, which `check_stack` reports."""
    require_stack(patient)
    if name not in patient.outputs:
        raise Skipped(f"the stack has no output {name}")
    return patient.outputs[name]


def check_authorizer(patient: Patient) -> Examination:
    """Whether the version that APIs call runs, uses this table, and may be called by API Gateway."""
    arn = required_output(patient, "AuthorizerArn")
    function, alias = arn.rsplit(":", 1)
    config = patient.aws.call("lambda", "get_function_configuration", FunctionName=function, Qualifier=alias)
    state, update = config.get("State", "Active"), config.get("LastUpdateStatus", "Successful")
    if (state, update) != ("Active", "Successful"):
        cause = config.get("StateReason") or config.get("LastUpdateStatusReason") or "no reason is told"
        yield Trouble(
            f"the authorizer is {state}, its last update {update}: {cause}", "wait if it is pending, else " + AGAIN
        )
    table = config.get("Environment", {}).get("Variables", {}).get("GATEPASS_TABLE")
    if table != patient.table:
        yield Trouble(f"the authorizer decides by the table {table}, not {patient.table}", AGAIN)
    if permission.read(patient.aws, arn)[0] is not FunctionPermission.WHOLE_ACCOUNT:
        yield Trouble(
            "API Gateway may not call the authorizer: every request is answered with 500",
            f"{AGAIN}; until then, gatepass attach gives the permission too",
        )
    routing = patient.aws.call("lambda", "get_alias", FunctionName=function, Name=alias).get("RoutingConfig") or {}
    weights = routing.get("AdditionalVersionWeights") or {}
    shifting = "".join(f", {weight:.0%} of requests to version {version}" for version, weight in weights.items())
    return f"version {config.get('Version')}, {config.get('MemorySize')} MB{shifting}"


def check_usage(patient: Patient) -> Examination:
    """Whether the table's stream is read, so that usage is counted."""
    require_stack(patient)
    kind, function = patient.resources.get("Usage", ("", ""))
    if not kind:
        yield Trouble("the stack has no function Usage", f"{AGAIN}, from this release")
        return ""
    mappings = patient.aws.call("lambda", "list_event_source_mappings", FunctionName=function)["EventSourceMappings"]
    # A restored table has another stream than the one that the stack was deployed with.
    table = patient.dynamodb.call("dynamodb", "describe_table", TableName=patient.table)["Table"]
    of_this = [one for one in mappings if one.get("EventSourceArn") == table.get("LatestStreamArn")]
    states = [str(one.get("State")) for one in of_this]
    if "Enabled" not in states:
        yield Trouble(
            f"the table's stream is not read: {', '.join(states) or 'it has no event source mapping'}",
            "enable the mapping (aws lambda update-event-source-mapping --enabled), or make one: docs/operations.md, "
            "Backup and restore",
        )
    for result in {str(one.get("LastProcessingResult", "")) for one in mappings}:
        if result.startswith("PROBLEM"):
            yield Trouble(f"usage is not counted: {result}", f"see the log of {function}")
    return "the stream is read"


def check_payments(patient: Patient) -> Examination:
    """Whether the secret with Razorpay's keys can be read, and holds them."""
    require_stack(patient)
    arn = patient.parameters.get("RazorpaySecretArn", "")
    if not arn:
        raise Skipped("nothing is sold: RazorpaySecretArn is empty")
    text = patient.aws.call("secretsmanager", "get_secret_value", SecretId=arn).get("SecretString", "")
    try:
        secret = secret_of(text)
    except Refused as error:
        yield Trouble(str(error), "write the secret as docs/operations.md, Setting Razorpay up, shows")
        return ""
    if not secret.webhook_secrets[0]:
        yield Trouble("the secret has no webhook_secret: Razorpay's events are refused", "add it to the secret")
    return f"the secret has keys of {'live' if secret.key_id.startswith('rzp_live_') else 'test'} mode"


def check_alarms(patient: Patient) -> Examination:
    """Whether an alarm of the stack is raised."""
    require_stack(patient)
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    names = {physical: name for name, (kind, physical) in patient.resources.items() if kind in kinds}
    raised = [one for one in _alarms(patient, list(names)) if one["StateValue"] == "ALARM"]
    for alarm in raised:
        name = names[alarm["AlarmName"]]
        yield Trouble(
            f"{name} is raised: {alarm.get('StateReason', '')}".rstrip(": "),
            f"docs/operations.md has the runbook {name}",
        )
    topic = patient.parameters.get("AlarmTopicArn")
    return f"none of {len(names)} is raised" + ("" if topic else "; they notify nobody, since AlarmTopicArn is empty")


def _alarms(patient: Patient, names: list[str]) -> list[dict[str, Any]]:
    """At most 100 at a time: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html"""
    found: list[dict[str, Any]] = []
    for begin in range(0, len(names), 100):
        asked = {"AlarmNames": names[begin : begin + 100], "MaxRecords": 100}
        found += patient.aws.call("cloudwatch", "describe_alarms", **asked)["MetricAlarms"]
    return found


_STACK: Final = ("cloudformation:DescribeStacks", "cloudformation:ListStackResources")
CHECKS: Final = (
    Check("stack", _STACK[:1], check_stack),
    Check(
        "authorizer",
        (*_STACK[:1], "lambda:GetFunctionConfiguration", "lambda:GetPolicy", "lambda:GetAlias"),
        check_authorizer,
    ),
    Check("usage", (*_STACK, "lambda:ListEventSourceMappings", "dynamodb:DescribeTable"), check_usage),
    Check("payments", (*_STACK[:1], "secretsmanager:GetSecretValue"), check_payments),
    Check("alarms", (*_STACK, "cloudwatch:DescribeAlarms"), check_alarms),
)
