"""What the doctor looks at: a table, and the stack that it belongs to, each part read once."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from entitlements.items import Item, keyring_key
from entitlements.keyring import KeyRing
from gatepass.aws_calls import Aws
from gatepass.environment import Environment
from gatepass.refusals import CommandError
from token_service.repository import Repository


@dataclass(frozen=True)
class Patient:
    """A table with its stack: that of the table's tag, unless one is named. `now` is in seconds since the epoch."""

    environment: Environment
    now: float
    named_stack: str = ""

    @cached_property
    def stack(self) -> str:
        """The stack's name; empty for a table without its tag, such as init makes on an emulator."""
        if self.named_stack:
            return self.named_stack
        try:
            return self.environment.stack if self.environment.deployed else ""
        except CommandError:
            return ""

    @property
    def aws(self) -> Aws:
        """The clients. Refuses to mix AWS and an emulator."""
        return self.environment.management

    @cached_property
    def dynamodb(self) -> Aws:
        """DynamoDB's client, which may have an endpoint of its own."""
        return Aws(lambda _: self.environment.dynamodb)

    @property
    def repository(self) -> Repository:
        """The table."""
        return self.environment.repository

    @property
    def table(self) -> str:
        """The table's name."""
        return self.environment.table

    @property
    def emulated(self) -> bool:
        """Whether the table is on an emulator."""
        return self.environment.emulated

    @cached_property
    def description(self) -> dict[str, Any]:
        """The stack as CloudFormation describes it: status, parameters, outputs.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Stack.html
        """
        answer = self.aws.call("cloudformation", "describe_stacks", StackName=self.stack)
        found: dict[str, Any] = answer["Stacks"][0]
        return found

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        return {one["OutputKey"]: one["OutputValue"] for one in self.description.get("Outputs", ())}

    @property
    def parameters(self) -> dict[str, str]:
        """The stack's parameters."""
        return {one["ParameterKey"]: one["ParameterValue"] for one in self.description.get("Parameters", ())}

    @cached_property
    def resources(self) -> dict[str, tuple[str, str]]:
        """Type and physical ID of the stack's resources, by logical ID."""
        found: dict[str, tuple[str, str]] = {}
        more: dict[str, str] = {}
        while True:
            page = self.aws.call("cloudformation", "list_stack_resources", StackName=self.stack, **more)
            for one in page["StackResourceSummaries"]:
                found[one["LogicalResourceId"]] = (one["ResourceType"], one.get("PhysicalResourceId", ""))
            if not page.get("NextToken"):
                return found
            more = {"NextToken": page["NextToken"]}

    @cached_property
    def _ring_item(self) -> Item | None:
        return self.repository.get_item(keyring_key())

    @cached_property
    def ring(self) -> KeyRing | None:
        """The key ring; None if there is none. Raises `KeyRingError` for a damaged one."""
        return None if self._ring_item is None else KeyRing.from_item(self._ring_item)
