"""The cases: what AWS documents that an API answers, for each kind of API and payload."""

from collections.abc import Iterator
from typing import Any

from tests.conformance.model import ABSENT, PRESENT, SAME, ApiFormat, Ask, Case, Expected, TokenKind

GUIDE = "https://docs.aws.amazon.com/apigateway/latest/developerguide"
REFERENCE = "https://docs.aws.amazon.com/apigateway/latest/api"
REST_AUTHORIZERS = f"{GUIDE}/apigateway-use-lambda-authorizer.html"
REST_INPUT = f"{GUIDE}/api-gateway-lambda-authorizer-input.html"
REST_OUTPUT = f"{GUIDE}/api-gateway-lambda-authorizer-output.html"
REST_IDENTITY = f"{REFERENCE}/API_Authorizer.html"
REST_INTEGRATION = f"{GUIDE}/set-up-lambda-proxy-integrations.html"
RESPONSE_TYPES = f"{GUIDE}/supported-gateway-response-types.html"
RESPONSES = f"{GUIDE}/api-gateway-gatewayResponse-definition.html"
REST_CORS = f"{GUIDE}/how-to-cors.html"
KNOWN_ISSUES = f"{GUIDE}/api-gateway-known-issues.html"
HTTP_AUTHORIZERS = f"{GUIDE}/http-api-lambda-authorizer.html"
HTTP_INTEGRATION = f"{GUIDE}/http-api-develop-integrations-lambda.html"
HTTP_CORS = f"{GUIDE}/http-api-cors.html"
HTTP_ROUTES = f"{GUIDE}/http-api-develop-routes.html"
ARN = f"{GUIDE}/arn-format-reference.html"

REST, HTTP_1, HTTP_2 = ApiFormat
NONE, GOOD, BAD, SUPERSEDED, OTHER, SPENT = TokenKind
PAGE = "https://conformance.example.com"
PREFLIGHT = (("Origin", PAGE), ("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Headers", "authorization"))  # fmt: skip
LATER = "Access cannot be checked right now: try again."


def _page(format: ApiFormat, rest: str, http: str = HTTP_AUTHORIZERS) -> str:
    return rest if format is REST else http


def _refused(format: ApiFormat, status: int, **body: Any) -> Expected:
    """A REST API answers with its gateway response, an HTTP API with the status phrase."""
    if format is not REST:
        phrase = {401: "Unauthorized", 403: "Forbidden", 500: "Internal Server Error"}[status]
        return Expected(status, {"message": phrase})
    message = {401: "Unauthorized", 403: "Refused", 500: LATER}[status]
    return Expected(status, {"message": message} | body, {"Access-Control-Allow-Origin": "*"})


def _tokens(format: ApiFormat) -> Iterator[Case]:
    """The gate itself, with every kind of token."""
    passed = format.context(reason="ok", plan="tester", userId=PRESENT, remaining=PRESENT)
    if format is REST:
        passed |= format.context(principalId=PRESENT)
    yield Case("token good", format, "A good token passes, costs one unit, and the backend receives the gate's context.",
               _page(format, REST_OUTPUT), ((Ask("/gate/search", GOOD), Expected(200, received=passed)),), spent=1)  # fmt: skip
    visitor = format.context(reason="ok_anonymous", userId="anonymous")
    yield Case("token none", format, "Without an identity source, a request without a token reaches the gate.",
               _page(format, REST_IDENTITY), ((Ask("/gate/search"), Expected(200, received=visitor)),), spent=1)  # fmt: skip
    yield Case("token bad", format, "The exception `Unauthorized` is a 401. No page says so of HTTP APIs.",
               _page(format, REST_AUTHORIZERS),
               ((Ask("/gate/search", BAD), _refused(format, 401)),), by_report=format is not REST)  # fmt: skip
    yield Case("token superseded", format, "A token that was replaced is refused as a bad one.", _page(format, REST_AUTHORIZERS),
               ((Ask("/gate/search", SUPERSEDED), _refused(format, 401)),), by_report=format is not REST)  # fmt: skip
    reasons = {OTHER: "solution_mismatch", SPENT: "quota_exceeded"}
    for kind, reason in reasons.items():
        facts = {"reason": reason, "upgradeUrl": PRESENT}
        if kind is SPENT:
            facts |= {"plan": "once", "limit": "1", "used": "1", "remaining": "0"}
        yield Case(f"token {kind}", format, "A Deny is a 403; a REST API tells what its gateway response takes of the context.",
                   _page(format, RESPONSES), ((Ask("/gate/search", kind), _refused(format, 403, **facts)),))  # fmt: skip


