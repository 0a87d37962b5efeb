"""The first solution: it finds what is asked for, refuses what it cannot read, and knows nothing of access."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from examples.faiss_search import app
from examples.faiss_search.index import Index

FOLDER = Path(app.__file__).parent


def call(body: Any, method: str = "POST", path: str = "/search", **extra: Any) -> tuple[int, Any]:
    event = {"httpMethod": method, "path": path, "body": body if isinstance(body, str) else json.dumps(body)} | extra
    answer = app.lambda_handler(event, None)
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("run containers without servers", "Fargate"),
        ("message queue", "SQS"),
        ("object storage", "S3"),
        ("graph database", "Neptune"),
        ("send email", "SES"),
        ("nosql key value", "DynamoDB"),
        ("data warehouse", "Redshift"),
    ],
)
def test_the_service_asked_for_is_among_the_first_three(query: str, expected: str) -> None:
    status, answer = call({"query": query, "k": 3})
    assert status == 200
    assert any(expected in hit["name"] or expected in hit["description"] for hit in answer["hits"]), answer


def test_both_payload_formats_give_the_same_answer() -> None:
    body = json.dumps({"query": "object storage"})
    event = {"rawPath": "/search", "requestContext": {"http": {"method": "POST"}}}
    encoded = event | {"body": base64.b64encode(body.encode()).decode(), "isBase64Encoded": True}
    assert json.loads(app.lambda_handler(encoded, None)["body"]) == call(body)[1]


def test_the_same_query_gives_the_same_answer_from_a_new_index() -> None:
    assert Index().search("streaming events", 5) == app.INDEX.search("streaming events", 5)


@pytest.mark.parametrize(
    "body",
    ["", "no json", "[]", "{}", '{"query": ""}', '{"query": 7}', {"query": "x" * 501}]
    + [{"query": "x", "k": k} for k in (0, 21, "5", True, None)],
)
def test_bad_input_is_a_400_that_says_what_to_do(body: Any) -> None:
    status, answer = call(body)
    assert status == 400
    assert "must be" in answer["message"]


def test_other_paths_and_methods() -> None:
    assert call("", "GET", "/health") == (200, {"status": "ok", "services": len(app.INDEX)})
    assert call("", "GET", "/elsewhere")[0] == 404
    assert call("", "GET", "/search")[0] == 405


def test_the_corpus_is_whole() -> None:
    entries = json.loads((FOLDER / "corpus.json").read_text())
    assert len(entries) >= 100
    assert len({entry["id"] for entry in entries}) == len(entries)
    assert all(entry[key].strip() for entry in entries for key in ("id", "name", "category", "description"))


def test_it_holds_no_access_code() -> None:
    for file in FOLDER.glob("*.py"):
        text = file.read_text().lower()
        assert not any(word in text for word in ("gatepass", "token", "authoriz", "quota", "bearer"))
