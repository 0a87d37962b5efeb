"""The stack that CloudFormation makes of the template, with this or that parameter."""

import re
import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.emulators import ROOT
from tests.support.sam import translate
from tests.support.template import TEMPLATE
from token_service.signing.key_lifecycle import STORED_AFTER

pytestmark = pytest.mark.usefixtures("processes")

DEFAULTS: dict[str, str] = {name: str(one["Default"]) for name, one in TEMPLATE["Parameters"].items()}
OTHERS = {
    "Architecture": "x86_64",
    "LogRetentionDays": "90",
    "AuthorizerMemory": "1024",
    "ExistingUserPoolId": "us-east-1_Existing1",
    "EmailFrom": "codes@example.com",
    "EmailIdentity": "example.com",
    "KeyRotationDays": "90",
    "EndpointUrl": "http://127.0.0.1:4566",
    "DynamoDbEndpointUrl": "https://dynamodb-fips.us-east-1.amazonaws.com",
    "RazorpaySecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:razorpay-AbCdEf",
    "RazorpayUrl": "http://127.0.0.1:9000",
    "ReconcileHours": "26",
    "AlarmTopicArn": "arn:aws:sns:us-east-1:123456789012:alarms",
    "DecidedPercent": "95",
    "TrafficShift": "Canary10Percent5Minutes",
    "Portal": "false",
    "PortalDomain": "marketplace.example.com",
    "PortalCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0000-4000-8000-000000000001",
}
"""A value of each parameter that is not its default."""
TEXT = re.sub(r"CodeUri: \.$", "CodeUri: s3://bucket/key", (ROOT / "template.yaml").read_text(), flags=re.MULTILINE)


def deployed(*changes: dict[str, str], text: str = TEXT, stack: str = "one") -> list[dict[str, Any]]:
    """The resources of the stack as CloudFormation makes them, once for each change of the parameters' defaults."""
    made = translate(text, [DEFAULTS | change for change in changes])
    return [_Values(DEFAULTS | change, stack).resources(one) for one, change in zip(made, changes, strict=True)]


class _Values:
    """What intrinsic functions give, as far as parameters decide it; what is known only to AWS stays as it is.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
    """

    GONE = object()

    def __init__(self, parameters: Mapping[str, str], stack: str) -> None:
        stack_id = (
            f"arn:aws:cloudformation:us-east-1:123456789012:stack/{stack}/{uuid.uuid5(uuid.NAMESPACE_DNS, stack)}"
        )
        self.known = {**parameters, "AWS::StackName": stack, "AWS::StackId": stack_id, "AWS::NoValue": self.GONE}

    def resources(self, made: dict[str, Any]) -> dict[str, Any]:
        return {
            name: self.value(one["Properties"]) | {"Type": one["Type"]}
            for name, one in made.items()
            if "Condition" not in one or self.holds(one["Condition"])
        }

    def holds(self, condition: str) -> bool:
        return bool(self.value(TEMPLATE["Conditions"][condition]))

    def value(self, given: Any) -> Any:
        if isinstance(given, list):
            return [value for one in given if (value := self.value(one)) is not self.GONE]
        if not isinstance(given, dict):
            return given
        match list(given.items()):
            case [("Ref", name)] if name in self.known:
                return self.known[name]
            case [("Fn::If" | "If", [condition, one, other])]:
                return self.value(one if self.holds(condition) else other)
            case [("Fn::Equals" | "Equals", [one, other])]:
                return str(self.value(one)) == str(self.value(other))
            case [("Fn::Not" | "Not", [one])]:
                return not self.value(one)
            case [("Fn::Sub", str(text))]:
                return self.filled(text, self.known)
            case [("Fn::Sub", [str(text), dict(names)])]:
                return self.filled(text, self.known | {name: self.value(one) for name, one in names.items()})
            case [("Fn::Select", [index, parts])]:
                return self.value(parts)[int(index)]
            case [("Fn::Split", [mark, text])]:
                return self.value(text).split(mark)
        return {name: value for name, one in given.items() if (value := self.value(one)) is not self.GONE}

    @staticmethod
    def filled(text: str, known: Mapping[str, Any]) -> str:
        return re.sub(r"\$\{([\w:]+)\}", lambda name: str(known.get(name[1], name[0])), text)


def refused(**changes: str) -> set[str]:
    """The rules that refuse these parameters."""
    values = _Values(DEFAULTS | changes, "one")
    return {
        name
        for name, rule in TEMPLATE["Rules"].items()
        if values.value(rule["RuleCondition"]) and not all(values.value(one["Assert"]) for one in rule["Assertions"])
    }


