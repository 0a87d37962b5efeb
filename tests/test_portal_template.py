"""The portal that the template makes: private files, the pages' policy, and an API that sees the visitor."""

import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from gatepass.portal import PAGE, PORTAL, security_policy
from tests.support.emulators import unavailable
from tests.support.template import TEMPLATE
from token_service.web.edge import HEADERS

RESOURCES: dict[str, Any] = {name: one["Properties"] for name, one in TEMPLATE["Resources"].items()}
DISTRIBUTION = RESOURCES["PortalDistribution"]["DistributionConfig"]
BEHAVIORS = {one["PathPattern"]: one for one in DISTRIBUTION["CacheBehaviors"]}
API = "https://abc123.execute-api.us-east-1.amazonaws.com"


def headers(policy: str) -> dict[str, str]:
    """What a response headers policy sends that it names in full."""
    items = RESOURCES[policy]["ResponseHeadersPolicyConfig"]["CustomHeadersConfig"]["Items"]
    assert all(one["Override"] is True for one in items)
    return {one["Header"]: one["Value"] for one in items}


def test_the_pages_policy_is_the_one_that_the_code_composes() -> None:
    page = (PORTAL / PAGE).read_text()
    script = re.search(r'<meta name="razorpay-script" content="([^"]+)"', page)
    assert script is not None
    sent = RESOURCES["PortalHeaders"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]["ContentSecurityPolicy"]
    assert sent == {"ContentSecurityPolicy": security_policy("", script[1]), "Override": True}
    assert "connect-src 'self' https://lumberjack.razorpay.com" in sent["ContentSecurityPolicy"]
    assert DISTRIBUTION["DefaultCacheBehavior"]["ResponseHeadersPolicyId"] == {"Ref": "PortalHeaders"}


