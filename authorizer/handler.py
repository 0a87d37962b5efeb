"""The authorizer's entry point: reads the environment, wires the gate, and answers events."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from authorizer import collector, credentials, endpoint  # the collector first
from authorizer.answers import Unauthorized, answer, failure
from authorizer.dynamodb import DynamoDB
from authorizer.events import is_preflight, read_event
from entitlements.decision import Decision, refuse
from entitlements.gate import Gate
from entitlements.items import StoreUnavailable
from entitlements.log import decision_line
from entitlements.reasons import Reason
from entitlements.settings import MissingSetting, required


def build_gate(environment: Mapping[str, str]) -> Gate:
    """The gate for an environment. An empty variable counts as unset, because `sam local` passes empty ones."""
    table = required(environment, "GATEPASS_TABLE", "the name of the Gatepass stack's DynamoDB table")
    default = environment.get("AWS_DEFAULT_REGION")
    region = environment.get("AWS_REGION") or default or required(environment, "AWS_REGION", "the table's Region")
    ca_bundle = environment.get("AWS_CA_BUNDLE") or None
    if ca_bundle and not os.access(ca_bundle, os.R_OK):
        raise MissingSetting(f"AWS_CA_BUNDLE names {ca_bundle}, which cannot be read: unset it or correct the path")
    store = DynamoDB(table, region, endpoint.find(environment, region), credentials.find(environment), ca_bundle)
    return Gate(store)


def make_handler(
    gate: Gate, clock: Callable[[], float] = time.time, write: Callable[[str], object] = sys.stdout.write
) -> Callable[[Any, Any], dict[str, Any]]:
    """A Lambda handler around a gate."""

    def handle(event: Any, context: Any) -> dict[str, Any]:
        now, started = clock(), time.perf_counter()
        asked = read_event(event)
        if asked is None and is_preflight(event):
            return {"statusCode": 204}
        if asked is None:
            log(refuse(Reason.API_UNKNOWN, None), "", now, started, "the event is not an authorizer event")
            raise Unauthorized
        detail = ""
        try:
            decision = gate.decide_for_api(asked.api_id, asked.request, now)
        except StoreUnavailable as error:
            decision, detail = refuse(Reason.STORE_UNAVAILABLE, None), str(error)
        log(decision, asked.api_id, now, started, detail, asked.stage)
        if decision.reason.gateway_status in (401, 500):
            raise failure(decision)
        # Any other decision has read the API's item, so the directory has it without another call.
        link = gate.directory.api(asked.api_id, now)
        return answer(asked, decision, link is not None and link.policy_responses)

    def log(decision: Decision, api_id: str, now: float, started: float, detail: str, stage: str = "") -> None:
        latency_ms = (time.perf_counter() - started) * 1000
        line = decision_line(decision, api_id=api_id, now=now, latency_ms=latency_ms, detail=detail, stage=stage)
        write(line + "\n")

    return handle


def start(environment: Mapping[str, str]) -> Callable[[Any, Any], dict[str, Any]]:
    """The handler of a new container, with an open connection and the key ring before its first request.

    An unreachable table does not stop the start, because it might be reachable by then. Invalid settings do.
    """
    gate = build_gate(environment)
    with suppress(StoreUnavailable):
        gate.directory.ring(time.time())
    return make_handler(gate)


try:
    lambda_handler = start(os.environ)
finally:
    collector.resume()
