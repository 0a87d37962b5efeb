"""One API as it is, for one run of the command: reads and writes its resources, wherever they are kept."""

import json
from typing import Final

from entitlements.items import Key, api_key
from gatepass.attach import record as records
from gatepass.attach import rest, v2
from gatepass.attach.api_state import ApiKind, ApiState, find_api
from gatepass.attach.resources import (
    PERMISSION,
    FunctionPermission,
    ResourceKey,
    ResourceKind,
    ResourceValue,
    SolutionLink,
)
from gatepass.aws_calls import Aws
from token_service.repository import Repository

STATEMENT: Final = "gatepass-apigateway"
"""The Sid of the permission that attaching adds to the function's policy."""


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
        self.state.permission = self._permission()
        return self.state

    def write(self, key: ResourceKey, was: ResourceValue | None, value: ResourceValue | None) -> None:
        """Write one value in place of `was`."""
        match value:
            case SolutionLink():
                self.repository.put_item(api_key(self.api_id), {"solution_id": value.solution_id, **value.others})
            case FunctionPermission():
                self._add_permission()
            case None if key.kind is ResourceKind.LINK:
                self.repository.delete_item(api_key(self.api_id))
            case None if key.kind is ResourceKind.PERMISSION:
                self.aws.call("lambda", "remove_permission", **self._function(), StatementId=STATEMENT)
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

    def _account(self) -> str:
        return str(self.aws.call("sts", "get_caller_identity")["Account"])

    def _permission(self) -> FunctionPermission | None:
        """Whether API Gateway may call the function for any API of this account; None: it may not.

        Another account's function cannot be asked: its owner gives the permission.
        """
        _, partition, _, region, owner, *_ = self.arn.split(":")
        account = self._account()
        if owner != account:
            return FunctionPermission.ANOTHER_ACCOUNT
        source = f"arn:{partition}:execute-api:{region}:{account}:*"
        found: FunctionPermission | None = None
        policy = self.aws.find("lambda", "get_policy", **self._function())
        for statement in json.loads(policy["Policy"])["Statement"] if policy else ():
            arn = statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn")
            service = statement.get("Principal", {})
            service = service.get("Service") if isinstance(service, dict) else service
            if (
                statement["Effect"] == "Allow"
                and service == "apigateway.amazonaws.com"
                and arn in (source, source + "/*")
            ):
                found = FunctionPermission.WHOLE_ACCOUNT
                if statement.get("Sid") == STATEMENT:
                    self.state.ids[PERMISSION] = STATEMENT
        return found

    def _add_permission(self) -> None:
        _, partition, _, region, account, *_ = self.arn.split(":")
        source = f"arn:{partition}:execute-api:{region}:{account}:*"
        self.aws.call("lambda", "add_permission", **self._function(), StatementId=STATEMENT, SourceArn=source,
                      Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")  # fmt: skip

    def _function(self) -> dict[str, str]:
        """The function and, where the ARN names one, its alias: the permission stands on that."""
        parts = self.arn.split(":")
        qualifier = {"Qualifier": parts[7]} if len(parts) > 7 else {}
        return {"FunctionName": ":".join(parts[:7]), **qualifier}
