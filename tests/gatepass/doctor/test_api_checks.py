"""APIs that are not as attached, and stages that answer without the gate."""

from datetime import UTC, datetime
from typing import Any

from tests.gatepass.doctor.conftest import Ward


def test_an_api_that_is_as_attached_is_sound_and_decides(ward: Ward, http_api: str) -> None:
    assert ward.line("APIs") == ("ok", "1 attached as recorded, 0 linked")
    assert ward.line("decision") == ("ok", f"a token for nobody was refused by the write to the table, at {http_api}")


def test_a_route_that_somebody_opened_is_found_with_the_command_that_closes_it(ward: Ward, http_api: str) -> None:
    v2 = ward.client("apigatewayv2")
    (route,) = [one for one in v2.get_routes(ApiId=http_api)["Items"] if one["RouteKey"] == "GET /search"]
    v2.update_route(ApiId=http_api, RouteId=route["RouteId"], AuthorizationType="NONE")
    (line,) = ward.examine("APIs")
    assert line.what.startswith(f"{http_api}: route GET /search is NONE")
    assert line.remedy == f"run gatepass attach {http_api} --solution faiss-search"


def test_an_api_that_was_deleted_is_found(ward: Ward, http_api: str) -> None:
    ward.client("apigatewayv2").delete_api(ApiId=http_api)
    (line,) = ward.examine("APIs")
    assert (f"there is no API {http_api}" in line.what, f"gatepass detach {http_api}" in line.remedy) == (True, True)


def test_an_attachment_that_was_cut_off_is_found(ward: Ward, http_api: str) -> None:
    ward.client("dynamodb").update_item(
        TableName=ward.table, Key={"pk": {"S": f"api#{http_api}"}, "sk": {"S": "attachment"}},
        UpdateExpression="SET #s = :s", ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":s": {"S": "attaching"}},
    )  # fmt: skip
    assert ward.problem("APIs") == f"{http_api} is attaching: a run was cut off"


def test_an_api_whose_solution_is_gone_is_found_attached_or_linked(ward: Ward, http_api: str) -> None:
    linked = str(ward.client("apigatewayv2").create_api(Name="a", ProtocolType="HTTP")["ApiId"])
    assert ward.command("solutions", "link", "faiss-search", linked).returncode == 0
    ward.client("dynamodb").delete_item(
        TableName=ward.table, Key={"pk": {"S": "solution#faiss-search"}, "sk": {"S": "config"}}
    )
    found = ward.problems("APIs")
    assert sorted(what.partition(" is ")[0] for what in found) == sorted([http_api, linked])
    ward.client("apigatewayv2").delete_api(ApiId=linked)
    assert any(what.startswith(f"there is no API {linked}") for what in ward.problems("APIs"))


def counted(ward: Ward, requests: int, decisions: int) -> None:
    """CloudWatch has so many of both, two hours ago."""
    when = datetime.fromtimestamp(datetime.now(UTC).timestamp() // 60 * 60 - 7200, UTC)

    def results(_: dict[str, Any]) -> dict[str, Any]:
        counts = {"requests": [1, requests], "decisions": [1, decisions]}
        times = [datetime.fromtimestamp(when.timestamp() - 7200, UTC), when]
        return {
            "MetricDataResults": [
                {"Id": name, "Timestamps": times, "Values": values} for name, values in counts.items()
            ]
        }

    ward.answers["get_metric_data"] = results


def test_requests_that_the_gate_did_not_decide_are_found(ward: Ward, http_api: str) -> None:
    counted(ward, 200, 200)
    assert ward.line("decided share") == ("ok", "200 requests in 24 hours, all decided")
    counted(ward, 200, 150)
    assert ward.problem("decided share").startswith(f"{http_api}, stage $default: 75.0% of 200 requests in 24 hours")
    ward.change_stack({"DecidedPercent": "75"})
    assert ward.line("decided share")[0] == "ok"
