"""Routes for what solutions are used for: for operators, for a solution's owner, and for each user."""

from typing import Annotated, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from entitlements.directory import Damaged
from entitlements.identifiers import SOLUTION_ID
from entitlements.refusals import Code, Refused
from entitlements.solution import Solution
from token_service.services import Services
from token_service.usage.groups import OPERATORS, OWNERS
from token_service.usage.reports import MOST_DAYS, Period, PeriodInvalid, own_days, today_in
from token_service.web.models import SolutionId
from token_service.web.routes.answers import ID_TOKEN, SIGNED_IN, documented, json_answer
from token_service.web.usage_models import OwnUsage, UsageReport

TAGS: Final = ["usage"]
DATE: Final = {"format": "date"}
MOST_SOLUTION_DAYS: Final = 5 * MOST_DAYS
"""Days of a report, times solutions: what the function reads in about half of its 29 seconds."""


def add_routes(app: APIGatewayHttpResolver, services: Services) -> None:
    """Declare the routes."""

    @app.get(
        "/v1/usage", summary="Report what solutions are used for", tags=TAGS, operation_id="getUsage",
        description=f"For members of the Cognito group `{OPERATORS}` all solutions, and for members of `{OWNERS}` and "
        "a solution's ID that solution. Figures are complete within about a minute.",
        security=ID_TOKEN,
        responses=documented(
            UsageReport, *SIGNED_IN, Code.USAGE_FORBIDDEN, Code.SOLUTION_UNKNOWN, Code.PERIOD_INVALID
        ),
    )  # fmt: skip
    def usage(
        first: Annotated[
            str | None,
            Query(
                alias="from", description="The first day; by default that of 30 days up to `to`",
                examples=["2026-11-01"], json_schema_extra=DATE,
            ),
        ] = None,
        last: Annotated[
            str | None,
            Query(
                alias="to", description="The last day; by default today", examples=["2026-11-30"],
                json_schema_extra=DATE,
            ),
        ] = None,
        solution_id: Annotated[SolutionId | None, Query(description="Only that solution")] = None,
    ) -> Response[str]:  # fmt: skip
        groups = services.identity.caller(app.current_event.headers.get("authorization")).groups
        # First of all, so that nobody else learns which solutions there are.
        shown = _shown(groups, solution_id)
        now = services.clock()
        found = {one: _solution(services, one, now) for one in shown or services.reports.solution_ids()}
        if solution_id is not None and found[solution_id] is None:
            raise Refused(Code.SOLUTION_UNKNOWN)
        today = max((today_in(_timezone(one), now) for one in found.values()), default=today_in("UTC", now))
        try:
            period = Period.read(first, last, today)
        except PeriodInvalid as error:
            raise Refused(Code.PERIOD_INVALID, public=str(error)) from error
        if len(period) * len(found) > MOST_SOLUTION_DAYS:
            told = f"{len(period)} days of {len(found)} solutions are too much for one answer"
            raise Refused(Code.PERIOD_INVALID, public=f"{told}: ask for fewer days, or for one solution_id")
        reports = [services.reports.report(id_, one.name if one else id_, period) for id_, one in found.items()]
        return json_answer({"from": str(period.first), "to": str(period.last), "solutions": reports})

    @app.get(
        "/v1/usage/mine", summary="The user's own last 90 days", tags=TAGS, operation_id="getOwnUsage",
        description="By day, in the solution's time zone.",
        security=ID_TOKEN, responses=documented(OwnUsage, *SIGNED_IN, Code.SOLUTION_UNKNOWN),
    )  # fmt: skip
    def mine(solution_id: Annotated[SolutionId, Query()]) -> Response[str]:
        user_id = services.identity.user_id(app.current_event.headers.get("authorization"))
        now = services.clock()
        solution = services.gate.directory.solution(solution_id, now)
        if solution is None:
            raise Refused(Code.SOLUTION_UNKNOWN)
        days = own_days(services.reports.own(user_id, solution_id), today_in(solution.timezone, now))
        return json_answer({"solution_id": solution_id, "days": days})


def _shown(groups: frozenset[str], solution_id: str | None) -> list[str]:
    """The solutions to report; empty for all. Raises `Refused` if the groups allow none, or not the one asked for."""
    if OPERATORS in groups:
        return [] if solution_id is None else [solution_id]
    ids = (name.removeprefix(OWNERS) for name in groups if name.startswith(OWNERS))
    owned = sorted(one for one in ids if SOLUTION_ID.fullmatch(one))
    if not owned or solution_id not in (None, *owned):
        raise Refused(Code.USAGE_FORBIDDEN)
    return owned if solution_id is None else [solution_id]


def _solution(services: Services, solution_id: str, now: float) -> Solution | None:
    """A solution's configuration; None if there is none. One that is damaged must not hide the others' figures."""
    try:
        return services.gate.directory.solution(solution_id, now)
    except Damaged:
        return None


def _timezone(solution: Solution | None) -> str:
    return "UTC" if solution is None else solution.timezone
