"""Arguments that several commands share."""

import argparse


def add_json(parser: argparse.ArgumentParser) -> None:
    """Every command that reads can print JSON."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_user(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """The user, by id."""
    parser.add_argument("--user", required=required, metavar="USER_ID", help="the Cognito sub")


def add_solution(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """The solution, by id."""
    parser.add_argument("--solution", required=required, metavar="SOLUTION_ID")
