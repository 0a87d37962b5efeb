"""The first solution: it finds what is asked for, refuses what it cannot read, and knows nothing of access."""

import base64
import http.client
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples.faiss_search import app
from examples.faiss_search.embedding import Embedding
from examples.faiss_search.index import Index
from examples.faiss_search.serve import make_server

FOLDER = Path(app.__file__).parent


def call(body: Any, method: str = "POST", path: str = "/search", **extra: Any) -> tuple[int, Any]:
    event = {"httpMethod": method, "path": path, "body": body if isinstance(body, str) else json.dumps(body)} | extra
    answer = app.lambda_handler(event, None)
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("run containers without servers", "AWS Fargate"),
        ("message queue", "Amazon SQS"),
        ("object storage", "Amazon S3"),
        ("graph database", "Amazon Neptune"),
        ("send email", "Amazon SES"),
        ("nosql key value", "Amazon DynamoDB"),
        ("data warehouse", "Amazon Redshift"),
    ],
)
def test_the_service_asked_for_is_among_the_first_three(query: str, expected: str) -> None:
    status, answer = call({"query": query, "k": 3})
    assert status == 200
    assert expected in [hit["name"] for hit in answer["hits"]]
    assert [hit["score"] for hit in answer["hits"]] == sorted((hit["score"] for hit in answer["hits"]), reverse=True)
    assert set(answer["hits"][0]) == {"id", "name", "category", "description", "score"}


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("I need to queue jobs between microservices", "Amazon SQS"),
        ("how do I host a static site", "Amazon S3"),
        ("where can I keep the photos that my users upload", "Amazon S3"),
        ("I want to run a script every night at 2 am", "Amazon EventBridge Scheduler"),
        ("how do people log in to my app", "Amazon Cognito"),
        ("my website is slow for visitors on other continents", "Amazon CloudFront"),
        ("turn a recording of a meeting into text", "Amazon Transcribe"),
        ("how can I stop hackers from attacking my web forms", "AWS WAF"),
        ("we spend too much, where does our money go", "AWS Cost Explorer"),
        ("I want to buy a domain name for my shop", "Amazon Route 53"),
        ("how do I keep passwords out of my code", "AWS Secrets Manager"),
        ("move our old Oracle database to the cloud", "AWS DMS"),
        ("read invoices and receipts that were scanned", "Amazon Textract"),
        ("what is the cheapest way to keep old files that nobody reads", "Amazon S3 Glacier"),
        ("send a text message to a customer's phone", "AWS End User Messaging"),
        ("I need a place for my docker images", "Amazon ECR"),
        ("find out who deleted my server", "AWS CloudTrail"),
        ("build a chat assistant with a large language model", "Amazon Bedrock"),
        ("show charts of our sales to the managers", "Amazon QuickSight"),
        ("make my API faster by keeping results in memory", "Amazon ElastiCache"),
    ],
)
def test_a_plain_question_finds_its_service_within_the_first_three(question: str, expected: str) -> None:
    assert expected in [hit.name for hit in app.INDEX.search(question, 3)]


@pytest.mark.parametrize("query", ["asdf qwerty", "xyzzy", "lorem ipsum dolor sit amet", "???", "what is it"])
def test_nonsense_finds_nothing(query: str) -> None:
    assert call({"query": query}) == (200, {"query": query, "hits": []})


@pytest.mark.parametrize(("query", "expected"), [("kubernets cluster", "Amazon EKS"), ("hackers", "AWS WAF")])
def test_misspelt_words_and_other_forms_are_understood(query: str, expected: str) -> None:
    assert expected in [hit.name for hit in app.INDEX.search(query, 3)]


def test_the_vectors_are_unit_vectors_of_float32_and_the_same_each_time() -> None:
    texts = ["a queue of messages", "a graph of people", "a table of rows"]
    vectors = Embedding(texts)(texts)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.array_equal(vectors, Embedding(texts)(texts))


def test_both_payload_formats_give_the_same_answer() -> None:
    body = json.dumps({"query": "object storage"})
    event = {"rawPath": "/search", "requestContext": {"http": {"method": "POST"}}}
    encoded = event | {"body": base64.b64encode(body.encode()).decode(), "isBase64Encoded": True}
    assert json.loads(app.lambda_handler(encoded, None)["body"]) == call(body)[1]


@pytest.mark.parametrize(("stage", "prefix"), [("$default", ""), ("prod", "/prod")])
def test_payload_2_with_and_without_a_named_stage(stage: str, prefix: str) -> None:
    def event(path: str, method: str) -> dict[str, Any]:
        return {"rawPath": prefix + path, "requestContext": {"stage": stage, "http": {"method": method}}}

    assert app.lambda_handler(event("/health", "GET"), None)["statusCode"] == 200
    assert app.lambda_handler(event("/elsewhere", "GET"), None)["statusCode"] == 404
    assert app.lambda_handler(event("/search", "PUT"), None)["headers"]["allow"] == "POST"


def test_pages_of_other_origins_may_read_every_answer() -> None:
    for event in ({"httpMethod": "GET", "path": "/health"}, {"httpMethod": "GET", "path": "/"}, {}):
        assert app.lambda_handler(event, None)["headers"]["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("body", ["%%%", "é", base64.b64encode(b"\xff\xfe").decode()])
def test_bad_base64_is_a_400(body: str) -> None:
    assert call(body, isBase64Encoded=True)[0] == 400


@pytest.mark.parametrize("k", [1, 20])
def test_the_bounds_of_k_and_of_the_query_are_inside(k: int) -> None:
    status, answer = call({"query": ("data " * 100), "k": k})
    assert status == 200
    assert len(answer["hits"]) == k


def test_the_server_gives_the_same_answers_over_http() -> None:
    with make_server(0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            assert server.server_address[0] == "127.0.0.1"
            body = json.dumps({"query": "object storage"})
            assert request(server.server_port, "POST", "/search?x=1", body) == call(body)
            assert request(server.server_port, "POST", "/search", "no json")[0] == 400
            assert request(server.server_port, "GET", "/health") == call("", "GET", "/health")
            assert request(server.server_port, "DELETE", "/search")[0] == 405
            assert request(server.server_port, "OPTIONS", "/search") == (204, None)
            for size in (1_000_001, 9_000_000):
                assert request(server.server_port, "POST", "/search", "x" * size)[0] == 413
        finally:
            server.shutdown()
            thread.join()


def request(port: int, method: str, path: str, body: str | None = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or "null")
    finally:
        connection.close()


@pytest.mark.usefixtures("processes")
def test_it_imports_with_its_folder_as_the_root_as_on_lambda(tmp_path: Path) -> None:
    code = "import app; print(app.lambda_handler({'httpMethod': 'GET', 'path': '/health'}, None)['statusCode'])"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(FOLDER)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.stdout.strip() == "200", run.stderr


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
    assert all(entry[key].strip() for entry in entries for key in ("id", "name", "category", "description", "asked"))


@pytest.mark.parametrize(("stage", "path"), [("live", "/live/health"), ("h", "/health"), ("$default", "/health")])
def test_the_name_of_the_stage_is_no_part_of_the_path(stage: str, path: str) -> None:
    event = {"rawPath": path, "requestContext": {"stage": stage, "http": {"method": "GET"}}}
    assert app.lambda_handler(event, None)["statusCode"] == 200
