"""The OpenAPI document, generated from the routes: `python -m token_service.openapi` prints it."""

import json
import sys
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer

from token_service.edge import FORM, FORM_PATHS, REDIRECTING

VERSION: Final = "1"
DESCRIPTION: Final = (
    "Registers users of solutions, mints their tokens, and decides requests as the gate does. Errors are problem "
    "documents (RFC 9457) whose type is `urn:gatepass:` and a code."
)
SECURITY: Final = {
    "idToken": HTTPBearer(bearerFormat="JWT", description="A Cognito ID token"),
    "token": HTTPBearer(description="A Gatepass token, gp1_…"),
}


def document(app: APIGatewayHttpResolver) -> dict[str, Any]:
    """OpenAPI 3.1, in the order of the routes."""
    made: dict[str, Any] = json.loads(
        app.get_openapi_json_schema(
            title="Gatepass token service",
            version=VERSION,
            description=DESCRIPTION,
            openapi_version="3.1.0",
            security_schemes=dict(SECURITY),
        )
    )
    for path, methods in made["paths"].items():
        for operation in methods.values():
            # The framework's own; ours are 400.
            operation["responses"].pop("422", None)
            operation["responses"] = dict(sorted(operation["responses"].items()))
            if path in FORM_PATHS:
                content = operation["requestBody"]["content"]
                content[FORM] = content["application/json"]
            if path in REDIRECTING:
                operation["responses"]["303"] = {"description": "A form's success: to redirect, with the token"}
    schemas = made["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError", "ResponseValidationError"):
        schemas.pop(name, None)
    return made


def text(app: APIGatewayHttpResolver) -> str:
    """As it is checked in."""
    return json.dumps(document(app), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Print it; no setting is needed, since no route is called."""
    from token_service.routes import make_app
    from token_service.services import build
    from token_service.settings import Settings

    nobody = Settings("none", "us-east-1", "none", "none", "http://127.0.0.1:9", "http://127.0.0.1:9")
    sys.stdout.write(text(make_app(build(nobody))))


if __name__ == "__main__":
    main()
