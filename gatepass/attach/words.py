"""How a resource's value reads: in the plan, in the drift, and in what a run says of itself."""

from collections.abc import Mapping

from gatepass.attach.document import value_to_json
from gatepass.attach.resources import (
    BackendMethod,
    CorsConfiguration,
    CustomResponse,
    HttpAuthorizer,
    NarrowPermission,
    PreflightMock,
    ResourceValue,
    RestAuthorizer,
    RouteAuthorization,
    SolutionLink,
    StageDeployment,
    WebSocketAuthorizer,
)


def in_words(value: ResourceValue | None) -> str:
    """A value in one line."""
    match value:
        case None:
            return "none"
        case RouteAuthorization():
            name = "the gate" if value.is_gate else value.authorizer
            return " ".join(filter(None, (value.type, name)))
        case NarrowPermission():
            return f"only {value.parameters.get('SourceArn') or value.parameters.get('Principal')}"
        case StageDeployment(name=""):
            return "none"
        case SolutionLink():
            return value.solution_id
        case RestAuthorizer() | HttpAuthorizer() | WebSocketAuthorizer():
            identity = value.identity if isinstance(value.identity, str) else ", ".join(value.identity)
            needs = f"needs {identity}, " if identity else ""
            return f"{value.type}, cache {value.ttl} s, {needs}calls {_function(value.uri)}"
        case CustomResponse():
            return f"{value.status or 'own status'}, body {', '.join(value.templates) or 'as by default'}"
        case CorsConfiguration() if value.allow_headers or value.allow_origins:
            return f"origins {','.join(value.allow_origins)}; headers {','.join(value.allow_headers)}"
        case BackendMethod():
            return f"a backend ({value.put_integration['type']})"
        case PreflightMock() if origin := value.headers.get("Access-Control-Allow-Origin"):
            return f"mock, origin {origin}"
    return str(value_to_json(value))


def details(value: ResourceValue | None) -> Mapping[str, str]:
    """What `in_words` has no room for: an answer's headers and bodies, by name."""
    match value:
        case CustomResponse():
            return {**value.headers, **value.templates}
        case PreflightMock():
            return value.headers
        case CorsConfiguration():
            return {name: str(setting) for name, setting in value.settings.items()}
    return {}


def _function(uri: str) -> str:
    """The function's name and alias, of the form of URI that authorizers have."""
    return uri.partition(":function:")[2].removesuffix("/invocations") or uri
