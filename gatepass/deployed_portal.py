"""The portal of the stack that a table belongs to, by the stack's outputs."""

from typing import NamedTuple

from gatepass.aws_calls import CallFailed
from gatepass.environment import Environment
from gatepass.refusals import CommandError
from gatepass.stack_outputs import stack_outputs


class DeployedPortal(NamedTuple):
    """What the stack says of its portal. URLs end without a slash."""

    url: str
    bucket: str
    distribution: str
    token_service: str


def deployed_portal(environment: Environment) -> DeployedPortal | None:
    """None without a stack, or with one that serves no portal. Raises `CommandError` if the stack cannot be read."""
    if not environment.deployed:
        return None
    try:
        outputs = stack_outputs(environment.management, environment.stack)
    except CallFailed as error:
        raise CommandError(
            f"the outputs of the stack {environment.stack}, which name its portal, cannot be read: {error}: your AWS "
            "credentials need cloudformation:DescribeStacks"
        ) from error
    if "PortalUrl" not in outputs:
        return None
    names = ("PortalUrl", "PortalBucketName", "PortalDistributionId", "TokenServiceUrl")
    return DeployedPortal(*(outputs[name].rstrip("/") for name in names))