def _carried(format: ApiFormat) -> Iterator[Case]:
    """Where and how a token is sent."""
    passed = Expected(200, received=format.context(reason="ok"))
    for name, header, scheme in (("lower case", "authorization", "bearer"), ("upper case", "AUTHORIZATION", "BEARER")):
        yield Case(f"header in {name}", format, "Names of headers have no case, whatever case the authorizer receives.",
                   _page(format, REST_INPUT, HTTP_INTEGRATION),
                   ((Ask("/gate/search", GOOD, headers=((header, f"{scheme} {{token}}"),)), passed),))  # fmt: skip
    yield Case("token in the query", format, "The authorizer receives the query.", _page(format, REST_INPUT),
               ((Ask("/gate/search?token={token}&page=1", GOOD), passed),))  # fmt: skip
    twice = (("Authorization", "Bearer {token}"), ("Authorization", "Bearer not-a-token"))
    yield Case("two authorizations", format, "The authorizer receives every value of a repeated header, so a bad second one counts.",
               _page(format, REST_INTEGRATION, HTTP_INTEGRATION),
               ((Ask("/gate/search", GOOD, headers=twice), Expected(401)),), spent=0, by_report=format is not REST)  # fmt: skip


def _answers(format: ApiFormat) -> Iterator[Case]:
    """What the gateway makes of an authorizer's answer."""

    def scripted(name: str, script: str, says: str, page: str, expected: Expected, **more: Any) -> Case:
        return Case(name, format, says, page, ((Ask("/scripted/a", script=script), expected),), **more)

    yield scripted("answer allow", "allow", "An Allow reaches the backend.", _page(format, REST_OUTPUT),
                   Expected(200, received=format.context(call=PRESENT)))  # fmt: skip
    yield scripted("answer deny", "deny", "A Deny is a 403.", _page(format, RESPONSE_TYPES), _refused(format, 403))
    yield scripted("exception Unauthorized", "unauthorized", "The exception `Unauthorized` is a 401. No page says so of HTTP APIs.",
                   _page(format, REST_AUTHORIZERS), _refused(format, 401), by_report=format is not REST)  # fmt: skip
    yield scripted(
        "another exception",
        "fail",
        "Any other exception is a 500.",
        _page(format, RESPONSE_TYPES),
        _refused(format, 500),
    )
    yield scripted(
        "malformed answer",
        "malformed",
        "An answer in another form is a 500.",
        _page(format, REST_OUTPUT),
        _refused(format, 500),
    )
    if format is not HTTP_2:
        yield scripted("policy of another method", "elsewhere", "A policy that allows another method is a 403.",
                       _page(format, REST_OUTPUT), _refused(format, 403))  # fmt: skip
    numbers: dict[str, Any] = {"text": "a", "whole": 7, "part": 1.5, "yes": True}
    if format is REST:
        numbers = {"text": "a", "whole": "7", "part": "1.5", "yes": "true"}
        yield scripted(
            "context with an object", "nested", "An object in the context is a 500.", REST_OUTPUT, _refused(format, 500)
        )
    if format is HTTP_2:
        yield scripted("context with an object", "nested", "The context may hold objects.", HTTP_AUTHORIZERS,
                       Expected(200, received=format.context(nested={"a": 1})))  # fmt: skip
    if format is not HTTP_1:  # the page's example of payload 1.0 has a string alone
        says = (
            "Numbers and booleans reach the backend as strings."
            if format is REST
            else "Numbers and booleans stay what they are."
        )
        yield scripted("context with numbers", "numbers", says, _page(format, REST_OUTPUT),
                       Expected(200, received=format.context(**numbers)))  # fmt: skip


