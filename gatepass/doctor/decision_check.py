"""Checks a decision of the deployed authorizer, by a token for nobody: signed by the real key, refused by the write.

All of the gate takes part: its settings, the key ring, the link of an API, the solution, the signature, and the write
itself, whose condition fails, since the user has no entitlement. So nothing is written and nothing spent.
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

import base64
import json
import secrets
from typing import Any, Final

from entitlements import base64url
from entitlements.items import api_key
from entitlements.keyring import KeyRing
from entitlements.reasons import Reason
from entitlements.token import assemble, jti_of, signing_input
from gatepass.attach import record as records
from gatepass.doctor.api_checks import linked_apis
from gatepass.doctor.checkup import Check, Examination, Trouble
from gatepass.doctor.patient import Patient
from gatepass.doctor.stack_checks import required_output
from gatepass.doctor.store_checks import required_ring

NOBODY: Final = "00000000-0000-0000-0000-000000000000"
"""No Cognito `sub`: those are random UUIDs (RFC 9562 section 5.9)."""
NO_API: Final = ("doctor", "none")
"""Where no API is linked. API Gateway makes the IDs itself, of ten letters and digits, so this is no API's, and the
template's metric filters leave it out: an alarm would report the check as an API that is not linked.
"""
BEFORE_THE_WRITE: Final = {
    Reason.API_UNKNOWN: "the write was not tried, since no API is linked yet",
    Reason.SOLUTION_DISABLED: "the write was not tried, since the solution of the API is disabled",
}


def check_decision(patient: Patient) -> Examination:
    """Whether the authorizer decides as it should, and tells so in its log."""
    arn, ring = required_output(patient, "AuthorizerArn"), required_ring(patient)
    (api_id, stage), solution_id = _target(patient)
    event = _event(arn, api_id, stage, token_for_nobody(patient, ring, solution_id))
    answer = patient.aws.call("lambda", "invoke", FunctionName=arn, LogType="Tail", Payload=json.dumps(event).encode())
    said = json.loads(answer["Payload"].read() or b"null")
    reason, detail = _reason(said, base64.b64decode(answer.get("LogResult") or "").decode("utf-8", "replace"))
    if reason == Reason.ENTITLEMENT_MISSING:
        return f"a token for nobody was refused by the write to the table, at {api_id}"
    if reason in BEFORE_THE_WRITE:
        return f"a token for nobody was refused ({reason}); {BEFORE_THE_WRITE[Reason(reason)]}"
    if reason == Reason.STORE_UNAVAILABLE:
        yield Trouble(
            f"the authorizer cannot use the table: {detail or 'see its log'}", "docs/operations.md, StoreUnavailable"
        )
    elif reason:
        yield Trouble(
            f"a token for nobody was refused for another reason than expected: {reason}",
            "run gatepass keys list and gatepass solutions list, and wait 60 s if something changed",
        )
    else:
        yield Trouble(f"the authorizer failed: {_failure(said)}", "see its log, and deploy the stack again")
    return ""


def _target(patient: Patient) -> tuple[tuple[str, str], str]:
    """API and stage to ask for, and their solution. An attached API first, since its stage is known."""
    links = linked_apis(patient)
    for api_id in sorted(records.attached_apis(patient.repository)):
        record = records.load(patient.repository, api_id)
        if record is not None and patient.repository.get_item(api_key(api_id)) is not None:
            return (api_id, record.stage), record.solution_id
    for api_id, solution_id in sorted(links.items()):
        return (api_id, "$default"), solution_id
    return NO_API, "nothing"


def token_for_nobody(patient: Patient, ring: KeyRing, solution_id: str) -> str:
    """A token that every check accepts but the last. It is printed nowhere, and its secret is forgotten."""
    secret, key = secrets.token_bytes(32), ring.signing_key
    text = signing_input(
        kid=key.kid,
        issuer=ring.issuer,
        user_id=NOBODY,
        solution_id=solution_id,
        jti=jti_of(secret),
        issued_at=int(patient.now),
    )
    return assemble(secret, f"{text}.{base64url.encode(patient.environment.kms.sign(key.kms_key_id, text.encode()))}")


def _event(function_arn: str, api_id: str, stage: str, token: str) -> dict[str, Any]:
    """What an HTTP API sends, which every API's gate reads.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
    """
    _, partition, _, region, account, *_ = function_arn.split(":")
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": f"arn:{partition}:execute-api:{region}:{account}:{api_id}/{stage}/GET/",
        "routeKey": "GET /",
        "rawPath": "/",
        "headers": {"authorization": f"Bearer {token}"},
        "requestContext": {"http": {"method": "GET", "path": "/"}},
    }


def _reason(said: Any, log: str) -> tuple[str, str]:
    """Reason and detail of the decision: by the log's line, or else by the answer, which names few."""
    for line in reversed(log.splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and "decisions" in found:
            return str(found.get("reason", "")), str(found.get("detail", ""))
    if isinstance(said, dict) and "context" in said:
        return str(said["context"].get("reason", "")), ""
    message = str(said.get("errorMessage")) if isinstance(said, dict) else ""
    if message == "Unauthorized":
        # The answer to every 401, of which this token's is the only one that is expected.
        return Reason.ENTITLEMENT_MISSING.value, ""
    return (message if message in set(Reason) else ""), ""


def _failure(said: Any) -> str:
    facts = said if isinstance(said, dict) else {}
    return f"{facts.get('errorType', 'no answer')}: {facts.get('errorMessage', '')}".rstrip(": ")


CHECKS: Final = (
    Check(
        "decision",
        ("dynamodb:GetItem", "dynamodb:Scan", "cloudformation:DescribeStacks", "kms:Sign", "lambda:InvokeFunction"),
        check_decision,
    ),
)
