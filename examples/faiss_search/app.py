"""The search API: `POST /search` and `GET /health`, for REST and HTTP APIs."""

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

# In Lambda, this folder is the root, and `app` is imported without a package. Tests and local tools import
# `examples.faiss_search.app`. Checking the package name handles both without changing sys.path (a module could then
# load twice) and without `except ImportError` (which would hide a missing faiss).
if TYPE_CHECKING or __package__:
    from .index import Index
else:
    from index import Index

MAX_HITS: Final = 20
MAX_QUERY: Final = 500
ROUTES: Final = {"/search": "POST", "/health": "GET"}

INDEX = Index()


class BadRequestError(ValueError):
    """The request is invalid. The message says how to correct it."""


def lambda_handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Answer a proxy event of payload 1.0 or 2.0."""
    method, path = _route(event)
    if path not in ROUTES:
        return _answer(404, {"message": "there is no such route: use POST /search or GET /health"})
    if method != ROUTES[path]:
        return _answer(405, {"message": f"{path} accepts only {ROUTES[path]}"}, allow=ROUTES[path])
    if path == "/health":
        return _answer(200, {"status": "ok", "services": len(INDEX)})
    try:
        query, k = _read(event)
    except BadRequestError as error:
        return _answer(400, {"message": str(error)})
    return _answer(200, {"query": query, "hits": [hit.to_dict() for hit in INDEX.search(query, k)]})


def _route(event: dict[str, Any]) -> tuple[str, str]:
    context = event.get("requestContext") or {}
    if "http" not in context:
        return event.get("httpMethod", ""), event.get("path", "")
    # Payload 2.0 has the stage name in the path, unless it is the default stage.
    path, prefix = event["rawPath"], f"/{context.get('stage', '$default')}/"
    return context["http"]["method"], path.removeprefix(prefix[:-1]) if path.startswith(prefix) else path


def _read(event: dict[str, Any]) -> tuple[str, int]:
    try:
        body = event.get("body") or ""
        data = json.loads(base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body)
    except (ValueError, binascii.Error, RecursionError) as error:
        raise BadRequestError('the body must be JSON, such as {"query": "object storage", "k": 5}') from error
    if not isinstance(data, dict):
        raise BadRequestError('the body must be a JSON object, such as {"query": "object storage"}')
    query, k = data.get("query"), data.get("k", 5)
    if not isinstance(query, str) or not query.strip() or len(query) > MAX_QUERY:
        raise BadRequestError(f"query must be a string of 1 to {MAX_QUERY} characters")
    if type(k) is not int or not 1 <= k <= MAX_HITS:
        raise BadRequestError(f"k must be a whole number from 1 to {MAX_HITS}")
    return query, k


def _answer(status: int, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    return {
        "statusCode": status,
        # Allow every page: without this header, browsers hide the answer from pages of other origins.
        "headers": {"content-type": "application/json", "access-control-allow-origin": "*"} | headers,
        "body": json.dumps(body),
    }
