"""The API's own description, and a page to read it in."""

from functools import cache
from pathlib import Path

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi import swagger_ui
from aws_lambda_powertools.event_handler.openapi.swagger_ui.html import generate_swagger_html

from token_service.services import Services
from token_service.web import openapi
from token_service.web.edge import DOCS_PATH

ASSETS = Path(swagger_ui.__file__).parent
SCRIPT, STYLE = "swagger-ui-bundle.min.js", "swagger-ui.min.css"


def add_routes(app: APIGatewayHttpResolver, services: Services) -> None:
    """Declare the routes, neither of which is part of the description."""
    text = cache(lambda: openapi.text(app))

    @app.get("/v1/openapi.json", include_in_schema=False)
    def document() -> Response[str]:
        headers = {"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}
        return Response(200, "application/json", text(), headers=headers)

    @app.get(DOCS_PATH, include_in_schema=False)
    def page() -> Response[str]:
        # The page's link to the document leads here, as with the framework's own route.
        if app.current_event.query_string_parameters.get("format") == "json":
            return document()
        # The framework includes the files of Swagger UI. They are inlined, so the page loads nothing from elsewhere.
        script, style = ((ASSETS / name).read_text("utf-8") for name in (SCRIPT, STYLE))
        html = generate_swagger_html(text().replace("</", "<\\/"), script, style, "", None)
        return Response(200, "text/html; charset=utf-8", html, headers={"Cache-Control": "public, max-age=300"})
