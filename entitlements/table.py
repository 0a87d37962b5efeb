"""The definition of the one table; its items are in `items.py`. The gate does not need this module."""

from collections.abc import Mapping
from typing import Any, Final

GSI_BY_SOLUTION: Final = "by_solution"

DEFINITION: Final[Mapping[str, Any]] = {
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
        {"AttributeName": "solution_id", "AttributeType": "S"},
        {"AttributeName": "user_id", "AttributeType": "S"},
    ],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": GSI_BY_SOLUTION,
            "KeySchema": [
                {"AttributeName": "solution_id", "KeyType": "HASH"},
                {"AttributeName": "user_id", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}
"""The parameters of CreateTable; a test checks that the template defines the same table."""

TTL_ATTRIBUTE: Final = "expires_at"
