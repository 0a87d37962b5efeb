"""How a resource's value reads: in the plan, in the drift, and in what a run says of itself."""

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
        case SolutionLink():
            return value.solution_id
        case RestAuthorizer() | HttpAuthorizer() | WebSocketAuthorizer():
            return f"{value.type}, cache {value.ttl} s"
        case CustomResponse():
            return f"{value.status or 'own status'}, {len(value.templates)} template(s)"
        case CorsConfiguration() if value.allow_headers or value.allow_origins:
            return f"origins {','.join(value.allow_origins)}; headers {','.join(value.allow_headers)}"
        case BackendMethod():
            return f"a backend ({value.put_integration['type']})"
        case PreflightMock() if origin := value.headers.get("Access-Control-Allow-Origin"):
            return f"mock, origin {origin}"
    return str(value_to_json(value))
