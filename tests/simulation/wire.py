"""Every call of the product to the outside: it yields before it is carried out and before it is answered."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from authorizer.credentials import Credentials
from authorizer.dynamodb import DynamoDB, NoAnswer
from tests.simulation.faults import Fault, Faults
from tests.simulation.scheduler import Scheduler, Violation
from tests.support.interruptions import Killed
from tests.support.memory_dynamodb import MemoryDynamoDB
from tests.support.memory_dynamodb.client import ONGOING, refused

Answer = tuple[Any, ClientError | None]
LATEST = 4.0
"""How many seconds after its caller stopped waiting a call can still be carried out."""
# What botocore repeats in its standard mode:
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
REPEATED = {"InternalServerError", "ThrottlingException", "TransactionInProgressException", "KMSInternalException"}


class Unanswered(Exception):
    """No answer came. `sent`: whether the call may have been carried out."""

    def __init__(self, sent: bool) -> None:
        super().__init__(sent)
        self.sent = sent


class Wire:
    """Carries calls out, each with its fault."""

    def __init__(self, scheduler: Scheduler, faults: Faults) -> None:
        self.scheduler, self.faults = scheduler, faults

    def exchange(self, what: str, carry_out: Callable[[], Any], seconds: float) -> Any:
        """One exchange. `seconds` is how long the caller waits for an answer."""
        scheduler = self.scheduler
        fault = self.faults.next(scheduler.random) if self.faults.kinds else Fault.NONE
        scheduler.note(what, fault.value)
        scheduler.turn()
        if fault is Fault.CRASH_BEFORE:
            raise Killed
        if fault is Fault.UNSENT:
            scheduler.turn(seconds * 0.5)
            raise Unanswered(sent=False)
        if fault is Fault.REFUSED:
            code = "ThrottlingException" if scheduler.random.random() < 0.5 else "InternalServerError"
            raise refused(what, code, ResponseMetadata={"HTTPStatusCode": 400 if code[0] == "T" else 500})
        if fault is Fault.LATE:
            self._later(what, carry_out)
            scheduler.turn(seconds)
            raise Unanswered(sent=True)
        answer, error = self._answer(what, carry_out)
        if fault is Fault.CRASH_AFTER:
            raise Killed
        if fault is Fault.LOST:
            scheduler.turn(seconds)
            raise Unanswered(sent=True)
        if fault is Fault.DOUBLED:
            scheduler.turn()
            answer, error = self._answer(what, carry_out)
        scheduler.turn()
        if error is not None:
            raise error
        return answer

    def _answer(self, what: str, carry_out: Callable[[], Any]) -> Answer:
        try:
            return carry_out(), None
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ValidationException":
                raise Violation(f"{what} is not a valid request: {error}") from error
            self.scheduler.note(what, code)
            return None, error

    def _later(self, what: str, carry_out: Callable[[], Any]) -> None:
        """Carry a call out after its caller has gone."""
        sender = self.scheduler.current
        assert sender is not None
        operation = sender.operation

        def arrive() -> None:
            self.scheduler.note("arrives late:", what)
            self._answer(what, carry_out)
            if operation is not None:
                operation.pending -= 1

        if operation is not None:
            operation.pending += 1
        delay = self.scheduler.random.random() * LATEST
        late = self.scheduler.spawn(f"{sender.name}'", arrive, after=delay)
        late.operation = operation


class ServedTable:
    """The table as its clients meet it: others act between the phases of a transaction, and within a query."""

    def __init__(self, table: MemoryDynamoDB, wire: Wire) -> None:
        self.table, self._wire = table, wire

    def carry_out(self, operation: str, request: Any) -> Any:
        """One call by boto3's name of its operation."""
        scheduler = self._wire.scheduler
        if operation == "transact_write_items":
            self._perhaps_in_conflict("TransactionCanceledException", len(request["TransactItems"]))
            begun = self.table.begin(request["TransactItems"], request.get("ClientRequestToken", ""))
            if begun is not None:
                scheduler.turn(mortal=False)
                self.table.commit(begun)
            return {}
        if operation in ("put_item", "update_item", "delete_item"):
            self._perhaps_in_conflict("TransactionConflictException", 0)
        answer = getattr(self.table, operation)(**request)
        if operation == "query" and answer["Items"] and scheduler.random.random() < 0.3:
            return self._torn(request, answer["Items"])
        return answer

    def _torn(self, request: Any, first: list[Any]) -> Any:
        """A query is not isolated from transactions: it can see their items of before and of after.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-isolation
        """
        at = self._wire.scheduler.random.choice(first)["sk"]["S"]
        self._wire.scheduler.turn(mortal=False)
        second = self.table.query(**request)["Items"]
        return {
            "Items": [one for one in first if one["sk"]["S"] <= at] + [one for one in second if one["sk"]["S"] > at]
        }

    def _perhaps_in_conflict(self, code: str, actions: int) -> None:
        faults, random = self._wire.faults, self._wire.scheduler.random
        if not faults.conflicts or random.random() >= faults.conflicts:
            return
        reasons: dict[str, Any] = {}
        if actions:
            with_one = random.randrange(actions)
            names = ("TransactionConflict" if n == with_one else "None" for n in range(actions))
            reasons = {"CancellationReasons": [{"Code": name} for name in names]}
        raise refused("", code, ONGOING, **reasons)


