"""Metrics of the control plane, as log lines that CloudWatch turns into metrics with the stack's name as dimension.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json

from entitlements.log import NAMESPACE


def metric_line(stack: str, now: float, **metrics: tuple[float, str]) -> str:
    """Format metrics as one log line. Each metric is a (value, CloudWatch unit)."""
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["stack"]],
        "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in metrics.items()],
    }
    return json.dumps(
        {
            "_aws": {"Timestamp": int(now * 1000), "CloudWatchMetrics": [directive]},
            "stack": stack,
            **{name: value for name, (value, _) in metrics.items()},
        }
    )
