"""Reads and writes all values of an attachment: the API's own, the link in the table, the function's permission."""

import json
from typing import Any, Final

from entitlements.items import Key, api_key, attachment_prefix
from gatepass.attach import record as records
from gatepass.attach import rest, v2
from gatepass.attach.apis import PERMISSION, Api, find_api
from gatepass.attach.aws import Aws
from token_service.repository import Repository

STATEMENT: Final = "gatepass-apigateway"


class Work:
    """One API, for one run of the command."""

    def __init__(self, aws: Aws, repository: Repository, api_id: str, stage: str | None, authorizer_arn: str,
                 stage_may_be_gone: bool = False) -> None:  # fmt: skip
        """`stage` None means the only one."""
        self._may_be_gone = stage_may_be_gone
        self.aws, self.repository = aws, repository
        self.api_id, self.stage, self.arn = api_id, stage, authorizer_arn
        self.api = self.read()

    def read(self) -> Api:
        """Read everything anew."""
        kind, found = find_api(self.aws, self.api_id)
        reader = rest if kind == "REST" else v2
        self.api = reader.read(self.aws, self.api_id, found, self.stage, self._may_be_gone)
        self.stage = self.api.stage
        item = self.repository.get_item(api_key(self.api_id))
        self.api.values["link"] = item and {k: v for k, v in item.items() if k not in Key._fields}
        self.api.values["permission"] = self._permission()
        return self.api

    def write(self, key: str, was: Any, value: Any) -> None:
        """Write one value in place of `was`."""
        if key == "link":
            self._write_link(value)
        elif key == "permission":
            self._write_permission(value)
        else:
            (rest if self.api.kind == "REST" else v2).write(self.aws, self.api, key, was, value)

    def others(self) -> bool:
        """Whether another API is attached to the same function."""
        apis = [key.subject for key in self.repository.scan_keys(attachment_prefix())]
        others = [records.load(self.repository, api) for api in apis if api != self.api_id]
        return any(other is not None and other.options["authorizer_arn"] == self.arn for other in others)

    def tidy(self) -> None:
        """Delete the deployments that were made for an attachment that is over."""
        (rest if self.api.kind == "REST" else v2).tidy(self.aws, self.api_id)

    def _write_link(self, value: dict[str, Any] | None) -> None:
        if value is None:
            self.repository.delete_item(api_key(self.api_id))
        else:
            self.repository.put_item(api_key(self.api_id), value)

    def _account(self) -> str:
        return str(self.aws.call("sts", "get_caller_identity")["Account"])

    def _permission(self) -> str | None:
        """Whether API Gateway may call the function for any API of this account; None: it may not.

        Another account's function cannot be asked: its owner gives the permission.
        """
        _, partition, _, region, owner, *_ = self.arn.split(":")
        account = self._account()
        if owner != account:
            return "another account's"
        source, found = f"arn:{partition}:execute-api:{region}:{account}:*", None
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
                found = PERMISSION
                if statement.get("Sid") == STATEMENT:
                    self.api.ids["permission"] = STATEMENT
        return found

    def _write_permission(self, value: str | None) -> None:
        if value is None:
            self.aws.call("lambda", "remove_permission", **self._function(), StatementId=STATEMENT)
            return
        _, partition, _, region, account, *_ = self.arn.split(":")
        source = f"arn:{partition}:execute-api:{region}:{account}:*"
        self.aws.call("lambda", "add_permission", **self._function(), StatementId=STATEMENT, SourceArn=source,
                      Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")  # fmt: skip

    def _function(self) -> dict[str, str]:
        """The function and, where the ARN names one, its alias: the permission stands on that."""
        parts = self.arn.split(":")
        qualifier = {"Qualifier": parts[7]} if len(parts) > 7 else {}
        return {"FunctionName": ":".join(parts[:7]), **qualifier}
