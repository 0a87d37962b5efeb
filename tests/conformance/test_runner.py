"""The runner finds what differs, and the command for AWS tells it and ends accordingly."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gatepass.attach.responses import gateway_responses
from gatepass.local.gateway import Api, HttpRequest, HttpResponse, LambdaProxy, LocalGateway, Route
from tests.conformance import __main__ as command
from tests.conformance import differences, runner
from tests.conformance.cases import CASES
from tests.conformance.functions import echo
from tests.conformance.local_apis import resources
from tests.conformance.model import ABSENT, PRESENT, SAME, ApiFormat, Ask, Case, Difference, Expected, Target, TokenKind
from tests.conformance.seeded import solution

PAGE = "https://docs.aws.amazon.com/"


class Fickle:
    """A backend that answers differently each time."""

    def __init__(self) -> None:
        self.left = 10
        self.events: list[dict[str, Any]] = []

    def __call__(self, event: dict[str, Any], _: object) -> dict[str, Any]:
        self.events.append(event)
        self.left -= not event["path"].endswith("/probe")
        event["requestContext"]["authorizer"] = {"remaining": str(self.left), "n": 7}
        return echo.lambda_handler(event, None) | {"headers": {"X-Here": "yes"}}


@pytest.fixture
def fickle() -> Fickle:
    return Fickle()


@pytest.fixture
def other(fickle: Fickle) -> Iterator[Target]:
    with LocalGateway(Api("fickle", "REST", (Route("ANY", "/{proxy+}", LambdaProxy(fickle)),))) as gateway:
        yield Target("sam local", {ApiFormat.REST: gateway.url}, {TokenKind.GOOD: "the-token"})


def case(*steps: tuple[Ask, Expected], spent: int | None = None) -> Case:
    return Case("a case", ApiFormat.REST, "It says.", PAGE, steps, spent)


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (Expected(200, headers={"x-here": "yes", "X-Gone": ABSENT}), []),
        (Expected(401), ["status 200, not 401"]),
        (Expected(200, headers={"X-Here": "no"}), ['header X-Here is "yes", not "no"']),
        (Expected(200, headers={"X-Here": ABSENT}), ["header X-Here is present"]),
        (Expected(200, {"message": "Forbidden"}), ['body message is absent, not "Forbidden"']),
        (Expected(200, received={"authorizer.n": "7"}), ['backend received authorizer.n is 7, not "7"']),
        (Expected(200, received={"authorizer.n": True}), ["backend received authorizer.n is 7, not true"]),
        (Expected(200, received={"authorizer.m": PRESENT}), ["backend received authorizer.m is absent"]),
        (Expected(200, received={"authorizer.n": PRESENT, "stage": "prod"}), []),
    ],
)
def test_each_difference_of_an_answer_is_told(other: Target, expected: Expected, found: list[str]) -> None:
    assert runner.differences(other, case((Ask("/a"), expected))) == found


def test_a_later_answer_is_compared_with_the_first(other: Target) -> None:
    same = Expected(200, received={"authorizer.remaining": SAME, "authorizer.n": SAME})
    asked = case((Ask("/a"), Expected(200)), (Ask("/a"), same))
    assert runner.differences(other, asked) == ["answer 2: backend received authorizer.remaining is another"]


def test_what_a_case_spends_is_counted(other: Target) -> None:
    step = (Ask("/a", TokenKind.GOOD), Expected(200))
    assert runner.differences(other, case(step, step, spent=2)) == []
    assert runner.differences(other, case(step, spent=0)) == ["spent 1, not 0"]


def test_a_request_is_sent_as_the_case_has_it(other: Target, fickle: Fickle) -> None:
    headers = (("aUTHORIZATION", "bearer {token}"), ("X-Two", "1"), ("X-Two", "2"))
    runner.ask(other, ApiFormat.REST, Ask("/a%2Fb?c={token}", TokenKind.GOOD, script="do", headers=headers))
    (event,) = fickle.events
    assert (event["path"], event["queryStringParameters"]) == ("/rest/a%2Fb", {"c": "the-token"})
    sent = event["multiValueHeaders"]
    assert (sent["aUTHORIZATION"], sent["X-Two"], sent["X-Script"]) == (["bearer the-token"], ["1", "2"], ["do"])
    assert "Authorization" not in sent


def test_agreement_that_nobody_expected_fails_too(other: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = case((Ask("/a"), Expected(401)))
    found = ("status 200, not 401",)
    monkeypatch.setattr(differences, "KNOWN", {"sam local": (Difference("It opens.", {asked.id: found}),)})
    differences.check(other, asked)
    with pytest.raises(AssertionError, match="It says"):
        differences.check(other, case((Ask("/a"), Expected(200))))
    with pytest.raises(AssertionError, match="It says"):
        differences.check(other, replace(asked, name="another"))


def test_the_api_under_test_refuses_as_an_attached_one() -> None:
    """But for the header that the suite adds."""
    written = resources()["RestApi"]["Properties"]["GatewayResponses"]
    wanted = gateway_responses(solution())
    assert written.keys() == wanted.keys()
    for name, response in wanted.items():
        one = written[name]
        assert (str(one["StatusCode"]), one["ResponseTemplates"]) == (response.status, response.templates)
        headers = {
            f"gatewayresponse.header.{key}": value for key, value in one["ResponseParameters"]["Headers"].items()
        }
        assert response.headers.items() <= headers.items()


def environment(target: Target) -> dict[str, str]:
    tokens = {f"{kind.upper()}_TOKEN": token for kind, token in target.tokens.items()}
    return tokens | {"URL": target.urls[ApiFormat.REST], "HTTP_URL": target.urls[ApiFormat.HTTP_1] + "/"}


def test_the_command_ends_with_0_where_all_cases_agree(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(environment(target)) == 0
    told = capsys.readouterr().out
    assert told.endswith(f"{len(CASES)} of {len(CASES)} cases agree\n")
    assert not [token for token in target.tokens.values() if token in told]


def test_the_command_ends_with_1_and_tells_what_differs(
    target: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "CASES", (case((Ask("/gate/search", TokenKind.GOOD), Expected(401))), CASES[0]))
    assert command.main(environment(target)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.strip() for line in lines] == [
        "differs  a case, REST", "status 200, not 401", f"It says. {PAGE}", "agrees   token good, REST", "1 of 2 cases agree",
    ]  # fmt: skip


def test_the_command_names_what_is_missing_or_wrong(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    whole = environment(target)
    assert command.main(whole | {"HTTP_URL": "", "SPENT_TOKEN": ""}) == 2
    told = capsys.readouterr().err
    assert [line.split()[0] for line in told.splitlines()[1:]] == ["HTTP_URL", "SPENT_TOKEN"]
    assert command.main(whole | {"URL": "abc.execute-api.us-east-1.amazonaws.com/prod"}) == 2
    assert "URL is not a URL" in capsys.readouterr().err
    assert command.main(whole | {"URL": "http://127.0.0.1:9/prod"}) == 2
    assert "no answer" in capsys.readouterr().err


def test_answers_that_are_no_json_are_compared_as_text() -> None:
    class Plain(LocalGateway):
        def answer(self, request: HttpRequest) -> HttpResponse:
            return HttpResponse(200, (), b"<html>")

    with Plain(Api("plain", "REST", (Route("ANY", "/{proxy+}", LambdaProxy(echo.lambda_handler)),))) as gateway:
        plain = Target("plain", {ApiFormat.REST: gateway.url}, {})
        asked = case((Ask("/a"), Expected(200, {"message": "Forbidden"})))
        assert runner.differences(plain, asked) == ['body message is absent, not "Forbidden"']