class SimulatedClient:
    """A client of boto3 with its repetitions. `served` carries a call out by the name of its operation."""

    def __init__(
        self,
        wire: Wire,
        service: str,
        served: Callable[[str, Any], Any],
        attempts: int = 1,
        seconds: float = 1.0,
        meta: Any = MemoryDynamoDB.meta,
    ) -> None:
        self._wire, self._service, self._served = wire, service, served
        self._attempts, self._seconds, self.meta = attempts, seconds, meta

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return lambda **request: self._call(operation, request)

    def _call(self, operation: str, request: dict[str, Any]) -> Any:
        scheduler = self._wire.scheduler
        if operation == "transact_write_items":
            # botocore makes up a token for each call, and repeats the call with it.
            request["ClientRequestToken"] = f"{scheduler.random.getrandbits(64):016x}"
        what = _name(operation, request)
        for left in reversed(range(self._attempts)):
            try:
                return self._wire.exchange(what, lambda: self._served(operation, request), self._seconds)
            except Unanswered as error:
                if not left:
                    url = f"https://{self._service}.invalid"
                    raise (
                        ReadTimeoutError(endpoint_url=url) if error.sent else EndpointConnectionError(endpoint_url=url)
                    ) from None
            except ClientError as error:
                if not left or error.response["Error"]["Code"] not in REPEATED:
                    raise
            scheduler.turn(scheduler.random.random())
        raise AssertionError("there is a last attempt")


def _name(operation: str, request: dict[str, Any]) -> str:
    """A call in the trace: its operation, and the items that it is about."""
    keys: Sequence[Any] = [request]
    if "TransactItems" in request:
        keys = [next(iter(action.values())) for action in request["TransactItems"]]
    found = [one.get("Key") or one.get("Item") for one in keys]
    about = [f"{key['pk']['S']}/{key['sk']['S']}" for key in found if isinstance(key, dict)]
    return " ".join([operation, *about])


_TARGET = re.compile(rb"\r\nx-amz-target:DynamoDB_20120810\.(\w+)\r\n")
_OPERATIONS = {"GetItem": "get_item", "UpdateItem": "update_item"}


class SimulatedGateStore(DynamoDB):
    """The gate's own client, with everything but the socket."""

    def __init__(self, wire: Wire, served: ServedTable) -> None:
        super().__init__("t", "us-east-1", "http://dynamodb.invalid", lambda: Credentials("key", "secret"), None)
        self._wire, self._served = wire, served

    def _exchange(self, message: bytes, deadline: float) -> tuple[int, dict[str, Any]]:
        head, _, body = message.partition(b"\r\n\r\n")
        sent = _TARGET.search(head + b"\r\n")
        assert sent is not None
        operation, request = _OPERATIONS[sent[1].decode()], json.loads(body)
        try:
            answer = self._wire.exchange(
                _name(operation, request), lambda: self._served.carry_out(operation, request), self.answer_seconds
            )
        except Unanswered as error:
            raise NoAnswer(f"simulated: {'no answer' if error.sent else 'no connection'}") from None
        except ClientError as error:
            found: Any = dict(error.response)
            code, message_text = found["Error"]["Code"], found["Error"]["Message"]
            more = {name: found[name] for name in ("Item",) if name in found}
            kind = f"com.amazonaws.dynamodb.v20120810#{code}"
            return (500 if code == "InternalServerError" else 400), {"__type": kind, "message": message_text, **more}
        return 200, answer