def published(resources: dict[str, Any]) -> Any:
    """The version that `live` points to. Another name, or another property, makes CloudFormation publish another one."""
    return {name: one for name, one in resources.items() if one["Type"] == "AWS::Lambda::Version"}


def test_every_parameter_has_another_value_here() -> None:
    assert OTHERS.keys() == DEFAULTS.keys()
    assert [name for name, value in OTHERS.items() if DEFAULTS[name] == value] == []


def test_whatever_parameter_changes_the_authorizer_reaches_its_alias_and_no_other_publishes_a_version() -> None:
    """Lambda has no second version of what has not changed: "A version for this Lambda function exists" ends a
    deployment that asks for one.

    https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
    """
    was, *now = deployed({}, *({name: value} for name, value in OTHERS.items()))
    changing = {name for name, one in zip(OTHERS, now, strict=True) if one["Authorizer"] != was["Authorizer"]}
    publishing = {name for name, one in zip(OTHERS, now, strict=True) if published(one) != published(was)}
    assert publishing == changing
    assert changing >= {"Architecture", "AuthorizerMemory", "EndpointUrl"}


def test_what_checkov_passes_over_is_justified_where_it_is() -> None:
    """`make audit` runs Checkov, which takes too long for every change."""
    skipped = [
        (name, skip)
        for name, one in TEMPLATE["Resources"].items()
        for skip in one.get("Metadata", {}).get("checkov", {}).get("skip", ())
    ]
    assert len(skipped) > 20
    text = (ROOT / "template.yaml").read_text()
    for name, skip in skipped:
        assert skip.keys() == {"id", "comment"}, name
        elsewhere = re.fullmatch(r"see (\w+)", skip["comment"])
        if elsewhere and elsewhere[1] == "Globals":
            assert f"({skip['id']})" in text[: text.index("\nGlobals:")]
        elif elsewhere:
            assert (elsewhere[1], skip["id"]) in {(other, one["id"]) for other, one in skipped}
        else:
            assert len(skip["comment"]) > 20, name


def test_traffic_is_shifted_by_codedeploy_only_where_a_parameter_says_so_and_back_when_the_table_cannot_be_asked() -> (
    None
):
    """Never by Lambda's Errors: https://docs.aws.amazon.com/apigateway/latest/developerguide/
    apigateway-use-lambda-authorizer.html (a 401 is an exception)
    """
    plain, shifted = translate(TEXT, [DEFAULTS, DEFAULTS | {"TrafficShift": "Linear10PercentEvery1Minute"}])
    assert not any(one["Type"].startswith("AWS::CodeDeploy::") for one in plain.values())
    assert "UpdatePolicy" not in plain["AuthorizerAliaslive"]
    assert shifted["AuthorizerAliaslive"]["UpdatePolicy"].keys() == {"CodeDeployLambdaAliasUpdate"}
    group = shifted["AuthorizerDeploymentGroup"]["Properties"]
    assert group["DeploymentConfigName"] == {"Fn::Sub": [
        "CodeDeployDefault.Lambda${ConfigName}", {"ConfigName": "Linear10PercentEvery1Minute"}
    ]}  # fmt: skip
    assert group["AlarmConfiguration"] == {"Enabled": True, "Alarms": [{"Name": {"Ref": "StoreUnavailable"}}]}
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert "CodeDeployServiceRole" not in shifted


def test_the_longest_values_fit_the_versions_description() -> None:
    """Lambda takes 256 characters: https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html"""
    longest = {"AuthorizerMemory": "3008", "Architecture": "x86_64"}
    longest |= {
        name: "x" * TEMPLATE["Parameters"][name]["MaxLength"] for name in ("EndpointUrl", "DynamoDbEndpointUrl")
    }
    (version,) = published(deployed(longest)[0]).values()
    assert 200 < len(version["Description"]) <= 256


def test_a_release_that_changes_anything_of_the_authorizer_reaches_its_alias() -> None:
    (was,) = deployed({})
    assert TEXT.count("Timeout: 9\n") == 1
    (now,) = deployed({}, text=TEXT.replace("Timeout: 9\n", "Timeout: 8\n"))
    assert published(now).keys() != published(was).keys()


