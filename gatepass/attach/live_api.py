"""One API as it is, for one run of the command: reads and writes its resources, wherever they are kept."""

from entitlements.items import Key, api_key
from gatepass.attach import permission, rest, v2
from gatepass.attach import record as records
from gatepass.attach.api_state import ApiKind, ApiState, find_api
from gatepass.attach.resources import (
    PERMISSION,
    ResourceKey,
    ResourceKind,
    ResourceValue,
    SolutionLink,
)
from gatepass.aws_calls import Aws
from token_service.repository import Repository


class LiveApi:
    """An API with its link in the table and its permission at the function. `state` is what was read last."""

    def __init__(self, aws: Aws, repository: Repository, api_id: str, stage: str | None, authorizer_arn: str,
                 stage_may_be_gone: bool = False) -> None:  # fmt: skip
        """Read it. `stage` None means the only one."""
        self._may_be_gone = stage_may_be_gone
        self.aws, self.repository = aws, repository
        self.api_id, self.stage, self.arn = api_id, stage, authorizer_arn
        self.state = self.read()

    def read(self) -> ApiState:
        """Read everything anew."""
        kind, found = find_api(self.aws, self.api_id)
        reader = rest if kind is ApiKind.REST else v2
        self.state = reader.read(self.aws, self.api_id, found, self.stage, self._may_be_gone)
        self.stage = self.state.stage
        if item := self.repository.get_item(api_key(self.api_id)):
            others = {name: value for name, value in item.items() if name not in (*Key._fields, "solution_id")}
            self.state.link = SolutionLink(item["solution_id"], others)
        self.state.permission, ours = permission.read(self.aws, self.arn)
        if ours:
            self.state.ids[PERMISSION] = permission.STATEMENT
        return self.state

    def write(self, key: ResourceKey, was: ResourceValue | None, value: ResourceValue | None) -> None:
        """Write one value in place of `was`."""
        match value:
            case _ if key == PERMISSION:
                permission.write(self.aws, self.arn, was, value)
            case SolutionLink():
                self.repository.put_item(api_key(self.api_id), {"solution_id": value.solution_id, **value.others})
            case None if key.kind is ResourceKind.LINK:
                self.repository.delete_item(api_key(self.api_id))
            case _:
                (rest if self.state.kind is ApiKind.REST else v2).write(self.aws, self.state, key, was, value)

    def shares_function(self) -> bool:
        """Whether another API is attached to the same function."""
        apis = records.attached_apis(self.repository)
        others = [records.load(self.repository, api) for api in apis if api != self.api_id]
        return any(other is not None and other.options.authorizer_arn == self.arn for other in others)

    def tidy(self) -> None:
        """Delete the deployments that were made for an attachment that is over."""
        (rest if self.state.kind is ApiKind.REST else v2).tidy(self.aws, self.api_id)
