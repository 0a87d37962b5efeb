"""A decision of the deployed gate, which spends nothing."""

import base64
import io
import json
from typing import Any

import pytest

from tests.gatepass.doctor.conftest import Ward
from tests.support.cloudwatch import filtered
from tests.support.template import TEMPLATE

API = "abc123defg"


@pytest.fixture
def linked(ward: Ward) -> Ward:
    api = str(ward.client("apigatewayv2").create_api(Name="a", ProtocolType="HTTP")["ApiId"])
    assert ward.command("solutions", "link", "faiss-search", api).returncode == 0
    return ward


def answering(ward: Ward, said: Any, log: str = "") -> None:
    ward.answers["invoke"] = lambda _: {"Payload": io.BytesIO(json.dumps(said).encode()), "LogResult": log}


def test_the_write_refuses_a_token_for_nobody_and_nothing_is_spent(linked: Ward) -> None:
    before = linked.items()
    verdict, what = linked.line("decision")
    assert (verdict, "was refused by the write to the table, at " in what) == ("ok", True)
    assert linked.items() == before


def test_the_token_is_in_nothing_that_is_printed(linked: Ward) -> None:
    seen: list[bytes] = []

    def invoke(asked: dict[str, Any]) -> dict[str, Any]:
        seen.append(asked["Payload"])
        return linked.invoke(asked)

    linked.answers["invoke"] = invoke
    printed = linked.command("doctor").stdout + linked.command("doctor", "--json").stdout
    tokens = [json.loads(payload)["headers"]["authorization"].split()[1] for payload in seen]
    assert len(tokens) == 2
    assert not any(part in printed for token in tokens for part in token.split("."))


def test_without_an_api_only_the_reads_are_tried(ward: Ward) -> None:
    verdict, what = ward.line("decision")
    assert (verdict, "api_unknown" in what, "no API is linked yet" in what) == ("ok", True, True)


@pytest.mark.parametrize("name", ["DecisionsMisconfigured", "DecisionsByStage"])
def test_without_an_api_its_decision_is_no_fault_of_the_configuration_and_of_no_stage(ward: Ward, name: str) -> None:
    logs: list[str] = []

    def invoke(asked: dict[str, Any]) -> dict[str, Any]:
        answer = ward.invoke(asked)
        logs.append(base64.b64decode(answer["LogResult"]).decode())
        return answer

    ward.answers["invoke"] = invoke
    assert ward.line("decision")[0] == "ok"
    (line,) = [json.loads(line) for log in logs for line in log.splitlines() if line.startswith("{")]
    metric_filter = TEMPLATE["Resources"][name]["Properties"]
    assert filtered(metric_filter, [json.dumps(line)]) == []
    assert len(filtered(metric_filter, [json.dumps(line | {"api_id": API})])) == 1


def test_without_a_log_line_the_answer_tells(linked: Ward) -> None:
    answering(linked, {"errorMessage": "Unauthorized", "errorType": "Unauthorized"})
    assert linked.line("decision")[0] == "ok"
    answering(linked, {"errorMessage": "store_unavailable", "errorType": "AccessNotDecided"})
    assert "cannot use the table" in linked.problem("decision")
    answering(linked, {"isAuthorized": False, "context": {"reason": "solution_disabled"}})
    assert linked.line("decision")[0] == "ok"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (
            {"errorMessage": "No module named 'authorizer'", "errorType": "Runtime.ImportModuleError"},
            "ImportModuleError",
        ),
        ({"isAuthorized": True, "context": {"reason": "ok"}}, "another reason than expected: ok"),
        (None, "the authorizer failed: no answer"),
    ],
)
def test_a_gate_that_fails_or_lets_pass_is_found(linked: Ward, said: Any, found: str) -> None:
    answering(linked, said)
    assert found in linked.problem("decision")


def test_a_gate_without_its_table_is_found_with_the_detail_of_its_log(linked: Ward) -> None:
    table = linked.table
    was = linked.answers["invoke"]

    def elsewhere(asked: dict[str, Any]) -> dict[str, Any]:
        linked.table = "not-there"
        try:
            return was(asked)
        finally:
            linked.table = table

    linked.answers["invoke"] = elsewhere
    assert "ResourceNotFoundException" in linked.problem("decision")
