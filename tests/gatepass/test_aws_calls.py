"""Calls of AWS's management APIs, and what they wait for."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from gatepass.aws_calls import Aws, CallFailed


def test_another_change_under_way_is_waited_for() -> None:
    """ConflictException is none of botocore's repeatable errors; other conflicts are told at once."""
    waits: list[float] = []
    said = ["Unable to complete operation due to concurrent modification. Please try again later."] * 3

    class Api:
        def get_stages(self, **_: Any) -> dict[str, Any]:
            if said:
                raise ClientError({"Error": {"Code": "ConflictException", "Message": said.pop()}}, "GetStages")
            return {"item": []}

    aws = Aws(lambda _: Api(), waits.append)
    assert aws.call("apigateway", "get_stages") == {"item": []}
    assert waits == [0.5, 1, 2]
    said += ["Cannot delete authorizer, is referenced in method"]
    with pytest.raises(CallFailed, match="is referenced"):
        aws.call("apigateway", "get_stages")
    said += ["concurrent modification"] * 6
    with pytest.raises(CallFailed, match="concurrent"):
        aws.call("apigateway", "get_stages")
