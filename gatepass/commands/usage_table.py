"""The report of `gatepass usage` for people, at most 80 columns wide. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from entitlements.currencies import readable
from entitlements.reasons import Reason
from token_service.usage.conversions import CONVERSION_DAYS
from token_service.usage.reports import CHANGES, Period

WIDTH: Final = 80
GAP: Final = 2
Document = Mapping[str, Any]
Row = Sequence[str]

WALLS: Final = {
    Reason.ANONYMOUS_QUOTA_EXCEEDED.value: ("visitor", "the free limit"),
    Reason.QUOTA_EXCEEDED.value: ("user", "the limit of their plan"),
}
"""Who is refused for a reason, and at which limit."""


def lines(document: Document) -> Iterator[str]:
    """The report of all solutions, line by line."""
    for n, report in enumerate(document["solutions"]):
        if n:
            yield from ("", "")
        title = f"{report['name']} ({report['solution_id']}), {document['from']} to {document['to']}"
        yield from (title, "=" * min(len(title), WIDTH))
        total, before = report["total"], report["before"]
        yield from _section("", [*_beside(total, before), f"before: {_before(document)}"])
        yield from _section("Units by day and plan", _by_day(report["days"]))
        yield from _section("Funnel", [funnel(total)])
        yield from _section("Refused demand", _refused(total))
        yield from _section("Quota pressure", _pressure(total))
        yield from _section("Revenue", _revenue(total, before))
        if "top_users" in report:
            yield from _section("Top users", _top(report["top_users"]))


def _section(title: str, body: Sequence[str]) -> Iterator[str]:
    yield ""
    if title:
        yield title
    yield from body or ["nothing in this period"]


def _beside(total: Document, before: Document) -> list[str]:
    """Both periods' figures beside each other."""
    plans = sorted(total["units"] | before["units"])
    figures = [("units", *(sum(one["units"].values()) for one in (total, before)))]
    figures += [(f"  {plan}", total["units"].get(plan, 0), before["units"].get(plan, 0)) for plan in plans]
    for name in ("user_days", "visitor_days", *CHANGES):
        figures.append((name.replace("_", " "), total[name], before[name]))
    rows = [(name, str(now), str(then), _change(now, then)) for name, now, then in figures]
    return _table(("", "THIS PERIOD", "BEFORE", "CHANGE"), rows)


def _before(document: Document) -> str:
    period = Period(*(date.fromisoformat(document[name]) for name in ("from", "to"))).before
    return f"{period.first} to {period.last}"


def _change(now: int, then: int) -> str:
    if now == then:
        return ""
    return "new" if then <= 0 else f"{round(100 * (now - then) / then):+}%".replace("+0%", "0%")


def _by_day(days: Sequence[Document]) -> list[str]:
    """The days with units. Plans that do not fit beside each other follow below."""
    used = [day for day in days if day["units"]]
    widths: dict[str, int] = {}
    for day in used:
        for plan, units in day["units"].items():
            widths[plan] = max(widths.get(plan, len(plan)), len(str(units)))
    found: list[str] = []
    for plans in _fitting(dict(sorted(widths.items()))):
        rows = [(day["day"], *(str(day["units"].get(plan, 0)) for plan in plans)) for day in used]
        found += [*([""] if found else []), *_table(("DAY", *map(str.upper, plans)), rows)]
    return found


def _fitting(widths: Mapping[str, int]) -> Iterator[list[str]]:
    """Groups of columns that are no wider than a line, from the width of each."""
    group, width = list[str](), len("2026-11-29")
    for plan, column in widths.items():
        if group and width + GAP + column > WIDTH:
            yield group
            group, width = [], len("2026-11-29")
        group.append(plan)
        width += GAP + column
    if group:
        yield group


def funnel(total: Document) -> str:
    """From visitors to registrations to upgrades, each with its share of the one before."""
    visitors, registrations, upgrades = (total[name] for name in ("visitor_days", "registrations", "upgrades"))
    return (
        f"{many(visitors, 'visitor')} -> {many(registrations, 'registration')}{_share(registrations, visitors)} -> "
        f"{many(upgrades, 'upgrade')}{_share(upgrades, registrations)}"
    )


def _refused(total: Document) -> list[str]:
    found = []
    for one in total["refused"]:
        who, limit = WALLS.get(one["reason"], ("subject", one["reason"]))
        told = [f"{many(one['subjects'], who)} hit {limit}"]
        # A user who is refused has registered before.
        if one["reason"] != Reason.QUOTA_EXCEEDED or one["registered"]:
            told.append(f"{one['registered']} registered")
        found.append(", ".join([*told, f"{one['paid']} paid"]))
    return [*found, f"(registered or paid within {CONVERSION_DAYS} days of the refusal)"] if found else []


def _pressure(total: Document) -> list[str]:
    """Refused ones beside active ones, each once a day."""
    found = []
    for reason, (who, _) in WALLS.items():
        refused = sum(one["subjects"] for one in total["refused"] if one["reason"] == reason)
        active = total[f"{who}_days"]
        if refused or active:
            found.append(f"{who}s: {refused} refused, {active} active{_share(refused, active)}")
    return found


def _revenue(total: Document, before: Document) -> list[str]:
    rows = []
    sums = [_sums(one[kind]) for one in (total, before) for kind in ("revenue", "refunds")]
    for plan, currency in sorted({at for one in sums for at in one}):
        taken, refunds, taken_before, refunds_before = (one.get((plan, currency), 0) for one in sums)
        amounts = (taken, refunds, taken - refunds, taken_before - refunds_before)
        rows.append((plan, *(readable(amount, currency) for amount in amounts)))
    return _table(("PLAN", "REVENUE", "REFUNDS", "NET", "NET BEFORE"), rows) if rows else []


def _sums(money: Sequence[Document]) -> dict[tuple[str, str], int]:
    return {(one["plan"], one["currency"]): one["amount"] for one in money}


def _top(users: Sequence[Document]) -> list[str]:
    rows = [(one["user"], str(one["units"]), str(one["days"]), one["last_day"]) for one in users]
    return _table(("USER", "UNITS", "DAYS", "LAST DAY"), rows) if rows else []


def _table(header: Row, rows: Sequence[Row]) -> list[str]:
    """Columns as wide as needed: the first to the left, numbers to the right."""
    widths = [max(len(row[n]) for row in (header, *rows)) for n in range(len(header))]
    found = []
    for first, *others in (header, *rows):
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        found.append((" " * GAP).join(cells).rstrip())
    return found


def many(number: int, what: str) -> str:
    """A number of things: `1 visitor`, `2 visitors`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _share(part: int, whole: int) -> str:
    return f" ({part / whole:.0%})" if whole > 0 else ""
