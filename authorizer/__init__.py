"""The gate: a Lambda authorizer in front of any API Gateway."""
