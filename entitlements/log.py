"""One line for each decision, which CloudWatch turns into metrics.

Embedded metric format:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from typing import Any, Final

from entitlements.decision import Decision

NAMESPACE: Final = "Gatepass"

_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
_METRICS: Final = _encode(
    [
        {
            "Namespace": NAMESPACE,
            # Also by reason, so that an alarm can watch denials that are faults. Lambda's own Errors metric cannot
            # distinguish them, since every 401 is an exception.
            "Dimensions": [["solution"], ["solution", "reason"]],
            "Metrics": [{"Name": "decisions", "Unit": "Count"}, {"Name": "latency_ms", "Unit": "Milliseconds"}],
        }
    ]
)


def decision_line(
    decision: Decision, *, api_id: str, now: float, latency_ms: float, detail: str = "", stage: str = ""
) -> str:
    """The line. It holds no token, secret or address; the user is an id, and a refused visitor a pseudonym.

    `stage` is that of the API; only the gate's lines have it. The template counts decisions by it.
    """
    line: dict[str, Any] = {
        "reason": decision.reason.value,
        "allowed": decision.allowed,
        "solution": decision.solution_id or "unknown",
        "plan": decision.plan,
        "user": decision.user_id,
        "api_id": api_id,
        "limit": decision.limit,
        "used": decision.used,
        "remaining": decision.remaining,
        "decisions": 1,
        "latency_ms": round(latency_ms, 3),
    }
    if stage:
        line["stage"] = stage
    if decision.visitor:
        line["visitor"] = decision.visitor
    if detail:
        line["detail"] = detail
    return f'{{"_aws":{{"Timestamp":{int(now * 1000)},"CloudWatchMetrics":{_METRICS}}},{_encode(line)[1:]}'