def test_a_key_is_retired_only_when_no_request_that_it_signed_for_still_runs() -> None:
    """Lambda ends a request at the time limit. Two machines' clocks differ by at most five seconds."""
    assert TEMPLATE["Resources"]["TokenService"]["Properties"]["Timeout"] + 5 <= STORED_AFTER


def test_usage_may_read_the_stream_of_a_table_that_was_restored() -> None:
    """Its stream has another label: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html"""
    policies = TEMPLATE["Resources"]["UsageRole"]["Properties"]["Policies"]
    statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
    (read,) = (one for one in statements if "dynamodb:GetRecords" in one["Action"])
    assert read["Resource"] == {"Sub": "${Table.Arn}/stream/*"}


def test_no_two_stacks_of_an_account_make_a_thing_of_the_same_name() -> None:
    """Names are unique in an account, and a Region. CloudFormation makes such ones for what has no name:

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
    """
    parts = {"MetricName", "StageName", "PolicyName", "DeploymentConfigName"}
    """What is named inside of another resource, or by AWS."""
    fixed = []
    for stack in ("one", "two"):
        (made,) = deployed(OTHERS | {"ExistingUserPoolId": "", "Portal": "true"}, stack=stack)
        assert {"PortalAccess", "PortalHeaders", "PortalPages"} <= made.keys()
        fixed.append({
            (name, key, str(value))
            for name, one in made.items()
            if one["Type"] != "AWS::Lambda::Alias"
            for key, value in [*one.items(), *one.get(f"{one['Type'].rpartition('::')[2]}Config", {}).items()]
            if key.endswith("Name") and key not in parts and isinstance(value, str)
        })  # fmt: skip
        assert len(made) > 30
    assert fixed[0] & fixed[1] == set()
    for output in TEMPLATE["Outputs"].values():
        assert output["Export"]["Name"]["Sub"].startswith("${AWS::StackName}-")


def test_a_domain_of_the_portal_needs_its_certificate_and_the_other_way_round() -> None:
    domain, certificate = ({name: OTHERS[name]} for name in ("PortalDomain", "PortalCertificateArn"))
    assert refused() == refused(**domain, **certificate) == set()
    assert refused(**domain) == {"PortalDomainCertified"}
    assert refused(**certificate) == {"PortalCertificateUsed"}


def test_a_sender_is_refused_for_a_pool_that_the_stack_does_not_make() -> None:
    sender = {name: OTHERS[name] for name in ("EmailFrom", "EmailIdentity")}
    adopted = {"ExistingUserPoolId": OTHERS["ExistingUserPoolId"]}
    assert refused(**sender) == refused(**adopted) == set()
    assert refused(**sender, **adopted) == {"SenderOfOwnPool"}


def test_a_certificate_of_another_region_is_refused_before_cloudfront_does() -> None:
    pattern = re.compile(TEMPLATE["Parameters"]["PortalCertificateArn"]["AllowedPattern"])
    assert pattern.search(OTHERS["PortalCertificateArn"])
    assert pattern.search(OTHERS["PortalCertificateArn"].replace("us-east-1", "ap-south-1")) is None


def test_the_portal_has_its_domain_or_cloudfronts_and_can_be_left_out() -> None:
    domain = {name: OTHERS[name] for name in ("PortalDomain", "PortalCertificateArn")}
    plain, named, without = deployed({}, domain, {"Portal": "false"})
    config = plain["PortalDistribution"]["DistributionConfig"]
    assert (config["ViewerCertificate"], "Aliases" in config) == ({"CloudFrontDefaultCertificate": True}, False)
    config = named["PortalDistribution"]["DistributionConfig"]
    assert config["Aliases"] == [OTHERS["PortalDomain"]]
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert [name for name in without if name.startswith("Portal")] == []
    assert without["TokenService"]["Environment"]["Variables"]["GATEPASS_PORTAL_SECRET"] == ""


@pytest.mark.parametrize("name", ["Authorizer", "TokenService", "KeyRotation"])
def test_a_function_is_told_of_an_endpoint_only_where_a_parameter_names_one(name: str) -> None:
    without, given = deployed({"KeyRotationDays": "90"}, OTHERS)
    assert {v for v in without[name]["Environment"]["Variables"] if v.startswith("AWS_")} == set()
    variables = given[name]["Environment"]["Variables"]
    assert variables["AWS_ENDPOINT_URL"] == OTHERS["EndpointUrl"]
    assert variables["AWS_ENDPOINT_URL_DYNAMODB"] == OTHERS["DynamoDbEndpointUrl"]
