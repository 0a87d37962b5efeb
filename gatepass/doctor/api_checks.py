"""Checks of the APIs in front of which the gate stands, and of how many of their requests it decided."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from entitlements.items import Key, api_prefix, solution_key
from entitlements.solution import Solution, solution_from_document
from gatepass.attach import record as records
from gatepass.attach.api_state import find_api
from gatepass.attach.drift import find_drift
from gatepass.attach.record import AttachStatus
from gatepass.attach.words import in_words
from gatepass.doctor.checkup import Check, Examination, Skipped, Trouble, require_stack
from gatepass.doctor.patient import Patient
from gatepass.refusals import CommandError
from token_service.decided_share import HOURS, ApiFacts, DecidedShare, GatedStage, decided_shares, gated_stages


def check_apis(patient: Patient) -> Examination:
    """Whether each API that is linked or attached exists, has its solution, and is attached as recorded."""
    attached = set(records.attached_apis(patient.repository))
    links = linked_apis(patient)
    apis = {*attached, *links}
    if apis and patient.emulated and not patient.environment.endpoint:
        raise Skipped("AWS_ENDPOINT_URL is not set, so there is no API Gateway to ask")
    # A local stack links its own gateway, and sam local's, neither of which is in the emulator's API Gateway.
    here = bool(patient.stack) or not patient.emulated
    for api_id in sorted(apis):
        yield from _attached(patient, api_id) if api_id in attached else _linked(patient, api_id, links[api_id], here)
    if not apis:
        return "none is attached or linked yet"
    told = f"{len(attached)} attached as recorded, {len(apis - attached)} linked"
    return told if here else f"{told}, which need not be the emulator's"


def linked_apis(patient: Patient) -> dict[str, str]:
    """The solution of each linked API. Reads the whole table."""
    found = patient.repository.scan(api_prefix(), (*Key._fields, "solution_id"))
    return {Key.of(item).subject: str(item.get("solution_id", "")) for item in found}


def _solution(patient: Patient, solution_id: str) -> Solution | None:
    item = patient.repository.get_item(solution_key(solution_id))
    return None if item is None else solution_from_document(item["document"])


def _linked(patient: Patient, api_id: str, solution_id: str, here: bool) -> Iterator[Trouble]:
    """An API whose own template has the gate: the link is all that is ours. `here`: it must be in API Gateway."""
    try:
        if here:
            find_api(patient.aws, api_id)
    except CommandError as error:
        yield Trouble(str(error), f"run gatepass solutions unlink {api_id} if it was deleted")
    if _solution(patient, solution_id) is None:
        yield Trouble(
            f"{api_id} is linked to {solution_id}, which is not applied: every request is refused",
            f"apply that solution, or link {api_id} to another one",
        )


def _attached(patient: Patient, api_id: str) -> Iterator[Trouble]:
    record = records.load(patient.repository, api_id)
    if record is None:
        return  # detached meanwhile
    again = f"run gatepass attach {api_id} --solution {record.solution_id}"
    solution = _solution(patient, record.solution_id)
    if solution is None:
        yield Trouble(
            f"{api_id} is attached for {record.solution_id}, which is not applied: every request is refused",
            f"apply that solution, or run gatepass detach {api_id}",
        )
        return
    if record.status is not AttachStatus.ATTACHED:
        yield Trouble(f"{api_id} is {record.status}: a run was cut off", f"{again}, or gatepass detach {api_id}")
        return
    try:
        differences = find_drift(patient.aws, patient.repository, record, solution)
    except CommandError as error:
        yield Trouble(f"{api_id}: {error}", f"if it was deleted, run gatepass detach {api_id}; else {again}")
        return
    for one in differences:
        present, wanted = (in_words(v) if not isinstance(v, str) else v for v in (one.present, one.wanted))
        yield Trouble(f"{api_id}: {one.what} is {present}, not {wanted}", again)


def check_decided(patient: Patient) -> Examination:
    """Whether the gate decided every request that API Gateway counted in the last day."""
    require_stack(patient)
    attached = (records.load(patient.repository, api_id) for api_id in records.attached_apis(patient.repository))
    stages = {GatedStage(one.api_id, one.stage) for one in attached if one is not None}
    stages |= set(gated_stages(patient.aws.call, patient.stack))
    call, facts = patient.aws.call, partial(_facts, patient)
    shares = list(decided_shares(call, patient.stack, stages, facts, patient.now))
    wanted = float(patient.parameters.get("DecidedPercent", "100"))
    for share in shares:
        if share.percent is not None and share.percent < wanted:
            yield Trouble(
                _in_words(share),
                f"run gatepass status {share.stage.api_id}; docs/operations.md, RequestsUndecided, has what "
                "else can be the cause",
            )
    total = sum(share.requests - share.preflights for share in shares)
    return f"{total} requests in {HOURS} hours, all decided" if total else f"no requests in {HOURS} hours"


def _in_words(share: DecidedShare) -> str:
    api_id, stage = share.stage
    due = share.requests - share.preflights
    return (
        f"{api_id}, stage {stage}: {share.percent}% of {due} requests in {HOURS} hours were decided ({share.decisions})"
    )


def _facts(patient: Patient, api_id: str) -> ApiFacts | None:
    try:
        kind, found = find_api(patient.aws, api_id)
    except CommandError:
        return None
    return ApiFacts(kind, found.get("name") or found.get("Name") or "")


CHECKS: Final = (
    Check("APIs", ("dynamodb:Scan", "dynamodb:GetItem", "apigateway:GET", "lambda:GetPolicy"), check_apis),
    Check(
        "decided share",
        ("dynamodb:Scan", "dynamodb:GetItem", "cloudformation:DescribeStacks", "cloudwatch:ListMetrics",
         "cloudwatch:GetMetricData", "apigateway:GET"),
        check_decided,
    ),
)  # fmt: skip
