"""A stack is deployed, gets its keys, and somebody registers."""

from tests.deploy.cloud import Cloud
from tests.deploy.conftest import STACK, Operator, User
from token_service.signing.kms import STACK_TAG


def test_deployed_functions_are_told_of_no_endpoint(cloud: Cloud, outputs: dict[str, str]) -> None:
    """So they use the one that the emulator, or AWS, gives them: an empty variable would hide it."""
    resources = cloud.resources(STACK)
    for name in ("Authorizer", "TokenService", "KeyRotation"):
        found = cloud.client("lambda").get_function_configuration(FunctionName=resources[name])
        assert {v for v in found["Environment"]["Variables"] if v.startswith("AWS_")} == set()


def test_init_makes_keys_of_the_stack_whose_tag_the_table_has(cloud: Cloud, market: str) -> None:
    kms = cloud.client("kms")
    tags = [kms.list_resource_tags(KeyId=key["KeyId"])["Tags"] for key in kms.list_keys()["Keys"]]
    assert tags == [[{"TagKey": STACK_TAG, "TagValue": STACK}]] * 2


def test_init_asks_the_stack_for_its_pool_and_finds_no_fault(market: str) -> None:
    assert "has a key ring now" in market
    assert "pool" not in market


def test_the_published_keys_are_those_of_the_ring(cloud: Cloud, outputs: dict[str, str], gatepass: Operator) -> None:
    answer = cloud.call("GET", f"{outputs['TokenServiceUrl']}/.well-known/jwks.json")
    (key,) = answer.body["keys"]
    assert key["kid"] in gatepass("keys", "list")


def test_who_registered_sees_the_access_they_got(cloud: Cloud, outputs: dict[str, str], user: User) -> None:
    answer = cloud.call("GET", f"{outputs['TokenServiceUrl']}/v1/entitlements", token=user.id_token)
    (entitlement,) = answer.body["entitlements"]
    assert (entitlement["solution_id"], entitlement["plan"]) == ("faiss-search", "registered")


def test_a_browser_of_the_solutions_page_may_ask_and_no_other(
    cloud: Cloud, outputs: dict[str, str], user: User
) -> None:
    url = f"{outputs['TokenServiceUrl']}/v1/sessions"
    allowed = "access-control-allow-origin"
    page = {"Origin": "http://localhost:8000", "Access-Control-Request-Method": "POST"}
    answer = cloud.call("OPTIONS", url, **page)
    assert (answer.status, answer.headers.get(allowed)) == (204, "http://localhost:8000")
    answer = cloud.call("OPTIONS", url, **page | {"Origin": "https://elsewhere.example.com"})
    assert allowed not in answer.headers


def test_a_token_is_renewed_under_the_key_that_signs_now(
    cloud: Cloud, outputs: dict[str, str], gatepass: Operator, user: User
) -> None:
    gatepass("keys", "rotate", "--now")
    answer = cloud.call("POST", f"{outputs['TokenServiceUrl']}/v1/tokens/refresh", token=user.token)
    secret, _, jws = user.token.partition(".")
    assert answer.body["token"].startswith(f"{secret}.")
    assert not answer.body["token"].endswith(jws)
    user.token = answer.body["token"]