def _identity(format: ApiFormat) -> Iterator[Case]:
    """Identity sources and the cache."""
    page = _page(format, REST_IDENTITY)
    key = (("Authorization", "key {nonce}"),)
    for name, path, headers in (("header", "/keyed/a?key=1", ()), ("query", "/keyed/a", key)):
        yield Case(f"no identity source in the {name}", format, "It is a 401, and the authorizer, which would allow, is not called.",
                   page, ((Ask(path, script="allow", headers=headers), _refused(format, 401)),))  # fmt: skip
    yield Case("empty identity source", format, "An empty value counts as missing.", page,
               ((Ask("/keyed/a?key=", script="allow", headers=key), Expected(401)),))  # fmt: skip
    allowed = Expected(200, received=format.context(call=PRESENT))
    yield Case("identity sources", format, "With all of them, the authorizer is called.", page,
               ((Ask("/keyed/a?key=1", script="allow", headers=key), allowed),))  # fmt: skip
    if format is not REST:
        lower = (("authorization", "key {nonce}"),)
        yield Case("identity source in lower case", format, "Names of headers have no case.", page,
                   ((Ask("/keyed/a?key=1", script="allow", headers=lower), allowed),))  # fmt: skip
    stale = Expected(200, received=format.context(call=SAME))
    yield Case("cache of 300 s", format, "The next request of the same identity gets the first answer: an Allow outlives its end.",
               _page(format, REST_IDENTITY, f"{HTTP_AUTHORIZERS}#http-api-lambda-authorizer.caching"),
               ((Ask("/cached/a", script="allow", headers=key), allowed),
                (Ask("/cached/b", script="deny", headers=key), stale)))  # fmt: skip
    yield Case("no cache", format, "With 0 s, as `attach` sets it, the next request is decided anew.", page,
               ((Ask("/scripted/a", script="allow", headers=key), allowed),
                (Ask("/scripted/a", script="deny", headers=key), _refused(format, 403))))  # fmt: skip
    if format is not HTTP_2:
        yield Case("cached policy of one method", format, "A cached policy is evaluated for each method: one that names a method refuses the next.",
                   _page(format, REST_OUTPUT, f"{HTTP_AUTHORIZERS}#http-api-lambda-authorizer.caching"),
                   ((Ask("/cached/a", script="one", headers=key), allowed),
                    (Ask("/cached/b", script="one", headers=key), _refused(format, 403))))  # fmt: skip
    if format is not HTTP_1:
        first = Expected(200, received=format.context(reason="ok", remaining=PRESENT))
        again = Expected(200, received=format.context(reason="ok", remaining=SAME))
        yield Case("gate behind a cache", format, "Two requests, one counted: the cache defeats the quota.", page,
                   ((Ask("/cached-gate/{nonce}", GOOD), first), (Ask("/cached-gate/{nonce}", GOOD), again)))  # fmt: skip


def _formats(format: ApiFormat) -> Iterator[Case]:
    """What authorizer and backend receive of the request."""
    below, decoded = f"{format.prefix}/scripted", "a b/c:d"
    version = {REST: "", HTTP_1: "1.0", HTTP_2: "2.0"}[format]
    tell = Ask("/scripted/search", script="tell")
    arn = format.context(stage=format.stage, arn=f"GET{below}/search", version=version)
    yield Case("method ARN", format, "The authorizer receives stage, method, and path in the ARN, and the payload's version.",
               _page(format, ARN), ((tell, Expected(200, received=arn)),))  # fmt: skip
    if format is REST:
        path = Expected(
            200, received={"path": f"{below}/search", "stage": "prod"} | format.context(path=f"{below}/search")
        )
        yield Case(
            "stage in the path",
            format,
            "Authorizer and backend receive the path without the stage.",
            REST_INPUT,
            ((tell, path),),
        )
    else:
        whole = f"/live{below}/search"
        path = Expected(200, received={"path": whole, "stage": "live"} | format.context(path=whole))
        yield Case("stage in the path", format, "Authorizer and backend receive the path with the stage.",
                   "https://github.com/aws-powertools/powertools-lambda-python/issues/621", ((tell, path),), by_report=True)  # fmt: skip
    encoded = f"{below}/a%20b%2Fc%3Ad"
    seen = encoded if format is REST else f"/live{below}/{decoded}"
    reports = {REST: "https://github.com/localstack/localstack/issues/7728"}
    yield Case("percent-encoded path", format,
               "A REST API hands the path on as sent, an HTTP API decoded; both decode path variables.",
               reports.get(format, "https://github.com/honojs/hono/issues/2156"),
               ((Ask("/scripted/a%20b%2Fc%3Ad", script="tell"),
                 Expected(200, received={"path": seen, "proxy": decoded} | format.context(path=seen))),), by_report=True)  # fmt: skip
    repeated = Ask("/scripted/a", script="tell", headers=(("X-Repeated", "one"), ("X-Repeated", "two")))
    got: dict[str, Any] = (
        {"repeated": "two", "all_repeated": ["one", "two"]} if format is REST else {"repeated": "one,two"}
    )
    yield Case("repeated header", format, "Every value arrives: in a map of lists on REST, joined by commas in payload 2.0.",
               _page(format, REST_INTEGRATION, HTTP_INTEGRATION),
               ((repeated, Expected(200, received=got | (format.context(repeated="one,two") if format is not HTTP_1 else {}))),))  # fmt: skip


