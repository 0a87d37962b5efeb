"""What an integration's templates and parameters use of the context that an authorizer sets.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_USE: Final = re.compile(r"""
    context\.authorizer\b
    (?: \.(?P<get> get\([^)]*\)) | \.(?P<dotted> [\w-]+ (?:\.[\w-]+)*) | \[['"](?P<quoted> [^'"]+)['"]\] )?
""", re.VERBOSE)  # fmt: skip
_ALL: Final = "(all of it)"


class ContextUse(NamedTuple):
    """One use. `where` is the template or parameter, `name` what of the context it uses."""

    where: str
    name: str


def uses_of_integration(integration: Mapping[str, Any]) -> list[ContextUse]:
    """The uses of an integration of a REST (`requestTemplates`), HTTP or WebSocket API (`RequestTemplates`)."""
    facts = {name[:1].lower() + name[1:]: value for name, value in integration.items()}
    found = _uses("request template", facts.get("requestTemplates"))
    found += _uses("request parameter", facts.get("requestParameters"))
    for status, one in sorted((facts.get("responseParameters") or {}).items()):  # an HTTP API's
        found += _uses(f"response {status} parameter", one)
    for status, one in sorted((facts.get("integrationResponses") or {}).items()):  # a REST API's
        found += _uses(f"response {status} template", one.get("responseTemplates"))
        found += _uses(f"response {status} parameter", one.get("responseParameters"))
    return found


def _uses(place: str, texts: Mapping[str, str | None] | None) -> list[ContextUse]:
    return [
        ContextUse(f"{place} {name}", used) for name, text in (texts or {}).items() for used in names_used(text or "")
    ]


def names_used(text: str) -> list[str]:
    """What a text uses of the context, each name once."""
    found = (match["get"] or match["dotted"] or match["quoted"] or _ALL for match in _USE.finditer(text))
    return list(dict.fromkeys(found))
