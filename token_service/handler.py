"""The token service's entry point: reads the environment and wires the routes."""

import os
from typing import Any

from token_service.services import build
from token_service.settings import Settings
from token_service.web import edge
from token_service.web.routes import make_app
from token_service.web.viewer import from_viewer

_settings = Settings.read(os.environ)
_services = build(_settings)
_app = make_app(_services)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an HTTP API event (payload format 2.0)."""
    return edge.handle(_app, _services.origins, from_viewer(event, _settings.portal_secret), context)
