"""Arguments that several commands share."""

import argparse
from datetime import UTC, datetime
from math import floor


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json, which every command that reads has."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_user(parser: argparse.ArgumentParser, required: bool = True) -> "argparse._MutuallyExclusiveGroup":
    """Add the user, by id or by email address; `gatepass.commands.users.user_of` returns the id.

    Returns the group, so that a command can add another way to select users.
    """
    who = parser.add_mutually_exclusive_group(required=required)
    who.add_argument("--user", metavar="USER_ID", help="the Cognito sub")
    who.add_argument("--email", metavar="ADDRESS", help="the user's email address, looked up in the user pool")
    return who


def add_solution(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Add the solution, by id."""
    text = "the solution's ID" if required else "the solution's ID (default: all solutions)"
    parser.add_argument("--solution", required=required, metavar="SOLUTION_ID", help=text)


def add_api(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Add the API, by id, as a positional argument."""
    parser.add_argument(
        "api", nargs=None if required else "?", metavar="API_ID", help="the API's ID in API Gateway, such as a1b2c3"
    )


def beginning(text: str) -> int:
    """Seconds since the epoch of an ISO 8601 date or date-time in UTC; of a date, the midnight that begins it."""
    try:
        when = datetime.fromisoformat(text)
        return floor((when.replace(tzinfo=UTC) if when.tzinfo is None else when).timestamp())
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time: write 2027-03-31T18:00Z or 2027-03-31, in UTC"
        ) from None