def test_payments_work_under_the_pages_headers() -> None:
    """Razorpay's frame opens windows of banks and asks browsers for payments."""
    sent = headers("PortalHeaders")
    assert sent["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert 'payment=(self "https://api.razorpay.com")' in sent["Permissions-Policy"]
    assert re.fullmatch(r"[a-z-]+=\([^)]*\)(, [a-z-]+=\([^)]*\))*", sent["Permissions-Policy"])


def test_the_versioned_script_may_be_loaded_by_pages_of_every_origin() -> None:
    behavior = BEHAVIORS["/gatepass-*.js"]
    assert behavior["ResponseHeadersPolicyId"] == {"Ref": "PortalScriptHeaders"}
    assert "FunctionAssociations" not in behavior
    cors = RESOURCES["PortalScriptHeaders"]["ResponseHeadersPolicyConfig"]["CorsConfig"]
    assert (cors["AccessControlAllowOrigins"], cors["AccessControlAllowCredentials"]) == ({"Items": ["*"]}, False)
    assert headers("PortalScriptHeaders") == {"Cross-Origin-Resource-Policy": "cross-origin"}


def test_no_page_speaks_for_the_other_hosts_of_its_domain() -> None:
    """`PortalDomain` can be a domain whose other hosts are not ours, and perhaps not on HTTPS (RFC 6797 section 6.1.2)."""
    policies = [one for one in TEMPLATE["Resources"].values() if one["Type"].endswith("::ResponseHeadersPolicy")]
    assert len(policies) == 2
    for one in policies:
        sent = one["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]["StrictTransportSecurity"]
        assert sent["IncludeSubdomains"] is False
        assert f"max-age={sent['AccessControlMaxAgeSec']}" == HEADERS["Strict-Transport-Security"]


@pytest.mark.parametrize("pattern", ["/v1/*", "/.well-known/*"])
def test_the_api_is_forwarded_whole_and_never_cached(pattern: str) -> None:
    """By managed policies:

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
    """
    behavior = BEHAVIORS[pattern]
    assert behavior["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # CachingDisabled
    assert behavior["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"  # AllViewerExceptHostHeader
    assert set(behavior["AllowedMethods"]) == {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"}
    assert behavior["ViewerProtocolPolicy"] == "https-only"
    # Without it, the token service would believe the header that the visitor sent.
    (function,) = behavior["FunctionAssociations"]
    assert function == {"EventType": "viewer-request", "FunctionARN": {"GetAtt": "PortalApi.FunctionARN"}}


def test_every_behavior_that_leads_to_the_token_service_tells_the_visitors_address() -> None:
    every = [DISTRIBUTION["DefaultCacheBehavior"], *DISTRIBUTION["CacheBehaviors"]]
    leading = [one for one in every if one["TargetOriginId"] == "token-service"]
    assert len(leading) == 2
    assert all("PortalApi.FunctionARN" in str(one["FunctionAssociations"]) for one in leading)


def test_errors_of_the_api_are_not_replaced_and_addresses_not_logged() -> None:
    assert {"CustomErrorResponses", "Logging"}.isdisjoint(DISTRIBUTION)


def test_only_the_distribution_reads_the_bucket() -> None:
    bucket = RESOURCES["PortalBucket"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    allowed = [
        one for one in RESOURCES["PortalBucketPolicy"]["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"
    ]
    assert [(one["Principal"], one["Action"]) for one in allowed] == [
        ({"Service": "cloudfront.amazonaws.com"}, "s3:GetObject")
    ]
    source = allowed[0]["Condition"]["StringEquals"]["AWS:SourceArn"]
    assert source["Sub"].endswith(":distribution/${PortalDistribution}")


def test_a_deleted_stack_leaves_the_bucket_which_it_could_not_delete() -> None:
    bucket = TEMPLATE["Resources"]["PortalBucket"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")


def run(function: str, *events: dict[str, Any]) -> list[dict[str, Any]]:
    """What a CloudFront Function returns, under Node: it uses nothing that the two do not share.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html
    """
    node = shutil.which("node")
    if node is None:
        unavailable("Node.js")
    code = RESOURCES[function]["FunctionCode"]
    code = code["Sub"].replace("${TokenApi.ApiEndpoint}", API) if isinstance(code, dict) else code
    assert "${" not in code
    code += f"\nconsole.log(JSON.stringify({json.dumps(events)}.map(handler)))"
    done = subprocess.run([str(node), "-e", code], capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


def request(uri: str, **headers: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html"""
    told = {name.replace("_", "-"): {"value": value} for name, value in headers.items()}
    return {"viewer": {"ip": "2001:db8::7"}, "request": {"method": "POST", "uri": uri, "headers": told}}


def test_addresses_without_a_file_extension_are_the_page(processes: None) -> None:
    paths = ["/", "/my-solutions", "/my-solutions/", "/a.b/c", "/style.css", "/llms.txt", "/gatepass-0.2.0.js"]
    answers = run("PortalPages", *map(request, paths))
    assert [one["uri"] for one in answers] == ["/index.html"] * 4 + paths[4:]


def test_the_address_that_a_visitor_names_is_replaced_by_the_one_that_cloudfront_saw(processes: None) -> None:
    forged = request("/v1/sessions", x_gatepass_viewer="198.51.100.7", authorization="Bearer x")
    (answer,) = run("PortalApi", forged)
    assert answer["uri"] == "/v1/sessions"
    assert answer["headers"] == {
        "x-gatepass-viewer": {"value": "2001:db8::7"},
        "authorization": {"value": "Bearer x"},
    }


def test_what_counts_by_the_callers_address_is_not_served_there_and_says_where(processes: None) -> None:
    answers = run("PortalApi", *map(request, ["/v1/validate", "/v1/auth", "/v1/auth/", "/v1/authors"]))
    assert [one.get("statusCode") for one in answers] == [404, 404, 404, None]
    assert answers[0]["headers"]["content-type"] == {"value": "application/problem+json"}
    problem = json.loads(answers[0]["body"]["data"])
    assert (problem["type"], problem["status"]) == ("urn:gatepass:route_unknown", 404)
    assert f"{API}/v1/validate" in problem["detail"]
