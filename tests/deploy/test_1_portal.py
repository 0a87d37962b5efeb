"""The portal is deployed with the stack, its pages are published, and its visitors are counted each for themselves."""

import json
from typing import Any

from gatepass.published_script import published
from tests.deploy.cloud import Cloud
from tests.deploy.conftest import STACK, Operator
from token_service.users.limits import SIGN_INS
from token_service.web.viewer import ADDRESS_HEADER, SECRET_HEADER


def distribution(cloud: Cloud, outputs: dict[str, str]) -> dict[str, Any]:
    answer = cloud.client("cloudfront").get_distribution_config(Id=outputs["PortalDistributionId"])
    return dict(answer["DistributionConfig"])


def secret_header(cloud: Cloud, outputs: dict[str, str]) -> str:
    """What the distribution adds to requests to the token service."""
    (origin,) = [one for one in distribution(cloud, outputs)["Origins"]["Items"] if one["Id"] == "token-service"]
    (header,) = origin["CustomHeaders"]["Items"]
    assert header["HeaderName"] == SECRET_HEADER
    return str(header["HeaderValue"])


def test_the_pages_are_published_to_the_bucket_of_the_distribution(
    cloud: Cloud, outputs: dict[str, str], gatepass: Operator, market: str
) -> None:
    told = gatepass("portal", "publish", "--portal-name", "Example")
    assert f"published {outputs['PortalUrl']}/" in told
    assert told.endswith(f"{published().tag(outputs['PortalUrl'], outputs['TokenServiceUrl'])}\n")
    s3, bucket = cloud.client("s3"), outputs["PortalBucketName"]
    page = s3.get_object(Bucket=bucket, Key="index.html")
    assert page["ContentType"] == "text/html; charset=utf-8"
    assert b'<meta name="solutions" content="faiss-search">' in page["Body"].read()
    assert s3.get_object(Bucket=bucket, Key=published().name)["Body"].read() == published().content
    origins = {one["Id"]: one["DomainName"] for one in distribution(cloud, outputs)["Origins"]["Items"]}
    assert origins["pages"].startswith(f"{bucket}.s3.")
    listed = cloud.client("cloudfront").list_invalidations(DistributionId=outputs["PortalDistributionId"])
    assert listed["InvalidationList"]["Quantity"] == 1
    assert "unchanged: " in gatepass("portal", "publish", "--portal-name", "Example", "--dry-run")


def test_the_distribution_and_the_function_share_a_secret_that_no_template_shows(
    cloud: Cloud, outputs: dict[str, str]
) -> None:
    resources = cloud.resources(STACK)
    stored = cloud.client("secretsmanager").get_secret_value(SecretId=resources["PortalSecret"])["SecretString"]
    function = cloud.client("lambda").get_function_configuration(FunctionName=resources["TokenService"])
    assert len(stored) == 43
    assert secret_header(cloud, outputs) == stored
    assert function["Environment"]["Variables"]["GATEPASS_PORTAL_SECRET"] == stored
    shown = cloud.client("cloudformation").get_template(StackName=STACK)["TemplateBody"]
    assert stored not in (shown if isinstance(shown, str) else json.dumps(shown))


def test_only_the_distribution_can_name_a_visitor(cloud: Cloud, outputs: dict[str, str], market: str) -> None:
    right = secret_header(cloud, outputs)

    def guesses(secret: str, email: str) -> list[int]:
        """From as many addresses as the headers name, and over one connection's own."""
        body = {"email": email, "password": "Wr0ng-password", "solution_id": "faiss-search"}
        url = f"{outputs['TokenServiceUrl']}/v1/sessions"
        return [
            cloud.call("POST", url, body, **{SECRET_HEADER: secret, ADDRESS_HEADER: f"198.51.100.{n}"}).status
            for n in range(SIGN_INS.most + 1)
        ]

    assert guesses("forged", "one@example.com") == [401] * SIGN_INS.most + [429]
    assert guesses(right, "two@example.com") == [401] * (SIGN_INS.most + 1)
