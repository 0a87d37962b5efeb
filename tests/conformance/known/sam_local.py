"""What `sam local start-api` (1.170) does otherwise, by what is behind it: case, and the differences as `runner.differences` words them."""

from tests.conformance.model import Difference

DIFFERENCES = (
    Difference(
        "An exception of an authorizer, or an answer in another form, is a 502.",
        {
            "token bad, REST": (
                "status 502, not 401",
                'header Access-Control-Allow-Origin is absent, not "*"',
                'body message is "Internal server error", not "Unauthorized"',
            ),
            "token superseded, REST": (
                "status 502, not 401",
                'header Access-Control-Allow-Origin is absent, not "*"',
                'body message is "Internal server error", not "Unauthorized"',
            ),
            "token bad, HTTP 2.0": (
                "status 502, not 401",
                'body message is "Internal server error", not "Unauthorized"',
            ),
            "token superseded, HTTP 2.0": (
                "status 502, not 401",
                'body message is "Internal server error", not "Unauthorized"',
            ),
            "two authorizations, REST": ("status 502, not 401",),
            "two authorizations, HTTP 2.0": ("status 502, not 401",),
            "exception Unauthorized, REST": (
                "status 502, not 401",
                'header Access-Control-Allow-Origin is absent, not "*"',
                'body message is "Internal server error", not "Unauthorized"',
            ),
            "another exception, REST": (
                "status 502, not 500",
                'header Access-Control-Allow-Origin is absent, not "*"',
                'body message is "Internal server error", not "Access cannot be checked right now: try again."',
            ),
            "malformed answer, REST": (
                "status 502, not 500",
                'header Access-Control-Allow-Origin is absent, not "*"',
                'body message is "Internal server error", not "Access cannot be checked right now: try again."',
            ),
            "exception Unauthorized, HTTP 2.0": (
                "status 502, not 401",
                'body message is "Internal server error", not "Unauthorized"',
            ),
            "another exception, HTTP 2.0": (
                "status 502, not 500",
                'body message is "Internal server error", not "Internal Server Error"',
            ),
            "malformed answer, HTTP 2.0": (
                "status 502, not 500",
                'body message is "Internal server error", not "Internal Server Error"',
            ),
            "header WWW-Authenticate, REST": (
                "status 502, not 401",
                'header WWW-Authenticate is absent, not "Bearer"',
            ),
        },
    ),
    Difference(
        "It ignores gateway responses, and answers with its own text.",
        {
            "token other, REST": (
                'header Access-Control-Allow-Origin is absent, not "*"',
                'body message is "User is not authorized to access this resource", not "Refused"',
                'body reason is absent, not "solution_mismatch"',
                "body upgradeUrl is absent",
            ),
            "token spent, REST": (
                'header Access-Control-Allow-Origin is absent, not "*"',
                'body message is "User is not authorized to access this resource", not "Refused"',
                'body reason is absent, not "quota_exceeded"',
                "body upgradeUrl is absent",
                'body plan is absent, not "once"',
                'body limit is absent, not "1"',
                'body used is absent, not "1"',
                'body remaining is absent, not "0"',
            ),
            "answer deny, REST": (
                'header Access-Control-Allow-Origin is absent, not "*"',
                'body message is "User is not authorized to access this resource", not "Refused"',
            ),
            "policy of another method, REST": (
                'header Access-Control-Allow-Origin is absent, not "*"',
                'body message is "User is not authorized to access this resource", not "Refused"',
            ),
            "no identity source in the header, REST": ('header Access-Control-Allow-Origin is absent, not "*"',),
            "no identity source in the query, REST": ('header Access-Control-Allow-Origin is absent, not "*"',),
            "no cache, REST": (
                'answer 2: header Access-Control-Allow-Origin is absent, not "*"',
                'answer 2: body message is "User is not authorized to access this resource", not "Refused"',
            ),
            "TOKEN authorizer, REST": (
                'answer 2: header Access-Control-Allow-Origin is absent, not "*"',
                'answer 3: header Access-Control-Allow-Origin is absent, not "*"',
                'answer 3: body message is "User is not authorized to access this resource", not "Refused"',
                'answer 3: body reason is absent, not "solution_mismatch"',
            ),
        },
    ),
    Difference(
        "An authorizer of payload 1.0 receives the event of payload 2.0, the payload of its route, so that every request is a 502.",
        {
            "token good, HTTP 1.0": (
                "status 502, not 200",
                "what is left cannot be read",
            ),
            "token none, HTTP 1.0": (
                "status 502, not 200",
                "what is left cannot be read",
            ),
            "token bad, HTTP 1.0": (
                "status 502, not 401",
                'body message is "Internal server error", not "Unauthorized"',
            ),
            "token superseded, HTTP 1.0": (
                "status 502, not 401",
                'body message is "Internal server error", not "Unauthorized"',
            ),
            "token other, HTTP 1.0": (
                "status 502, not 403",
                'body message is "Internal server error", not "Forbidden"',
            ),
            "token spent, HTTP 1.0": (
                "status 502, not 403",
                'body message is "Internal server error", not "Forbidden"',
            ),
            "header in lower case, HTTP 1.0": ("status 502, not 200",),
            "header in upper case, HTTP 1.0": ("status 502, not 200",),
            "token in the query, HTTP 1.0": ("status 502, not 200",),
            "two authorizations, HTTP 1.0": (
                "status 502, not 401",
                "what is left cannot be read",
            ),
            "answer allow, HTTP 1.0": ("status 502, not 200",),
            "answer deny, HTTP 1.0": (
                "status 502, not 403",
                'body message is "Internal server error", not "Forbidden"',
            ),
            "exception Unauthorized, HTTP 1.0": (
                "status 502, not 401",
                'body message is "Internal server error", not "Unauthorized"',
            ),
            "another exception, HTTP 1.0": (
                "status 502, not 500",
                'body message is "Internal server error", not "Internal Server Error"',
            ),
            "malformed answer, HTTP 1.0": (
                "status 502, not 500",
                'body message is "Internal server error", not "Internal Server Error"',
            ),
            "policy of another method, HTTP 1.0": (
                "status 502, not 403",
                'body message is "Internal server error", not "Forbidden"',
            ),
            "identity sources, HTTP 1.0": ("status 502, not 200",),
            "identity source in lower case, HTTP 1.0": ("status 502, not 200",),
            "cache of 300 s, HTTP 1.0": (
                "answer 1: status 502, not 200",
                "answer 2: status 502, not 200",
            ),
            "no cache, HTTP 1.0": (
                "answer 1: status 502, not 200",
                "answer 2: status 502, not 403",
                'answer 2: body message is "Internal server error", not "Forbidden"',
            ),
            "cached policy of one method, HTTP 1.0": (
                "answer 1: status 502, not 200",
                "answer 2: status 502, not 403",
                'answer 2: body message is "Internal server error", not "Forbidden"',
            ),
            "method ARN, HTTP 1.0": ("status 502, not 200",),
            "stage in the path, HTTP 1.0": ("status 502, not 200",),
            "percent-encoded path, HTTP 1.0": ("status 502, not 200",),
            "repeated header, HTTP 1.0": ("status 502, not 200",),
            "CORS on an answer, HTTP 1.0": (
                "status 502, not 200",
                'header Access-Control-Allow-Origin is absent, not "https://conformance.example.com"',
            ),
        },
    ),
    Difference(
        "A refusal of an HTTP API has the text of a REST API.",
        {
            "token other, HTTP 2.0": (
                'body message is "User is not authorized to access this resource", not "Forbidden"',
            ),
            "token spent, HTTP 2.0": (
                'body message is "User is not authorized to access this resource", not "Forbidden"',
            ),
            "answer deny, HTTP 2.0": (
                'body message is "User is not authorized to access this resource", not "Forbidden"',
            ),
            "no cache, HTTP 2.0": (
                'answer 2: body message is "User is not authorized to access this resource", not "Forbidden"',
            ),
        },
    ),
    Difference(
        "The context reaches the backend of a REST API as it is.",
        {
            "context with an object, REST": (
                "status 200, not 500",
                'header Access-Control-Allow-Origin is "https://conformance.example.com", not "*"',
                'body message is absent, not "Access cannot be checked right now: try again."',
            ),
            "context with numbers, REST": (
                'backend received authorizer.whole is 7, not "7"',
                'backend received authorizer.part is 1.5, not "1.5"',
                'backend received authorizer.yes is true, not "true"',
            ),
        },
    ),
    Difference(
        "It keeps no answer of an authorizer.",
        {
            "cache of 300 s, REST": ("answer 2: status 403, not 200",),
            "cached policy of one method, REST": (
                "answer 2: status 200, not 403",
                'answer 2: header Access-Control-Allow-Origin is "https://conformance.example.com", not "*"',
                'answer 2: body message is absent, not "Refused"',
            ),
            "gate behind a cache, REST": ("answer 2: backend received authorizer.remaining is another",),
            "cache of 300 s, HTTP 2.0": ("answer 2: status 403, not 200",),
            "gate behind a cache, HTTP 2.0": ("answer 2: backend received authorizer.lambda.remaining is another",),
        },
    ),
    Difference(
        "A REST and an HTTP API in one template share the stage and the CORS settings, here those of the HTTP API.",
        {
            "method ARN, REST": ('backend received authorizer.stage is "live", not "prod"',),
            "stage in the path, REST": ('backend received stage is "live", not "prod"',),
            "preflight, REST": ('header Access-Control-Allow-Origin is "https://conformance.example.com", not "*"',),
        },
    ),
    Difference(
        "Authorizer and backend of a REST API receive the path decoded.",
        {
            "percent-encoded path, REST": (
                'backend received path is "/rest/scripted/a b/c:d", not "/rest/scripted/a%20b%2Fc%3Ad"',
                'backend received authorizer.path is "/rest/scripted/a b/c:d", not "/rest/scripted/a%20b%2Fc%3Ad"',
            ),
        },
    ),
    Difference(
        "A REST API joins the values of a repeated header.",
        {
            "repeated header, REST": (
                'backend received repeated is "one,two", not "two"',
                'backend received all_repeated is ["one,two"], not ["one", "two"]',
            ),
        },
    ),
    Difference(
        "The path of an HTTP API lacks the stage.",
        {
            "stage in the path, HTTP 2.0": (
                'backend received path is "/http2/scripted/search", not "/live/http2/scripted/search"',
                'backend received authorizer.lambda.path is "/http2/scripted/search", not "/live/http2/scripted/search"',
            ),
            "percent-encoded path, HTTP 2.0": (
                'backend received path is "/http2/scripted/a b/c:d", not "/live/http2/scripted/a b/c:d"',
                'backend received authorizer.lambda.path is "/http2/scripted/a b/c:d", not "/live/http2/scripted/a b/c:d"',
            ),
        },
    ),
    Difference(
        "It does not rename the header.",
        {
            "backend's WWW-Authenticate, REST": (
                "header WWW-Authenticate is present",
                'header x-amzn-Remapped-WWW-Authenticate is absent, not "Custom"',
            ),
        },
    ),
    Difference(
        "It answers every preflight to an HTTP API itself, with 200, whatever the routes are.",
        {
            "preflight, HTTP 1.0": (
                "status 200, not 204",
                "what is left cannot be read",
            ),
            "preflight without a route, HTTP 1.0": (
                "status 200, not 204",
                "what is left cannot be read",
            ),
            "preflight to ANY, HTTP 1.0": (
                "status 200, not 403",
                'body message is absent, not "Forbidden"',
            ),
            "preflight, HTTP 2.0": ("status 200, not 204",),
            "preflight without a route, HTTP 2.0": ("status 200, not 204",),
            "preflight to ANY, HTTP 2.0": (
                "status 200, not 403",
                'body message is absent, not "Forbidden"',
            ),
        },
    ),
    Difference(
        "An unknown path of an HTTP API gets the answer of a REST API.",
        {
            "no such route, HTTP 1.0": (
                "status 403, not 404",
                'body message is "Missing Authentication Token", not "Not Found"',
                "what is left cannot be read",
            ),
            "no such route, HTTP 2.0": (
                "status 403, not 404",
                'body message is "Missing Authentication Token", not "Not Found"',
            ),
        },
    ),
)
