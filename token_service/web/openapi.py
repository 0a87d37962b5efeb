"""The OpenAPI document, generated from the routes: `python -m token_service.web.openapi` prints it."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, Tag

from token_service.web.edge import FORM, FORM_PATHS, REDIRECTING

VERSION: Final = "1"
DESCRIPTION: Final = (
    "Registers users of solutions, mints their tokens, and decides requests as the gate does. Errors are problem "
    "documents (RFC 9457). Their `type` is `urn:gatepass:` followed by a code."
)
TAGS: Final[Mapping[str, str]] = {
    "public": "Public facts",
    "registration": "Registration, sign-in, sign-out, and forgotten passwords",
    "tokens": "A user's own tokens",
    "account": "The user's own access, and deleting the account",
    "payments": "Buying plans, and the user's receipts",
    "usage": "What solutions are used for, and the user's own use",
    "validation": "The gate's decision, for clients without an API Gateway",
}
SECURITY: Final = {
    "idToken": HTTPBearer(bearerFormat="JWT", description="A Cognito ID token"),
    "token": HTTPBearer(description="A Gatepass token, gp1_…"),
}
RATE_LIMIT: Final = {
    "RateLimit-Policy": 'The tightest limit: `"plan";q=limit`. Absent without a limit',
    "RateLimit": 'What is left of it, and the seconds until it resets: `"plan";r=remaining;t=seconds`',
}
FACTS: Final = {
    f"X-Gatepass-{name}": f"`{key}` of the decision"
    for name, key in (
        ("Reason", "reason"),
        ("User-Id", "userId"),
        ("Plan", "plan"),
        ("Remaining", "remaining"),
        ("Resets-At", "resetsAt"),
        ("Resign", "resign"),
    )
}
ORIGINAL: Final = {
    "X-Original-Method": ("The method of the request to decide", {"default": "GET"}),
    "X-Original-URI": (
        "The path of that request, percent-encoded. A query is ignored",
        {"default": "/", "pattern": r"^[ -\"$->@-~]*(\?.*)?$"},
    ),
}


def document(app: APIGatewayHttpResolver) -> dict[str, Any]:
    """OpenAPI 3.1, in the order in which the routes are declared."""
    made: dict[str, Any] = json.loads(
        app.get_openapi_json_schema(
            title="Gatepass token service",
            version=VERSION,
            description=DESCRIPTION,
            openapi_version="3.1.0",
            tags=[Tag(name=name, description=what) for name, what in TAGS.items()],
            security_schemes=dict(SECURITY),
        )
    )
    schemas = made["components"]["schemas"]
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            # The framework's status for invalid requests; ours is 400. What a route documents itself stays.
            if "application/problem+json" not in operation["responses"].get("422", {}).get("content", {}):
                operation["responses"].pop("422", None)
            if method == "post" and path in FORM_PATHS:
                content = operation["requestBody"]["content"]
                content[FORM] = {"schema": _of_its_own(schemas, content["application/json"]["schema"]["$ref"])}
            if method == "post" and path in REDIRECTING:
                operation["responses"]["303"] = {"description": "Success of a form: redirects with the token or code"}
            operation["responses"] = dict(sorted(operation["responses"].items()))
            _add_headers(path, operation)
    made["paths"] = dict(sorted(made["paths"].items(), key=_place))
    for name in ("HTTPValidationError", "ValidationError", "ResponseValidationError"):
        schemas.pop(name, None)
    return made


def _of_its_own(schemas: dict[str, Any], reference: str) -> dict[str, str]:
    """The reference to a copy of a schema: generated clients tell a form from JSON by the type of the body alone."""
    name = reference.rpartition("/")[2]
    form = f"{name.removesuffix('Request')}Form"
    # A form always names its solution (origins.py).
    required = [*dict.fromkeys((*schemas[name]["required"], "solution_id"))]
    schemas[form] = schemas[name] | {"title": form, "required": required}
    return {"$ref": reference.replace(name, form)}


def _place(entry: tuple[str, Any]) -> tuple[int, bool]:
    """The position of a path. The framework puts paths with parameters before all others."""
    path, methods = entry
    (tag,) = next(iter(methods.values()))["tags"]
    return list(TAGS).index(tag), "{" in path


def _add_headers(path: str, operation: dict[str, Any]) -> None:
    """Add the response headers that clients need, and the request headers that nginx sends; the framework has none."""
    always = {"303": {"Location": "The solution's page, with the token or code"}, "401": {"WWW-Authenticate": "Bearer"}}
    for status, response in operation["responses"].items():
        headers = dict(always.get(status, {}))
        if path == "/v1/validate" and status in ("200", "401", "403", "429"):
            headers |= RATE_LIMIT
        if path == "/v1/auth" and status in ("200", "401", "403"):
            headers |= FACTS
        if status in ("429", "503"):
            headers["Retry-After"] = "Seconds to wait"
        if headers:
            response["headers"] = {
                name: {"description": what, "schema": {"type": "string"}} for name, what in headers.items()
            }
    if path == "/v1/auth":
        operation["parameters"] += [
            {"name": name, "in": "header", "description": what, "schema": {"type": "string", **schema}}
            for name, (what, schema) in ORIGINAL.items()
        ]


def text(app: APIGatewayHttpResolver) -> str:
    """The document as text, as it is checked in."""
    return json.dumps(document(app), indent=2, ensure_ascii=False) + "\n"


def generated() -> str:
    """The document without a stack: no setting and no credentials are needed, since no route is called."""
    from token_service.services import build
    from token_service.settings import Settings
    from token_service.web.routes import make_app

    nobody = Settings("none", "us-east-1", "none", "none", "none", "http://127.0.0.1:9", "http://127.0.0.1:9")
    return text(make_app(build(nobody)))


def main() -> None:
    """Print the document, or compare it with a file."""
    parser = argparse.ArgumentParser(prog="python -m token_service.web.openapi", description=__doc__)
    parser.add_argument("--check", type=Path, metavar="FILE", help="exit 1 if FILE is not what would be printed")
    file: Path | None = parser.parse_args().check
    if file is None:
        sys.stdout.write(generated())
    elif not file.exists() or file.read_text("utf-8") != generated():
        sys.exit(f"{file} does not match the routes: run python -m token_service.web.openapi > {file}")


if __name__ == "__main__":
    main()
