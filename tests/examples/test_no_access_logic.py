"""The solution knows nothing of access: its code and its template are those of an open API, and a gate changes no answer."""

import ast
import json
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from authorizer.handler import make_handler
from entitlements.gate import Gate
from examples.faiss_search import app
from gatepass.local.gateway import Api as GatewayApi
from gatepass.local.gateway import Authorizer, LambdaProxy, LocalGateway, Route
from tests.support.signer import Signer
from tests.support.table import API, Table
from tests.support.template import TEMPLATE, Loader

FOLDER = Path(app.__file__).parent
CODE = ("app.py", "embedding.py", "index.py", "word_vectors.py", "serve.py")
SETTINGS = ("publish.py",)
"""It puts the page's settings together, of which one names the token service. It is not of the function."""
WORDS = re.compile(r"auth|bearer|entitle|gatepass|jwt|plan|quota|token|upgrade", re.IGNORECASE)
ALLOWED = {
    "template.yaml": ("TokenServiceUrl", "token service", "gatepass attach", "content-type,authorization"),
    "publish.py": ("data-token-service", "TokenServiceUrl", "gatepass.js"),
}
"""Names of others' outputs and of page settings; what an operator does next; the header that preflight admits."""
FINDER = yaml.load((FOLDER / "template.yaml").read_text(), Loader)  # noqa: S506 - a SafeLoader


@pytest.mark.parametrize("name", [*CODE, *SETTINGS, "template.yaml", "requirements.txt"])
def test_no_word_of_access_is_in_the_code_or_the_template(name: str) -> None:
    text = (FOLDER / name).read_text()
    for allowed in ALLOWED.get(name, ()):
        assert allowed in text
        text = text.replace(allowed, "")
    assert WORDS.findall(text) == []


def test_every_python_file_is_looked_at() -> None:
    assert {path.name for path in FOLDER.glob("*.py")} == {*CODE, *SETTINGS, "__init__.py"}


def test_the_code_imports_nothing_of_the_marketplace() -> None:
    found = set()
    for name in (*CODE, *SETTINGS):
        for node in ast.walk(ast.parse((FOLDER / name).read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.partition(".")[0])
    libraries = {"boto3", "botocore", "faiss", "numpy"}
    assert found - set(sys.stdlib_module_names) - {Path(name).stem for name in CODE} == libraries


def imported(value: Any) -> list[str]:
    """The names of the exports in a part of a template, without the stack's."""
    if isinstance(value, dict):
        named = [value["Fn::ImportValue"]["Sub"]] if "Fn::ImportValue" in value else []
        return named + [name for one in value.values() for name in imported(one)]
    return [name for one in value for name in imported(one)] if isinstance(value, list) else []


def test_the_template_uses_nothing_of_the_marketplace_but_its_exports() -> None:
    exported = {one["Export"]["Name"]["Sub"].replace("${AWS::StackName}", "${Marketplace}")
                for one in TEMPLATE["Outputs"].values()}  # fmt: skip
    assert imported(FINDER) == ["${Marketplace}-TokenServiceUrl"]
    assert set(imported(FINDER)) <= exported
    assert {"AuthorizerArn", "TableName"} & {name.rpartition("-")[2] for name in imported(FINDER)} == set()


def test_the_deployed_api_is_open_and_its_function_may_do_nothing_else() -> None:
    resources = FINDER["Resources"]
    assert sorted({one["Type"] for one in resources.values()}) == [
        "AWS::CloudFront::Distribution",
        "AWS::CloudFront::OriginAccessControl",
        "AWS::CloudFront::ResponseHeadersPolicy",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::Serverless::Api",
        "AWS::Serverless::Function",
    ]
    assert {"Auth", "GatewayResponses", "DefinitionBody"} & resources["SearchApi"]["Properties"].keys() == set()
    function = resources["SearchFunction"]["Properties"]
    assert {"Environment", "Layers", "Policies", "Role"} & function.keys() == set()
    assert all(event["Properties"].keys() == {"RestApiId", "Method", "Path"} for event in function["Events"].values())


def ask(gateway: LocalGateway, method: str, path: str, body: Any, token: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(gateway.url + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.status, json.load(answer)


@pytest.mark.parametrize("dynamodb_endpoint", ["moto"], indirect=True)
def test_the_same_code_answers_the_same_with_and_without_the_gate(table: Table) -> None:
    table.seed()
    gate = Authorizer(make_handler(Gate(table.store), write=lambda _: None))
    backend = LambdaProxy(app.lambda_handler)
    token = Signer().token()

    def api(*authorizer: Authorizer) -> GatewayApi:
        routes = (Route("POST", "/search", backend, *authorizer), Route("GET", "/health", backend, *authorizer))
        return GatewayApi(API, "REST", routes)

    requests: list[tuple[str, str, Any]] = [
        ("POST", "/search", {"query": query, "k": 3}) for query in ("message queue", "host a static site")
    ]
    requests.append(("GET", "/health", None))
    with LocalGateway(api()) as detached, LocalGateway(api(gate)) as attached:
        for method, path, body in requests:
            open_to_all = ask(detached, method, path, body, "")
            assert open_to_all[0] == 200
            assert ask(attached, method, path, body, token) == open_to_all
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask(attached, *requests[0], "forged")
        assert ask(detached, *requests[0], "forged")[0] == 200
