"""The example's page is deployed by its own template, and uploaded with its settings."""

import json
from typing import Any

import pytest

from examples.faiss_search import publish
from tests.deploy.cloud import Cloud
from tests.support.emulators import CREDENTIALS


@pytest.fixture
def published(cloud: Cloud, example: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What was uploaded to the page's bucket, by name."""
    for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": cloud.endpoint}).items():
        monkeypatch.setenv(name, value)
    assert publish.publish("finder") == example["PageUrl"]
    s3, where = cloud.client("s3"), {"Bucket": example["PageBucketName"]}
    return {one["Key"]: s3.get_object(**where, Key=one["Key"]) for one in s3.list_objects_v2(**where)["Contents"]}


def test_the_page_is_uploaded_with_the_addresses_of_both_stacks(
    outputs: dict[str, str], example: dict[str, str], published: dict[str, Any]
) -> None:
    assert published.keys() == {"app.js", "gatepass.js", "index.html", "style.css"}
    assert published["index.html"]["ContentType"] == "text/html; charset=utf-8"
    assert published["gatepass.js"]["ContentType"] == "text/javascript; charset=utf-8"
    page = published["index.html"]["Body"].read().decode()
    assert f'data-api="{example["ApiUrl"]}" data-token-service="{outputs["TokenServiceUrl"]}"' in page
    assert f'data-marketplace="{outputs["PortalUrl"]}"' in page


def test_only_the_distribution_reads_the_bucket(cloud: Cloud, example: dict[str, str]) -> None:
    s3, where = cloud.client("s3"), {"Bucket": example["PageBucketName"]}
    (statement,) = json.loads(s3.get_bucket_policy(**where)["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    (source,) = statement["Condition"]["StringEquals"].values()
    assert source.endswith(f":distribution/{example['PageDistributionId']}")
    assert all(s3.get_public_access_block(**where)["PublicAccessBlockConfiguration"].values())


def test_browsers_let_the_page_ask_the_api_and_the_token_service_alone(
    cloud: Cloud, outputs: dict[str, str], example: dict[str, str]
) -> None:
    cloudfront = cloud.client("cloudfront")
    policy = cloudfront.get_response_headers_policy(Id=cloud.resources("finder")["PageHeaders"])
    headers = policy["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    said = headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    asked = next(rule.split()[1:] for rule in said.split(";") if rule.split()[0] == "connect-src")
    assert asked == [example["ApiUrl"].removesuffix("/prod"), outputs["TokenServiceUrl"]]
    assert "frame-ancestors 'none'" in said
    assert "trusted-types 'none'" in said
