"""What MiniStack (1.5.33) does otherwise, by what is behind it: case, and the differences as `runner.differences` words them."""

from tests.conformance.model import Difference

DIFFERENCES = (
    Difference(
        "The event of payload 1.0 lacks the caller's address, so that the gate decides for no visitor and probes of what is left fail.",
        {
            "token none, HTTP 1.0": (
                "status 500, not 200",
                "what is left cannot be read",
            ),
            "preflight without a route, HTTP 1.0": ("what is left cannot be read",),
        },
    ),
    Difference(
        "An exception of an HTTP API's authorizer is a 500, whatever its message is.",
        {
            "token bad, HTTP 1.0": (
                "status 500, not 401",
                'body message is "Internal Server Error", not "Unauthorized"',
            ),
            "token superseded, HTTP 1.0": (
                "status 500, not 401",
                'body message is "Internal Server Error", not "Unauthorized"',
            ),
            "token bad, HTTP 2.0": (
                "status 500, not 401",
                'body message is "Internal Server Error", not "Unauthorized"',
            ),
            "token superseded, HTTP 2.0": (
                "status 500, not 401",
                'body message is "Internal Server Error", not "Unauthorized"',
            ),
            "two authorizations, HTTP 1.0": ("status 500, not 401",),
            "two authorizations, HTTP 2.0": ("status 500, not 401",),
            "exception Unauthorized, HTTP 1.0": (
                "status 500, not 401",
                'body message is "Internal Server Error", not "Unauthorized"',
            ),
            "exception Unauthorized, HTTP 2.0": (
                "status 500, not 401",
                'body message is "Internal Server Error", not "Unauthorized"',
            ),
        },
    ),
    Difference(
        "An object in the context reaches the backend of a REST API.",
        {
            "context with an object, REST": (
                "status 200, not 500",
                'header Access-Control-Allow-Origin is absent, not "*"',
                'body message is absent, not "Access cannot be checked right now: try again."',
            ),
        },
    ),
    Difference(
        "Without a cache, a REST API does not look at identity sources: the authorizer is called.",
        {
            "no identity source in the header, REST": (
                "status 200, not 401",
                'header Access-Control-Allow-Origin is absent, not "*"',
                'body message is absent, not "Unauthorized"',
            ),
            "no identity source in the query, REST": (
                "status 200, not 401",
                'header Access-Control-Allow-Origin is absent, not "*"',
                'body message is absent, not "Unauthorized"',
            ),
            "empty identity source, REST": ("status 200, not 401",),
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
                'backend received all_repeated is ["one, two"], not ["one", "two"]',
            ),
        },
    ),
    Difference(
        "The event of payload 1.0 lacks `version`.",
        {
            "method ARN, HTTP 1.0": ('backend received authorizer.lambda.version is "", not "1.0"',),
        },
    ),
    Difference(
        "The path of an HTTP API lacks the stage.",
        {
            "stage in the path, HTTP 1.0": (
                'backend received path is "/http1/scripted/search", not "/live/http1/scripted/search"',
                'backend received authorizer.lambda.path is "/http1/scripted/search", not "/live/http1/scripted/search"',
            ),
            "percent-encoded path, HTTP 1.0": (
                'backend received path is "/http1/scripted/a b/c:d", not "/live/http1/scripted/a b/c:d"',
                'backend received authorizer.lambda.path is "/http1/scripted/a b/c:d", not "/live/http1/scripted/a b/c:d"',
            ),
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
        "To the answer of a route for `OPTIONS`, CORS adds no header but the allowed origin.",
        {
            "preflight, HTTP 1.0": (
                "header Access-Control-Allow-Headers is absent",
                "header Access-Control-Allow-Methods is absent",
                "what is left cannot be read",
            ),
            "preflight, HTTP 2.0": (
                "header Access-Control-Allow-Headers is absent",
                "header Access-Control-Allow-Methods is absent",
            ),
        },
    ),
)
