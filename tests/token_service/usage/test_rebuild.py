"""Rebuilding: right totals are proved, wrong ones found and corrected, and nothing that others count is ever undone."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from entitlements.items import usage_key
from tests.support.signer import SOLUTION
from tests.support.table import Table
from tests.support.used import Used, a_marketplaces_days, user
from token_service.errors import Busy
from token_service.repository import Repository
from token_service.usage.daily import ATTEMPTS
from token_service.usage.rebuild import NotRebuildable, Proof, Rebuild, WrongTotal, require_rebuildable
from token_service.usage.reports import Period, Reports, stored

TODAY = date(2026, 11, 30)
DAY = date(2026, 11, 28)
PERIOD = Period(date(2026, 11, 25), date(2026, 11, 29))
OTHER = "other-search"


@pytest.fixture
def used(real_table: Table) -> Used:
    """Three days of a solution, and one of another, with money and refusals."""
    real_table.put_solution()
    real_table.put_solution(solution_id=OTHER)
    used = Used(real_table)
    a_marketplaces_days(used, TODAY, 3)
    payment = used.buy(user(9), DAY, 1500, "KWD")
    used.refund(payment, PERIOD.last, 500)
    Used(real_table, OTHER).spend(user(1), DAY, 7)
    return used


def rebuild(used: Used, dry_run: bool = False, sleep: Callable[[float], object] = lambda _: None) -> Proof:
    return Rebuild(used.repository, sleep).run([SOLUTION, OTHER], PERIOD, dry_run)


def totals(used: Used, solution: str = SOLUTION) -> dict[date, dict[str, int]]:
    return Reports(used.repository).days(solution, PERIOD.first, PERIOD.last)


def add(used: Used, shard: int, day: date, **numbers: int) -> None:
    """As somebody who bypasses the consumer."""
    key = usage_key(SOLUTION, shard, stored(day))
    item = used.table.get(key) or {**key._asdict(), "revision": 0}
    used.table.put(**item | {name: item.get(name, 0) + number for name, number in numbers.items()})


def test_what_the_consumer_counted_is_proved_and_left_alone(used: Used) -> None:
    before = sorted(map(str, used.table.all()))
    proof = rebuild(used)
    assert (proof.differences, proof.days, proof.corrected) == ([], 10, False)
    # Of each day 6 visitors, 2, 4, or 6 refused ones, and 3, 2, or 1 users; who paid without a request; and the other
    # solution's user.
    assert proof.subject_days == 3 * 6 + 12 + 6 + 1 + 1
    assert sorted(map(str, used.table.all())) == before


def test_wrong_totals_are_found_and_corrected(used: Used) -> None:
    right = totals(used)
    add(used, 3, DAY, users=5, **{"units#registered": -2})
    add(used, 7, PERIOD.last, **{"revenue#pro#INR": 100, "planted": 1})
    used.table.client.delete_item(
        TableName=used.table.name, Key=usage_key(OTHER, next(iter(_shards(used, OTHER))), stored(DAY)).wire
    )
    wrong = [
        WrongTotal(SOLUTION, "2026-11-28", "units#registered", right[DAY]["units#registered"] - 2, right[DAY]["units#registered"]),
        WrongTotal(SOLUTION, "2026-11-28", "users", right[DAY]["users"] + 5, right[DAY]["users"]),
        WrongTotal(SOLUTION, "2026-11-29", "planted", 1, 0),
        WrongTotal(
            SOLUTION, "2026-11-29", "revenue#pro#INR", right[PERIOD.last]["revenue#pro#INR"] + 100, right[PERIOD.last]["revenue#pro#INR"]
        ),
        WrongTotal(OTHER, "2026-11-28", "units#registered", 0, 7),
        WrongTotal(OTHER, "2026-11-28", "users", 0, 1),
    ]  # fmt: skip
    dry = rebuild(used, dry_run=True)
    assert (dry.differences, dry.corrected) == (wrong, False)
    assert rebuild(used, dry_run=True).differences == wrong
    repaired = rebuild(used)
    assert (repaired.differences, repaired.corrected) == (wrong, True)
    assert totals(used) == right
    assert totals(used, OTHER) == {DAY: {"units#registered": 7, "users": 1}}
    assert rebuild(used).differences == []


def _shards(used: Used, solution: str) -> list[int]:
    return [shard for shard, _, _ in Reports(used.repository).parts(solution, PERIOD.first, PERIOD.last)]


def test_a_day_of_which_nothing_is_stored_is_written(used: Used) -> None:
    right = totals(used)
    for shard, day, _ in list(Reports(used.repository).parts(SOLUTION, PERIOD.first, PERIOD.last)):
        used.table.client.delete_item(TableName=used.table.name, Key=usage_key(SOLUTION, shard, stored(day)).wire)
    assert totals(used) == {}
    assert rebuild(used).corrected
    assert totals(used) == right


@pytest.mark.parametrize("shard", [0, 15])
def test_what_is_counted_between_reading_and_correcting_is_kept(used: Used, shard: int) -> None:
    """In whichever part it is, also in one that did not exist."""
    add(used, 2, DAY, users=5)
    used.usage._shard = lambda: shard
    rounds = []

    def meanwhile(_: float) -> None:
        rounds.append(1)
        if len(rounds) == 1:
            used.spend(user(77), DAY, 3)

    proof = rebuild(used, sleep=meanwhile)
    assert (len(rounds), [one.number for one in proof.differences]) == (2, ["users"])
    assert rebuild(used).differences == []
    assert any(key.startswith(f"use#{user(77)}") for key in (item["pk"] for item in used.table.all()))


def test_what_is_counted_during_the_scan_is_kept(used: Used) -> None:
    """After its item was passed: the part that was read before the scan tells."""
    add(used, 2, DAY, users=5)
    scanned: list[int] = []

    class Interrupted(Repository):
        def scan_consistently(self, prefixes):
            found = list(super().scan_consistently(prefixes))
            if not scanned:
                used.spend(user(78), DAY, 3)
            scanned.append(len(found))
            yield from found

    proof = Rebuild(Interrupted(used.table.client, used.table.name), lambda _: None).run([SOLUTION, OTHER], PERIOD)
    assert (len(scanned), [one.number for one in proof.differences]) == (2, ["users"])
    assert scanned[1] == scanned[0] + 1
    assert rebuild(used).differences == []


def test_a_day_that_never_rests_is_left_alone_and_told(used: Used) -> None:
    add(used, 2, DAY, users=5)
    add(used, 2, PERIOD.first, users=5)
    rounds = []

    def meanwhile(_: float) -> None:
        rounds.append(1)
        used.spend(user(200 + len(rounds)), DAY, 1)

    with pytest.raises(Busy, match="being changed by others"):
        rebuild(used, sleep=meanwhile)
    assert len(rounds) == ATTEMPTS
    assert [(one.day, one.stored - one.recomputed) for one in rebuild(used, dry_run=True).differences] == [
        (str(DAY), 5),
    ]


def test_days_that_still_count_and_days_that_are_gone_are_refused() -> None:
    require_rebuildable(Period(TODAY - timedelta(days=90), TODAY - timedelta(days=1)), TODAY)
    for first, last, told in (
        (TODAY, TODAY, "still being counted: give a --to up to 2026-11-29"),
        (DAY, TODAY + timedelta(days=1), "still being counted"),
        (TODAY - timedelta(days=91), DAY, "kept for 90 days.*give a --from since 2026-09-01"),
    ):
        with pytest.raises(NotRebuildable, match=told):
            require_rebuildable(Period(first, last), TODAY)
