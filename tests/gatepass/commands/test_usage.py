"""gatepass usage and its rebuild, on days that were counted until yesterday."""

import csv
import io
import json
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from entitlements.items import usage_key
from gatepass.commands.usage import top_users
from tests.support.command import Command
from tests.support.signer import SOLUTION
from tests.support.table import Table
from tests.support.used import Used, a_marketplaces_days, user
from token_service.usage import rebuild
from token_service.usage.reports import Period
from token_service.usage.totals import SubjectDay

OTHER = "other-search"


class Office:
    """The command, and the days that it reports of."""

    def __init__(self, table: Table, folder: Path) -> None:
        self.table, self.folder = table, folder
        self.run = Command(table.client.meta.endpoint_url, folder, GATEPASS_TABLE=table.name)
        self.today = datetime.now(UTC).date()
        self.yesterday = str(self.today - timedelta(days=1))
        table.put_solution()
        table.put_solution(solution_id=OTHER, name="Other Search", timezone="Pacific/Kiritimati")
        a_marketplaces_days(Used(table), self.today, 2)
        Used(table, OTHER).spend(user(1), self.today - timedelta(days=1), 5)

    def __call__(self, *arguments: str) -> str:
        run = self.run("usage", *arguments)
        assert (run.returncode, run.stderr) == (0, ""), run.stderr
        return run.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    def refused(self, *arguments: str, status: int = 2) -> str:
        run = self.run("usage", *arguments)
        assert (run.returncode, run.stdout) == (status, "")
        assert "Traceback" not in run.stderr
        return run.stderr

    def plant(self) -> None:
        """A wrong total, yesterday: 7 more of a number that nobody counts."""
        key = usage_key(SOLUTION, 3, self.yesterday.replace("-", ""))
        item = self.table.get(key) or {**key._asdict(), "revision": 1}
        self.table.put(**item | {"planted": item.get("planted", 0) + 7})


