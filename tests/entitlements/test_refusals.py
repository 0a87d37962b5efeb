"""One vocabulary of refusals: each code means one thing, with one status, wherever it is met."""

import json
import re

from entitlements.reasons import Reason
from entitlements.refusals import Code, Refused
from tests.support.emulators import ROOT
from token_service.web.problems import refusal


def test_what_the_gate_says_too_means_the_same() -> None:
    shared = {Code(reason.value) for reason in Reason if reason.value in {code.value for code in Code}}
    assert {Code.ENTITLEMENT_MISSING, Code.STORE_UNAVAILABLE, Code.SOLUTION_DISABLED} <= shared
    for code in shared - {Code.PLAN_UNKNOWN}:  # which operators alone meet
        assert (code.http_status, code.message) == (Reason(code).http_status, Reason(code).message)


def test_every_code_is_in_use() -> None:
    source = "".join(
        path.read_text() for package in ("token_service", "gatepass") for path in (ROOT / package).rglob("*.py")
    )
    used = set(re.findall(r"\bCode\.([A-Z_]+)", source)) | {"ENTITLEMENT_SUSPENDED", "ENTITLEMENT_REVOKED"}
    assert used == set(Code.__members__)


def test_what_operators_are_told_is_told_to_nobody_else() -> None:
    for code in Code:
        answer = refusal(Refused(code, "the table gatepass-x: run gatepass init"))
        document = json.loads(answer.body or "")
        assert (answer.status_code, document["detail"]) == (code.http_status, code.message)
        assert "gatepass init" not in document["detail"]
    assert json.loads(refusal(Refused(Code.PASSWORD_WEAK, public="needs 12")).body or "")["detail"] == "needs 12"


def test_what_operators_alone_should_meet_is_a_fault_of_ours_in_the_api() -> None:
    assert {code.http_status for code in Code if not code.is_public} == {500}
