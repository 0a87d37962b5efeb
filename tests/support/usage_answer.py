"""What `GET /v1/usage` and `GET /v1/usage/mine` answer, made up: the same for the same days."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

Figures = dict[str, Any]
KINDS = ("registrations", "upgrades", "downgrades", "cancellations")


def _days(first: date, last: date) -> Iterator[date]:
    for n in range((last - first).days + 1):
        yield first + timedelta(days=n)


def _figures(day: date, name: str) -> Figures:
    """Larger on some days, with a purchase a week and a refund a month."""
    base = day.toordinal() % 7 + len(name)
    bought = [{"plan": "pro", "currency": "INR", "amount": 49_900}] if day.weekday() == 2 else []
    packs = [{"plan": "pack-100", "currency": "INR", "amount": 9_900}] if day.day % 10 == 5 else []
    return {
        "units": {"anonymous": base, "registered": 3 * base, "pro": 40 * (day.day % 3)},
        "users": base,
        "visitors": base + 2,
        "registrations": base // 4,
        "upgrades": len(bought),
        "downgrades": 0,
        "cancellations": int(day.day == 20),
        "revenue": bought + packs,
        "refunds": bought if day.day == 17 else [],
        "refused": [
            {"reason": "anonymous_quota_exceeded", "subjects": base, "registered": base // 5, "paid": base // 9},
            {"reason": "quota_exceeded", "subjects": base // 3, "registered": 0, "paid": 0},
        ],
    }


def _total(days: list[Figures]) -> Figures:
    def summed(name: str, *keys: str) -> list[Figures]:
        sums: dict[tuple[str, ...], Counter[str]] = {}
        for one in (one for day in days for one in day[name]):
            numbers = {key: value for key, value in one.items() if key not in keys}
            sums.setdefault(tuple(one[key] for key in keys), Counter()).update(numbers)
        return [dict(zip(keys, found, strict=True)) | dict(count) for found, count in sums.items()]

    units: Counter[str] = Counter()
    for day in days:
        units.update(day["units"])
    return {
        "units": dict(units),
        "user_days": sum(day["users"] for day in days),
        "visitor_days": sum(day["visitors"] for day in days),
        **{name: sum(day[name] for day in days) for name in KINDS},
        "revenue": summed("revenue", "plan", "currency"),
        "refunds": summed("refunds", "plan", "currency"),
        "refused": summed("refused", "reason"),
    }


def usage_answer(first: date, last: date, *names: str) -> Figures:
    """Of solutions with these IDs and names alike."""
    length = last - first + timedelta(days=1)
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "solutions": [
            {
                "solution_id": name,
                "name": f"The {name}",
                "days": [{"day": day.isoformat(), **_figures(day, name)} for day in _days(first, last)],
                "total": _total([_figures(day, name) for day in _days(first, last)]),
                "before": _total([_figures(day, name) for day in _days(first - length, last - length)]),
            }
            for name in names
        ],
    }


def quiet_answer(first: date, last: date, name: str) -> Figures:
    """Of a solution that nobody used."""
    answer = usage_answer(first, last, name)
    (solution,) = answer["solutions"]
    nothing: Figures = {"units": {}, **dict.fromkeys(KINDS, 0), "revenue": [], "refunds": [], "refused": []}
    solution["days"] = [{"day": one["day"], "users": 0, "visitors": 0, **nothing} for one in solution["days"]]
    solution["total"] = solution["before"] = {"user_days": 0, "visitor_days": 0, **nothing}
    return answer


def own_answer(last: date, solution_id: str) -> Figures:
    """90 days of a user, three of them without use in a row."""
    days = _days(last - timedelta(days=89), last)
    return {
        "solution_id": solution_id,
        "days": [{"day": day.isoformat(), "units": max(0, day.toordinal() % 9 - 3)} for day in days],
    }