def _other(format: ApiFormat) -> Iterator[Case]:
    """Preflight, and what no route matches."""
    allowed: dict[str, Any]
    if format is REST:
        allowed = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "authorization,content-type"}
        yield Case("preflight", format, "A mock answers: no token is needed, nothing is spent.", REST_CORS,
                   ((Ask("/gate/search", method="OPTIONS", headers=PREFLIGHT), Expected(200, headers=allowed)),), spent=0)  # fmt: skip
        yield Case("no such route", format, "A path that no resource has is a 403.", RESPONSE_TYPES,
                   ((Ask("/nowhere", GOOD), Expected(403, {"message": "Missing Authentication Token"})),), spent=0)  # fmt: skip
        yield Case("header WWW-Authenticate", format, "A gateway response can set it.", RESPONSES,
                   ((Ask("/gate/search", BAD), Expected(401, headers={"WWW-Authenticate": "Bearer"})),))  # fmt: skip
        yield Case("backend's WWW-Authenticate", format, "It is renamed.", KNOWN_ISSUES,
                   ((Ask("/scripted/a", script="allow"),
                     Expected(200, headers={"WWW-Authenticate": ABSENT, "x-amzn-Remapped-WWW-Authenticate": "Custom"})),))  # fmt: skip
        passed = Expected(200, received=format.context(reason="ok"))
        yield Case("TOKEN authorizer", format, "It receives the header; without one, it is a 401, and nothing is called.", REST_INPUT,
                   ((Ask("/token/search", GOOD), passed), (Ask("/token/search"), _refused(format, 401)),
                    (Ask("/token/search", OTHER), _refused(format, 403, reason="solution_mismatch"))))  # fmt: skip
        return
    allowed = {
        "Access-Control-Allow-Origin": PAGE,
        "Access-Control-Allow-Headers": PRESENT,
        "Access-Control-Allow-Methods": PRESENT,
    }
    yield Case("preflight", format, "A route for `OPTIONS` takes it, and CORS adds its headers: no token is needed, nothing is spent.",
               HTTP_CORS, ((Ask("/gate/search", method="OPTIONS", headers=PREFLIGHT), Expected(204, headers=allowed)),), spent=0)  # fmt: skip
    yield Case("preflight without a route", format, "Where no route matches, CORS answers.", HTTP_CORS,
               ((Ask("/only", method="OPTIONS", headers=PREFLIGHT), Expected(204, headers=allowed)),), spent=0)  # fmt: skip
    yield Case("preflight to ANY", format, "The route matches, so its authorizer decides.",
               "https://github.com/aws/serverless-application-model/issues/1603",
               ((Ask("/scripted/a", method="OPTIONS", script="deny", headers=PREFLIGHT), _refused(format, 403)),), by_report=True)  # fmt: skip
    yield Case("CORS on an answer", format, "CORS adds its headers to a backend's answer.", HTTP_CORS,
               ((Ask("/gate/search", GOOD, headers=(("Origin", PAGE),)), Expected(200, headers={"Access-Control-Allow-Origin": PAGE})),))  # fmt: skip
    yield Case("no such route", format, "A path that no route matches is a 404.", HTTP_ROUTES,
               ((Ask("/nowhere", GOOD), Expected(404, {"message": "Not Found"})),), spent=0)  # fmt: skip


GROUPS = (_tokens, _carried, _answers, _identity, _formats, _other)
CASES: tuple[Case, ...] = tuple(case for group in GROUPS for format in ApiFormat for case in group(format))
