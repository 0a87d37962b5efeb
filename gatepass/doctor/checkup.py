"""Runs checks one after the other, each to its end: what one may not read, or what fails in it, ends only that one."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from entitlements.items import StoreUnavailable
from entitlements.keyring import KeyRingError
from entitlements.refusals import Refused
from entitlements.solution import ConfigError
from gatepass.aws_calls import CallFailed
from gatepass.doctor.patient import Patient
from gatepass.refusals import CommandError
from token_service.errors import Busy

DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationErrorException",
        "UnauthorizedOperation",
        "UnauthorizedException",
    }
)
"""Codes with which AWS's services refuse a call that the caller's policies do not allow."""


class CheckStatus(StrEnum):
    """What a check came to."""

    OK = "ok"
    PROBLEM = "problem"
    SKIPPED = "skipped"


class Trouble(NamedTuple):
    """Something wrong, and what to do: a problem, as the command calls it."""

    what: str
    remedy: str


class Skipped(Exception):
    """A check does not apply, or cannot be made. The message says why."""


class Hopeless(Exception):
    """A check found something without which no other check can be made."""

    def __init__(self, trouble: Trouble) -> None:
        """Tell the trouble."""
        super().__init__(trouble.what)
        self.trouble = trouble


class Line(NamedTuple):
    """What is printed: one line for a check that found nothing, else one for each problem."""

    check: str
    status: CheckStatus
    what: str
    remedy: str = ""


Examination = Generator[Trouble, None, str]
"""Yields problems; what it returns is said if there were none."""


@dataclass(frozen=True)
class Check:
    """A check, and the IAM actions that it needs."""

    name: str
    needs: tuple[str, ...]
    examine: Callable[[Patient], Examination]


def check_all(patient: Patient, checks: Sequence[Check]) -> Iterator[Line]:
    """Run checks; yields their lines as they come."""
    left = list(checks)
    while left:
        check = left.pop(0)
        try:
            yield from _check(patient, check)
        except Hopeless as error:
            yield Line(check.name, CheckStatus.PROBLEM, *error.trouble)
            yield from (Line(one.name, CheckStatus.SKIPPED, f"needs the {check.name}") for one in left)
            return


def require_stack(patient: Patient) -> None:
    """Raise `Skipped` where there is no stack."""
    if not patient.stack:
        raise Skipped("the table has no tag of a stack")


def _check(patient: Patient, check: Check) -> Iterator[Line]:
    found, examination = 0, check.examine(patient)
    while True:
        try:
            problem = next(examination)
        except StopIteration as end:
            if not found:
                yield Line(check.name, CheckStatus.OK, end.value)
            return
        except Skipped as reason:
            yield Line(check.name, CheckStatus.SKIPPED, str(reason))
            return
        except (Busy, CallFailed, CommandError, ConfigError, KeyRingError, Refused, StoreUnavailable) as error:
            if action := missing_permission(error, check.needs):
                yield Line(check.name, CheckStatus.SKIPPED, f"your AWS credentials need {action}")
            else:
                yield Line(
                    check.name, CheckStatus.PROBLEM, str(error), "this ended the check: run gatepass doctor again"
                )
            return
        found += 1
        yield Line(check.name, CheckStatus.PROBLEM, problem.what, problem.remedy)


def missing_permission(error: BaseException, needs: Sequence[str]) -> str:
    """The action of `needs` that AWS denied, or all of them if it cannot be told; empty for any other failure."""
    from botocore.exceptions import ClientError

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ClientError):
        cause = cause.__cause__
    if cause is None or cause.response.get("Error", {}).get("Code") not in DENIED:
        return ""
    actions = [action for action in needs if action.partition(":")[2] == cause.operation_name]
    return ", ".join(actions or needs)
