"""When windows begin and end, in whose zone, and which counters go."""

from datetime import UTC, datetime

import pytest

from entitlements import windows
from entitlements.windows import WINDOWS, window_of, windows_at


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("now", "timezone", "day", "month", "day_resets_at", "month_resets_at"),
    [
        ("2026-11-23T23:59:59.9", "UTC", "d20261123", "m202611", "2026-11-24T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("2026-12-31T12:00:00", "UTC", "d20261231", "m202612", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2026-11-30T18:30:00", "Asia/Kolkata", "d20261201", "m202612", "2026-12-01T18:30:00Z", "2026-12-31T18:30:00Z"),
        # 25 and 23 hours: the days on which clocks change
        (
            "2026-10-25T12:00:00",
            "Europe/Berlin",
            "d20261025",
            "m202610",
            "2026-10-25T23:00:00Z",
            "2026-10-31T23:00:00Z",
        ),
        (
            "2026-03-29T12:00:00",
            "Europe/Berlin",
            "d20260329",
            "m202603",
            "2026-03-29T22:00:00Z",
            "2026-03-31T22:00:00Z",
        ),
        ("2028-02-28T12:00:00", "UTC", "d20280228", "m202802", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"),
    ],
)
def test_a_day_begins_at_midnight_of_the_solutions_zone(
    now: str, timezone: str, day: str, month: str, day_resets_at: str, month_resets_at: str
) -> None:
    found = windows_at(at(now), timezone).open
    assert (found["day"].counter, found["day"].resets_at) == (day, day_resets_at)
    assert (found["month"].counter, found["month"].resets_at) == (month, month_resets_at)


@pytest.mark.parametrize("timezone", ["UTC", "Asia/Kolkata", "America/St_Johns"])
@pytest.mark.parametrize(
    ("now", "counter", "resets_at"),
    [
        ("2026-11-24T23:59:59.9", "h2026112423", "2026-11-25T00:00:00Z"),
        ("2026-11-25T00:00:00", "h2026112500", "2026-11-25T01:00:00Z"),
        # the end of summer time in St. John's, half an hour off from UTC's hours
        ("2026-11-01T04:30:00", "h2026110104", "2026-11-01T05:00:00Z"),
        ("2026-12-31T23:00:00", "h2026123123", "2027-01-01T00:00:00Z"),
    ],
)
def test_an_hour_is_one_of_utc_in_every_zone(now: str, timezone: str, counter: str, resets_at: str) -> None:
    hour = windows_at(at(now), timezone).open["hour"]
    assert (hour.counter, hour.resets_at) == (counter, resets_at)


@pytest.mark.long
@pytest.mark.parametrize("timezone", ["UTC", "Asia/Kolkata", "Europe/Berlin", "America/Santiago"])
def test_what_is_remembered_of_a_zone_is_what_a_new_container_finds(timezone: str) -> None:
    """At each quarter of an hour of days on which clocks change, forwards and backwards."""
    names = [name for name in windows_at(0, timezone).open if name != "lifetime"]
    for day in ("2026-03-29", "2026-04-04", "2026-10-25", "2026-09-05", "2026-12-31"):
        moments = [at(day) - 86_400 + n * 900 for n in range(3 * 96)]
        for moment in [*moments, *reversed(moments)]:
            remembered = windows_at(moment, timezone)
            windows._current.clear()
            fresh = windows_at(moment, timezone)
            assert remembered == fresh
            assert fresh.begin <= moment < fresh.end
            resets = [datetime.fromisoformat(fresh.open[name].resets_at).timestamp() for name in names]
            assert min(resets) == fresh.end


def test_the_window_just_past_is_never_removed() -> None:
    """A request that read the clock before midnight may be written after it: its count must still be there."""
    w = windows_at(at("2026-03-01T00:00:01"), "UTC")
    last = {"hour": "h2026022823", "day": "d20260228", "month": "m202602"}
    before = {"hour": "h2026022822", "day": "d20260227", "month": "m202601"}
    for window in WINDOWS:
        found = w.open[window.name]
        assert found.last == last[window.name]
        assert found.swept[0] == before[window.name]
        assert len(set(found.swept) - {found.counter, found.last}) == window.swept
    others = ["total", "d20270101", "h2026030100", "dx", "d2026022", "h20260227", "mac_key_id", ""]
    assert w.stale([*last.values(), *before.values(), *others]) == sorted(before.values())


def test_no_two_kinds_of_window_share_a_counter() -> None:
    assert len({window.form[0] for window in WINDOWS}) == len(WINDOWS)
    for window in WINDOWS:
        counter = windows_at(0, "UTC").open[window.name].counter
        assert window_of(counter) is window
        assert window_of(counter.replace("0", "\u0660")) is None
        assert window_of(counter + "0") is None
