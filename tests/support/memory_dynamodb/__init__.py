"""DynamoDB in a dictionary, for tests that make millions of calls.

Its answers are DynamoDB's: conditions, transactions with the reasons of their cancellation, `ALL_OLD`, conflicts, and
the records of the stream. `test_memory_dynamodb.py` holds it to DynamoDB Local by random operations; conflicts, which
cannot be had there at will, follow
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
"""

from tests.support.memory_dynamodb.client import MemoryDynamoDB
from tests.support.memory_dynamodb.contents import Applied, Contents
from tests.support.memory_dynamodb.expressions import Unsupported

__all__ = ["Applied", "Contents", "MemoryDynamoDB", "Unsupported"]
