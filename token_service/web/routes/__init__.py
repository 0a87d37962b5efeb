"""The routes of the HTTP API: thin functions over the domain's modules."""

import json
from typing import Any

from token_service.services import Services
from token_service.web.problems import Resolver, add_handlers
from token_service.web.routes import account, documents, payments, public, registrations, tokens, usage, validation

__all__ = ["Services", "make_app"]


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise json.JSONDecodeError("nested too deeply", text, 0) from error


def make_app(services: Services) -> Resolver:
    """The resolver with all routes, in the order of the documentation."""
    app = Resolver(enable_validation=True, json_body_deserializer=_loads)
    for module in (public, registrations, tokens, account, payments, usage, validation, documents):
        module.add_routes(app, services)
    add_handlers(app)
    return app