@pytest.fixture
def office(real_table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(rebuild, "SETTLED", 0.0)
    return Office(real_table, tmp_path)


def test_the_same_figures_as_a_table_as_json_and_as_csv(office: Office) -> None:
    found = office.json()
    assert found == json.loads(office("--format", "json"))
    finder, other = found["solutions"]
    assert (finder["solution_id"], other["solution_id"], len(finder["days"])) == (SOLUTION, OTHER, 30)
    total = finder["total"]
    assert total["units"] == {"anonymous": 36, "pro": 32, "registered": 9 + 8 + 8}
    assert total["revenue"] == [{"plan": "pro", "currency": "INR", "amount": 49900}]
    assert total["refused"][0] == {"reason": "anonymous_quota_exceeded", "subjects": 6, "registered": 2, "paid": 1}
    assert [(one["user"], one["units"], one["days"]) for one in finder["top_users"]] == [
        (user(1), 41, 1),
        (user(2), 16, 2),
    ]
    assert other["top_users"] == [{"user": user(1), "units": 5, "days": 1, "last_day": office.yesterday}]
    text = office()
    for line in ("AWS Solution Finder (faiss-search)", "6 visitors hit the free limit, 2 registered, 1 paid", user(2)):
        assert line in text
    rows = list(csv.DictReader(io.StringIO(office("--format", "csv"))))
    numbers = {(row["solution"], row["day"], row["name"]): int(row["number"]) for row in rows}
    assert len(numbers) == len(rows)
    assert numbers[SOLUTION, office.yesterday, "units#pro"] == 32
    assert sum(number for (one, _, name), number in numbers.items() if one == SOLUTION and name == "visitors") == 12
    assert numbers[OTHER, office.yesterday, "users"] == 1


def test_a_solution_and_a_period_can_be_chosen(office: Office) -> None:
    before = str(office.today - timedelta(days=2))
    found = office.json("--solution", SOLUTION, "--from", before, "--to", before, "--top", "0")
    [one] = found["solutions"]
    assert (found["from"], found["to"], len(one["days"]), "top_users" in one) == (before, before, 1, False)
    assert one["before"]["units"] == {}
    [one] = office.json("--from", office.yesterday, "--solution", SOLUTION, "--top", "1")["solutions"]
    assert [top["user"] for top in one["top_users"]] == [user(1)]


def test_wrong_use_is_told_with_what_to_do(office: Office) -> None:
    assert "--from (2026-12-01) is after to (2026-11-01)" in office.refused(
        "--from", "2026-12-01", "--to", "2026-11-01"
    )
    assert "--to (tomorrow) is not a day: write YYYY-MM-DD" in office.refused("--to", "tomorrow")
    assert "contradict" in office.refused("--json", "--format", "csv")
    assert "--top must be 0 or more" in office.refused("--top", "-1")
    assert "there is no folder" in office.refused("--plot", str(office.folder / "missing" / "usage.svg"))
    assert "there is no solution none-such" in office.refused("--solution", "none-such", status=1)


def test_without_solutions_there_is_nothing_to_report(real_table: Table, tmp_path: Path) -> None:
    run = Command(real_table.client.meta.endpoint_url, tmp_path, GATEPASS_TABLE=real_table.name)
    assert "no solutions yet" in run("usage").stderr


def test_a_picture_is_drawn_beside_the_figures(office: Office) -> None:
    path = office.folder / "usage.svg"
    run = office.run("usage", "--plot", str(path), "--format", "csv", "--solution", SOLUTION)
    assert (run.returncode, run.stderr) == (0, f"drew {path}\n")
    assert run.stdout.startswith("solution,day,name,number\n")
    assert "<svg" in path.read_text()


def test_without_matplotlib_a_picture_is_refused_and_all_else_works(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "gatepass.commands.usage_plot", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "pip install matplotlib" in office.refused("--plot", str(office.folder / "usage.svg"))
    assert "AWS Solution Finder" in office("--top", "0")


def test_a_file_that_cannot_be_written_is_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(document: Any, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gatepass.commands.usage_plot.draw", full)
    run = office.run("usage", "--plot", str(office.folder / "usage.svg"), "--top", "0")
    assert run.returncode == 1
    assert "usage.svg cannot be written: No space left on device" in run.stderr


def test_right_totals_are_proved(office: Office) -> None:
    begin = str(office.today - timedelta(days=3))
    text = office("rebuild", "--from", begin, "--to", office.yesterday)
    assert text.startswith("proved: 6 days of solutions, from ")
    found = office.json("rebuild", "--from", begin, "--to", office.yesterday, "--solution", OTHER)
    assert found == {"days": 3, "subject_days": 1, "subjects": 1, "differences": [], "corrected": False}


def test_wrong_totals_are_listed_corrected_and_then_proved(office: Office) -> None:
    office.plant()
    period = ("rebuild", "--from", office.yesterday, "--to", office.yesterday, "--solution", SOLUTION)
    dry = office.run("usage", *period, "--dry-run")
    assert dry.returncode == 1
    *_, row, summary = dry.stdout.splitlines()
    assert row.split() == [SOLUTION, office.yesterday, "planted", "7", "0"]
    assert "different: not changed" in summary
    assert "different: corrected" in office(*period)
    assert office(*period).startswith("proved: 1 day of solutions")
    office.plant()
    found = office.run("usage", *period, "--dry-run", "--json")
    assert found.returncode == 1
    difference = {"solution": SOLUTION, "day": office.yesterday, "number": "planted", "stored": 7, "recomputed": 0}
    assert difference in json.loads(found.stdout)["differences"]
    assert json.loads(found.stdout)["corrected"] is False


def test_days_that_cannot_be_recomputed_are_refused(office: Office) -> None:
    today, old = str(office.today), str(office.today - timedelta(days=91))
    assert "still being counted: give a --to up to" in office.refused("rebuild", "--from", today, "--to", today)
    assert "kept for 90 days" in office.refused(
        "rebuild", "--from", old, "--to", office.yesterday, "--solution", SOLUTION
    )
    assert "is not a day" in office.refused("rebuild", "--from", "x", "--to", today)
    assert "--to" in office.refused("rebuild", "--from", today)


def test_the_users_with_the_most_units_come_first_and_visitors_never() -> None:
    def day(subject: str, text: str, units: int, visitor: bool = False, solution: str = SOLUTION) -> SubjectDay:
        return SubjectDay(subject, solution, text, visitor, own={"units#pro": units})

    period = Period(date(2026, 11, 1), date(2026, 11, 30))
    days = [
        day("b", "20261101", 5), day("a", "20261130", 5), day("c", "20261102", 2), day("c", "20261120", 9),
        day("c", "20261031", 900), day("a", "20261201", 900), day("v", "20261110", 900, visitor=True),
        day("z", "20261110", 0), day("d", "20261111", 1), day("b", "20261111", 1, solution=OTHER),
    ]  # fmt: skip
    found = top_users(days, period, 3)
    assert [tuple(one) for one in found[SOLUTION]] == [
        ("c", 11, 2, "2026-11-20"),
        ("a", 5, 1, "2026-11-30"),
        ("b", 5, 1, "2026-11-01"),
    ]
    assert [one.user for one in found[OTHER]] == ["b"]
