"""A stack is deployed, gets its keys, and somebody registers."""

from typing import Any

from gatepass.local.razorpay import LocalRazorpay
from tests.deploy.cloud import Cloud
from tests.deploy.conftest import EXAMPLE, STACK, Operator, User
from tests.support.emulators import ROOT
from token_service.signing.kms import STACK_TAG


def test_deployed_functions_are_told_of_no_endpoint(cloud: Cloud, outputs: dict[str, str]) -> None:
    """So they use the one that the emulator, or AWS, gives them: an empty variable would hide it."""
    resources = cloud.resources(STACK)
    for name in ("Authorizer", "TokenService", "KeyRotation", "Payments"):
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


def test_who_pays_has_the_plan_and_the_event_and_the_job_change_nothing_more(
    cloud: Cloud, outputs: dict[str, str], gatepass: Operator, razorpay: LocalRazorpay, user: User
) -> None:
    def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = cloud.call(method, f"{outputs['TokenServiceUrl']}/v1/{path}", body, user.id_token, **headers)
        assert answer.status == 200, answer
        return answer.body

    gatepass("razorpay", "plans", "push", str(EXAMPLE / "solution.yaml"))
    order = ask("POST", "checkout", {"solution_id": "faiss-search", "plan": "pro"})["subscription_id"]
    with razorpay.account() as account:
        payment = account.authenticate(order)["id"]
        returned = account.checkout_return(payment)
        events = list(account.outbox.deliveries)
    assert ask("POST", "checkout/complete", returned)["plan"] == "pro"
    for event in events:
        ask("POST", "webhooks/razorpay", event.body, **event.headers)
    for sample in ("schedule_every_minute", "schedule_comparison"):
        job = cloud.resources(STACK)["Payments"]
        answer = cloud.client("lambda").invoke(
            FunctionName=job, Payload=(ROOT / "events" / "payments" / f"{sample}.json").read_bytes()
        )
        assert "FunctionError" not in answer, answer["Payload"].read()
    (paid,) = ask("GET", "payments")["payments"]
    assert (paid["payment_id"], paid["state"]) == (payment, "paid")
    assert gatepass("payments", "list", "--unfinished") == "no unfinished events\n"
    gatepass("entitlements", "set-plan", "--user", user.id, "--solution", "faiss-search", "--plan", "registered")
