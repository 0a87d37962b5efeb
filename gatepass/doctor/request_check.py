"""Sends a real request to each attached API, with a token for nobody of another solution: the gate refuses it with 403
before it writes, so nothing is spent. A 401 would not do, since an HTTP API may answer it with 500.

Only when asked for: if the gate were not there, the request would reach the backend.
"""

import urllib.error
import urllib.request
from typing import Final
from urllib.parse import urlsplit

from gatepass.attach import record as records
from gatepass.attach.api_state import ApiKind
from gatepass.attach.record import AttachRecord
from gatepass.attach.resources import ResourceKind, RouteAuthorization
from gatepass.doctor.checkup import Check, Examination, Skipped, Trouble
from gatepass.doctor.decision_check import token_for_nobody
from gatepass.doctor.patient import Patient
from gatepass.doctor.store_checks import required_ring

SECONDS: Final = 30
"""API Gateway's own limit for an answer is 29 s."""
ELSEWHERE: Final = "gatepass-doctor"
"""No solution: `solution_mismatch`."""
NOT_THE_GATE: Final = ("MissingAuthenticationTokenException", "ForbiddenException")
"""What API Gateway calls a 403 of its own, for a path that is not deployed or by WAF, in `x-amzn-ErrorType`:
https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""


def check_requests(patient: Patient) -> Examination:
    """Whether each attached API refuses such a request at its own address."""
    asked, tried, token = list[str](), 0, ""
    for api_id in sorted(records.attached_apis(patient.repository)):
        record = records.load(patient.repository, api_id)
        if record is None or record.kind is ApiKind.WEBSOCKET or (route := gated_route(record)) is None:
            continue
        method, path = route
        tried += 1
        token = token or token_for_nobody(patient, required_ring(patient), ELSEWHERE)
        status, kind = _answer(patient, record, method, path, token)
        again = f"run gatepass status {api_id}, and gatepass attach {api_id} --solution {record.solution_id}"
        if status == 403 and kind not in NOT_THE_GATE:
            asked.append(f"{api_id} refused {method} {path}")
        elif status == 0:
            yield Trouble(f"{api_id} gave no answer to {method} {path}", "check the API's domain and your network")
        elif status == 403:
            yield Trouble(
                f"{api_id} answered {method} {path} without the gate: {kind}",
                "deploy the stage, or look for WAF, a resource policy, or a disabled default endpoint",
            )
        elif status >= 500:
            yield Trouble(f"{api_id} answered {status} to {method} {path}: it cannot call the gate", again)
        else:
            yield Trouble(f"{api_id} answered {status} to {method} {path}, past the gate: it is EXPOSED", again)
    if not tried:
        raise Skipped("no REST or HTTP API is attached")
    return ", ".join(asked)


def gated_route(record: AttachRecord) -> tuple[str, str] | None:
    """Method and path of a route that the record puts behind the gate, if possible of one that only reads."""
    routes = [
        key.name.partition(" ")[::2] if " " in key.name else ("ANY", "/")
        for key, change in record.changes.items()
        if key.kind is ResourceKind.ROUTE and isinstance(change.now, RouteAuthorization) and change.now.is_gate
    ]
    if not routes:
        return None
    readable = [("GET", path) for method, path in routes if method in ("GET", "ANY")]
    method, path = sorted(readable or routes)[0]
    parts = ["x" if part.startswith("{") else part for part in path.split("/")]
    return method, "/".join(parts)


def _answer(patient: Patient, record: AttachRecord, method: str, path: str, token: str) -> tuple[int, str]:
    """Status and type of error; 0 without an answer."""
    url, headers = address(patient, record)
    # The address is API Gateway's, by the API's own ID.
    request = urllib.request.Request(  # noqa: S310
        url + path, method=method, headers={**headers, "Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return int(answer.status), ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("x-amzn-ErrorType") or ""
    except OSError:
        return 0, ""


def address(patient: Patient, record: AttachRecord) -> tuple[str, dict[str, str]]:
    """The URL of an API's stage, and the headers by which an emulator knows the API.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-call-api.html
    """
    stage = "" if record.stage == "$default" else f"/{record.stage}"
    if patient.emulated:
        port = urlsplit(patient.environment.endpoint or "").port
        return f"{patient.environment.endpoint}{stage}", {"Host": f"{record.api_id}.execute-api.localhost:{port}"}
    _, partition, _, region, *_ = record.options.authorizer_arn.split(":")
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return f"https://{record.api_id}.execute-api.{region}.{suffix}{stage}", {}


CHECKS: Final = (Check("requests", ("dynamodb:Scan", "dynamodb:GetItem", "kms:Sign"), check_requests),)
