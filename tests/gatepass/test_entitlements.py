"""`gatepass entitlements` as operators use it: whom it finds, what it changes, and how users move in and out."""

import argparse
import io
import json
import os
import pty
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from entitlements.gate import Gate
from entitlements.items import entitlement_key, from_wire, item_to_wire
from entitlements.solution import Solution, read_solution
from entitlements.windows import windows_at
from gatepass.commands import transfer
from gatepass.commands.entitlement_lines import BadLine, read_line
from gatepass.commands.entitlements import moment
from tests.support import emulators
from tests.support.command import Command
from tests.support.emulators import ROOT
from tests.support.market import bearer
from tests.support.proxy import Answer, proxy, refusal
from tests.support.signer import SOLUTION, USER
from tests.support.table import PatientDynamoDB, config

NOW = 1_795_478_400.0  # 2026-11-24T00:00:00Z
SOLUTION_FILE = ROOT / "examples" / "faiss_search" / "solution.yaml"


def user(number: int) -> str:
    return str(uuid.UUID(int=number))


def line(number: int = 1, **changes: Any) -> dict[str, Any]:
    found = {"user_id": user(number), "solution_id": SOLUTION, "status": "active", "plan": "registered", "total": 0}
    return {name: value for name, value in (found | changes).items() if value is not None}


def write(path: Path, *lines: dict[str, Any] | str) -> str:
    texts = [text if isinstance(text, str) else json.dumps(text) for text in lines]
    path.write_text("".join(f"{text}\n" for text in texts))
    return str(path)


class Shop:
    """The command on a table with the first solution, and a look into the table beside it."""

    def __init__(self, gatepass: Command) -> None:
        self.run, self.environment = gatepass, gatepass.environment
        for command in (["init"], ["solutions", "apply", str(SOLUTION_FILE)]):
            assert gatepass(*command).returncode == 0
        endpoint = self.environment.get("AWS_ENDPOINT_URL_DYNAMODB", self.environment["AWS_ENDPOINT_URL"])
        self.client = emulators.client("dynamodb", endpoint)
        self.gate = Gate(PatientDynamoDB(endpoint, self.environment["GATEPASS_TABLE"]))

    def __call__(self, verb: str, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return self.run("entitlements", verb, *arguments, stdin=stdin)

    def change(self, verb: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self(verb, "--user", USER, "--solution", SOLUTION, *arguments)

    def show(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.change("show", "--json").stdout)
        return found

    def items(self, kind: str) -> list[dict[str, Any]]:
        pages = self.client.get_paginator("scan").paginate(TableName=self.environment["GATEPASS_TABLE"])
        found = [from_wire(item) for page in pages for item in page["Items"]]
        return [i for i in found if i["pk"].startswith("user#") and i["sk"].startswith(kind)]

    def imported(self) -> int:
        return sum(entry["event"] == "imported" for entry in self.items("audit#"))

    def add(self, number: int, **attributes: Any) -> None:
        item = {"generation": "1", "created_at": "2026-11-23T10:00:00.000Z"} | line(number, **attributes)
        wire = entitlement_key(item["user_id"], item["solution_id"]).wire | item_to_wire(item)
        self.client.put_item(TableName=self.environment["GATEPASS_TABLE"], Item=wire)

    def exported(self, *arguments: str) -> list[dict[str, Any]]:
        run = self("export", *arguments)
        assert run.returncode == 0, run.stderr
        return sorted(map(json.loads, run.stdout.splitlines()), key=lambda found: str(found["user_id"]))

    def popen(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["gatepass", "entitlements", *arguments], cwd=ROOT, env=self.environment, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


@pytest.fixture
def shop(gatepass: Command) -> Shop:
    return Shop(gatepass)


@pytest.fixture
def atomic_shop(gatepass: Command, dynamodb_local_endpoint: str) -> Shop:
    """On DynamoDB Local: two writers at once meet as they would on AWS."""
    gatepass.environment["AWS_ENDPOINT_URL_DYNAMODB"] = dynamodb_local_endpoint
    return Shop(gatepass)


@pytest.fixture
def other_table(shop: Shop, tmp_path: Path) -> Shop:
    folder = tmp_path / "other"
    folder.mkdir()
    return Shop(
        Command(shop.environment["AWS_ENDPOINT_URL"], folder, GATEPASS_TABLE=f"{shop.environment['GATEPASS_TABLE']}-b")
    )


# Listing


def test_listing_filters_by_status_and_plan_and_shows_what_is_used_today(shop: Shop) -> None:
    today = windows_at(time.time(), "UTC").open["day"].counter
    shop.add(1, **{today: 3, "total": 7})
    shop.add(2, plan="pro", paid_until=int(NOW) + 10**8)
    shop.add(3, plan="pro", status="suspended")

    def users(*filters: str) -> list[str]:
        return sorted(
            row["user"] for row in json.loads(shop("list", "--solution", SOLUTION, "--json", *filters).stdout)
        )

    assert users() == [user(1), user(2), user(3)]
    assert users("--plan", "pro") == [user(2), user(3)]
    assert users("--plan", "pro", "--status", "active") == [user(2)]
    assert users("--status", "revoked") == []
    first = json.loads(shop("list", "--user", user(1), "--json").stdout)[0]
    assert (first["used_today"], first["day_limit"], first["total"]) == (3, 10, 7)
    table = shop("list", "--solution", SOLUTION).stdout
    assert "3/10" in table
    assert "2030-01-24T09:46:40Z" in table
    assert shop("list").returncode == 1
    assert shop("list", "--solution", SOLUTION, "--status", "gone").returncode == 2


def test_a_lapsed_plan_shows_the_limit_that_counts(shop: Shop) -> None:
    shop.add(1, plan="pro", paid_until=1)
    assert json.loads(shop("list", "--user", user(1), "--json").stdout)[0]["day_limit"] == 10


def test_entitlements_of_a_solution_that_is_not_applied_are_listed_all_the_same(shop: Shop) -> None:
    shop.add(1, solution_id="unheard-of")
    assert "unheard-of" in shop("list", "--user", user(1)).stdout


# By e-mail

ADDRESS = "jane.doe+test@example.com"


class Pool:
    def __init__(self, shop: Shop) -> None:
        self.client = emulators.client("cognito-idp", shop.environment["AWS_ENDPOINT_URL"])
        self.id = self.client.create_user_pool(PoolName="t")["UserPool"]["Id"]
        shop.environment["GATEPASS_USER_POOL_ID"] = self.id

    def add(self, name: str, email: str) -> str:
        attributes = [{"Name": "email", "Value": email}]
        made = self.client.admin_create_user(UserPoolId=self.id, Username=name, UserAttributes=attributes)["User"]
        return next(str(a["Value"]) for a in made["Attributes"] if a["Name"] == "sub")


@pytest.fixture
def pool(shop: Shop) -> Pool:
    return Pool(shop)


def test_every_verb_takes_an_address_in_place_of_an_id_and_repeats_it_nowhere(shop: Shop, pool: Pool) -> None:
    pool.add("other", "jane.doe+test@example.com.evil.example")
    sub, who = pool.add("jane", ADDRESS), ("--email", ADDRESS)
    runs = [
        shop("grant", *who, "--solution", SOLUTION, "--plan", "pack-100"),
        shop("add-credits", *who, "--solution", SOLUTION, "--credits", "5"),
        shop("set-plan", *who, "--solution", SOLUTION, "--plan", "pro", "--until", "2099-12-31"),
        shop("list", *who),
        shop("list", *who, "--solution", SOLUTION, "--json"),
        shop("show", *who, "--solution", SOLUTION),
        shop.run("tokens", "mint", *who, "--solution", SOLUTION),
        shop.run("tokens", "rotate", *who, "--solution", SOLUTION),
        shop("suspend", *who, "--solution", SOLUTION),
        shop("resume", *who, "--solution", SOLUTION),
        shop("revoke", *who, "--solution", SOLUTION),
        shop("export"),
    ]
    assert [run.returncode for run in runs] == [0] * len(runs)
    assert all(sub in run.stdout for run in runs if not run.stdout.startswith("gp1_"))
    assert not any(ADDRESS in run.stdout + run.stderr for run in runs)
    assert ADDRESS not in repr(shop.items(""))
    assert len(shop.items("solution#")) == 1


def test_who_cannot_be_found_by_address_is_named_neither(shop: Shop, pool: Pool) -> None:
    pool.add("jane", ADDRESS)
    twins = sorted([pool.add("a", "twin@example.com"), pool.add("b", "twin@example.com")])

    def refused(address: str) -> str:
        run = shop("grant", "--email", address, "--solution", SOLUTION)
        assert (run.returncode, run.stdout, address in run.stderr, "Traceback" in run.stderr) == (1, "", False, False)
        return run.stderr

    assert "no user of the pool" in refused("jane.doe+test@example.co")
    assert "no user of the pool" in refused(ADDRESS.upper())
    assert ", ".join(twins) in refused("twin@example.com")
    shop.environment["GATEPASS_USER_POOL_ID"] = "us-east-1_nowhere"
    assert "look at GATEPASS_USER_POOL_ID" in refused(ADDRESS)
    shop.environment["AWS_ENDPOINT_URL_DYNAMODB"] = shop.environment["AWS_ENDPOINT_URL"]
    shop.environment["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{emulators.free_port()}"
    assert "Cognito gave no answer" in refused(ADDRESS)
    del shop.environment["AWS_ENDPOINT_URL"]
    assert "must both be AWS's or both emulated" in refused(ADDRESS)
    del shop.environment["GATEPASS_USER_POOL_ID"]
    assert "set GATEPASS_USER_POOL_ID" in refused(ADDRESS)
    assert shop.items("solution#") == []


def test_what_could_leave_the_quotes_of_a_filter_never_gets_there(shop: Shop, pool: Pool) -> None:
    with proxy(shop.environment["AWS_ENDPOINT_URL"]) as between:
        shop.environment["AWS_ENDPOINT_URL"] = between.url
        for address in (
            'a" or email ^= "',
            'x"@example.com',
            "x\\@example.com",
            "x",
            "",
            "a @b",
            "a@\x07b",
            "a" * 250 + "@b",
        ):
            run = shop("grant", "--email", address, "--solution", SOLUTION)
            assert (run.returncode, "not an e-mail address that can be looked up" in run.stderr) == (1, True)
    assert between.calls == []


def test_a_user_is_named_once(shop: Shop) -> None:
    assert shop("show", "--solution", SOLUTION).returncode == 2
    assert shop("show", "--user", USER, "--email", ADDRESS, "--solution", SOLUTION).returncode == 2


# Changes


def test_a_paid_plan_lapses_when_it_was_told_to(shop: Shop) -> None:
    shop.change("grant")
    until = shop.change("set-plan", "--plan", "pro", "--until", "2099-12-31")
    assert until.stdout.endswith("plan pro, paid until 2100-01-01T00:00:00Z\n")
    assert shop.show()["paid_until"] == 4_102_444_800
    assert "paid_until  2100-01-01T00:00:00Z" in shop.change("show").stdout
    exact = json.loads(shop.change("set-plan", "--plan", "pro", "--until", "2099-12-31T18:30Z", "--json").stdout)
    assert exact["paid_until"] == 4_102_425_000
    assert shop.change("set-plan", "--plan", "pro").stdout.endswith("plan pro\n")
    assert shop.show()["paid_until"] is None
    kept = [
        (e["plan"], e.get("paid_until"), e.get("paid_until_before"))
        for e in shop.items("audit#")
        if e["event"] == "plan_set"
    ]
    assert kept == [
        ("pro", "2100-01-01T00:00:00Z", None),
        ("pro", "2099-12-31T18:30:00Z", "2100-01-01T00:00:00Z"),
        ("pro", None, "2099-12-31T18:30:00Z"),
    ]


def test_a_date_that_cannot_be_kept_is_refused(shop: Shop) -> None:
    shop.change("grant")
    for plan, until, status, told in (
        ("pro", "2020-01-01", 1, "is in the past"),
        ("pro", "soon", 2, "write 2027-03-31"),
        ("pro", "2099-02-30", 2, "is not a date"),
        ("registered", "2099-12-31", 1, "only a plan with a price"),
        ("pack-100", "2099-12-31", 1, "only a plan with a price"),
    ):
        run = shop.change("set-plan", "--plan", plan, "--until", until)
        assert (run.returncode, told in run.stderr) == (status, True), run.stderr
    assert shop.show()["plan"] == "registered"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-23", NOW),  # the midnight that begins the next day
        ("2026-11-24T00:00", NOW),
        ("2026-11-24T00:00:00Z", NOW),
        ("2026-11-24T05:30:00+05:30", NOW),
        ("2026-11-24 00:00:00.9", NOW),
    ],
)
def test_dates_are_read_in_utc(text: str, seconds: float) -> None:
    assert moment(text) == seconds


@pytest.mark.parametrize("text", ["", "9999-12-31", "2026-11-31", "tomorrow", "1795478400", "2026-11-23T25:00"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write 2027-03-31"):
        moment(text)


def test_credits_come_on_top_of_what_is_left(shop: Shop) -> None:
    shop.change("grant", "--plan", "pack-100")
    assert "200 credits left" in shop.change("add-credits", "--credits", "100").stdout
    assert shop.show()["granted"] == 200
    for wrong in ("0", "-5", str(10**13)):
        assert "credits must be a whole number" in shop.change("add-credits", "--credits", wrong).stderr
    assert shop.change("add-credits", "--credits", "many").returncode == 2
    shop.change("set-plan", "--plan", "pro")
    refused = shop.change("add-credits", "--credits", "5")
    assert (refused.returncode, "set a prepaid plan first (set-plan): pack-100" in refused.stderr) == (1, True)


def test_a_suspension_says_why_until_it_ends(shop: Shop) -> None:
    shop.change("grant")
    assert shop.change("suspend", "--reason", " chargeback  ").returncode == 0
    assert shop.show()["suspended_reason"] == "chargeback"
    assert [e.get("reason") for e in shop.items("audit#")] == [None, "chargeback"]
    for wrong in ("x" * 201, "two\nlines", "\x1b[31m", " "):
        run = shop.change("suspend", "--reason", wrong)
        message = "must be one line" if wrong.strip() else "--reason is empty"
        assert (run.returncode, message in run.stderr) == (1, True)
    shop.change("resume")
    assert "suspended_reason" not in shop.show()


# Export and import


def test_who_moves_keeps_everything_but_the_token(shop: Shop, other_table: Shop, tmp_path: Path) -> None:
    hour, day, month = (windows_at(time.time(), "UTC").open[name].counter for name in ("hour", "day", "month"))
    shop.add(1, plan="pack-100", granted=300, total=250)
    shop.add(2, status="suspended", suspended_reason="chargeback", plan="pro", paid_until=4_102_444_800)
    shop.add(
        3, status="revoked", total=3, **{hour: 1, day: 1, month: 2, "d20200101": 9, "m202001": 9, "h2020010100": 9}
    )
    shop.change("grant")
    token = shop.run("tokens", "mint", "--user", USER, "--solution", SOLUTION).stdout.strip()
    assert [shop.gate.decide(SOLUTION, bearer(token), time.time()).allowed for _ in range(11)] == [True] * 10 + [False]

    file = tmp_path / "users.jsonl"
    run = shop("export", "--output", str(file))
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "exported 4\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob("*.part")) == []
    text = file.read_text()
    assert not any(word in text for word in ("jti", "generation", "mac_key", "d20200101", "m202001", "h2020", "gp1_"))
    assert (hour in text, day in text, month in text) == (True, True, True)
    assert json.loads(other_table("import", str(file), "--dry-run", "--json").stdout)["imported"] == 4
    assert other_table.items("") == []
    run = other_table("import", str(file))
    assert (run.returncode, run.stdout, run.stderr) == (0, "imported 4, there already 0, bad 0\n", "")

    assert (
        other_table.exported()
        == shop.exported()
        == sorted(map(json.loads, text.splitlines()), key=lambda e: e["user_id"])
    )
    assert [e["event"] for e in other_table.items("audit#")] == ["imported"] * 4
    assert {e["total"] for e in other_table.items("solution#")} == {250, 0, 3, 10}
    moved = other_table.run("tokens", "mint", "--user", USER, "--solution", SOLUTION).stdout.strip()
    assert moved != token
    assert other_table.gate.decide(SOLUTION, bearer(moved), time.time()).reason.value == "quota_exceeded"
    pack = other_table.run("tokens", "mint", "--user", user(1), "--solution", SOLUTION).stdout.strip()
    assert sum(other_table.gate.decide(SOLUTION, bearer(pack), time.time()).allowed for _ in range(60)) == 50


def test_an_export_can_be_of_one_solution_and_a_mistyped_one_is_refused(shop: Shop, tmp_path: Path) -> None:
    shop.add(1)
    shop.add(2, solution_id="unheard-of")
    assert len(shop.exported()) == 2
    assert [found["user_id"] for found in shop.exported("--solution", SOLUTION)] == [user(1)]
    file = tmp_path / "kept"
    file.write_text("before")
    refused = shop("export", "--solution", "faiss-saerch", "--output", str(file))
    assert (refused.returncode, "there is no solution faiss-saerch" in refused.stderr) == (1, True)
    assert file.read_text() == "before"
    for wrong in (tmp_path / "nowhere" / "file", tmp_path):
        refused = shop("export", "--output", str(wrong))
        assert (refused.returncode, "cannot be written" in refused.stderr) == (1, True)
    assert list(tmp_path.glob("*.part")) == []
    assert shop("export", "--output", "/dev/null").returncode == 0
    assert Path("/dev/null").is_char_device()


def test_an_export_reads_all_pages(atomic_shop: Shop) -> None:
    """More than a page of the index (1 MB) would take long; more than one batch of reads does not."""
    for number in range(230):
        atomic_shop.add(number)
    assert {found["user_id"] for found in atomic_shop.exported("--solution", SOLUTION)} == set(map(user, range(230)))
    assert len(atomic_shop.exported()) == 230


def test_importing_twice_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    file = write(tmp_path / "users", line(1, d20261123=4), line(2, plan="pro"), "", line(3, status="revoked"))
    assert shop("import", file).stdout == "imported 3, there already 0, bad 0\n"
    before = shop.items("")
    again = shop("import", file)
    assert (again.returncode, again.stdout, again.stderr) == (0, "imported 0, there already 3, bad 0\n", "")
    assert shop.items("") == before


def test_who_is_there_already_stays_as_they_are(shop: Shop, tmp_path: Path) -> None:
    shop.add(1, plan="pro", total=50)
    file = write(tmp_path / "users", line(1, status="suspended", total=7), line(2), line(2), line(2, plan="pro"))
    run = shop("import", file)
    assert run.returncode == 0
    assert run.stdout == "imported 1, there already 3 (2 of them different from the file), bad 0\n"
    assert f"{file}:1: there already, with another status and plan: left as it is" in run.stderr
    assert f"{file}:4: there already, with another plan" in run.stderr
    assert {(e["plan"], e["status"], e["total"]) for e in shop.items("solution#")} == {
        ("pro", "active", 50),
        ("registered", "active", 0),
    }


def test_a_file_made_by_hand_needs_four_keys(shop: Shop) -> None:
    text = json.dumps(line(1, total=None))
    run = shop("import", "-", stdin="\ufeff" + text + "\r\n\r\n" + json.dumps(line(2, plan="pro")))  # no end of line
    assert (run.returncode, run.stdout) == (0, "imported 2, there already 0, bad 0\n")
    found = shop.items("solution#")
    assert [(e["total"], "granted" in e, e["created_at"][:2]) for e in found] == [(0, False, "20")] * 2


class Held:
    """Lets `count` calls of an operation through, and holds up the next: before it is done, or after."""

    def __init__(self, operation: str, count: int, done: bool) -> None:
        self.operation, self.left, self.done = operation, count, done
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __call__(self, operation: str, forward: Callable[[], Answer]) -> Answer:
        if operation != self.operation or self.reached.is_set() or self.left > 0:
            self.left -= operation == self.operation
            return forward()
        answer = forward() if self.done else refusal("InternalServerError")
        self.reached.set()
        assert self.go_on.wait(60)
        return answer


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("done", [False, True], ids=["line-not-written", "line-written"])
def test_an_interrupted_import_goes_on_where_it_stopped(shop: Shop, tmp_path: Path, how: int, done: bool) -> None:
    file = write(tmp_path / "users", *map(line, range(8)))
    with proxy(shop.environment["AWS_ENDPOINT_URL"]) as between:
        between.on_call = held = Held("TransactWriteItems", 3, done)
        shop.environment["AWS_ENDPOINT_URL_DYNAMODB"] = between.url
        with shop.popen("import", file) as process:
            assert held.reached.wait(60)
            process.send_signal(how)
            told = process.communicate(timeout=60)
        held.go_on.set()
    if how == signal.SIGINT:
        assert process.returncode == 1
        assert "interrupted at line 4 (imported 3, there already 0, bad 0): run the same command again" in told[1]
        assert "Traceback" not in told[1]
    assert shop.imported() == len(shop.items("solution#")) == 3 + done
    del shop.environment["AWS_ENDPOINT_URL_DYNAMODB"]
    run = shop("import", file)
    assert run.stdout == f"imported {5 - done}, there already {3 + done}, bad 0\n"
    assert shop.imported() == len(shop.items("solution#")) == 8


def test_an_interrupted_export_leaves_no_half_a_file(shop: Shop, tmp_path: Path) -> None:
    for number in range(3):
        shop.add(number)
    with proxy(shop.environment["AWS_ENDPOINT_URL"]) as between:
        between.on_call = held = Held("BatchGetItem", 0, True)
        shop.environment["AWS_ENDPOINT_URL_DYNAMODB"] = between.url
        with shop.popen("export", "--solution", SOLUTION, "--output", str(tmp_path / "users")) as process:
            assert held.reached.wait(60)
            assert len(list(tmp_path.glob("users*.part"))) == 1
            process.send_signal(signal.SIGINT)
            told = process.communicate(timeout=60)
        held.go_on.set()
    assert (process.returncode, told) == (1, ("", "gatepass: interrupted\n"))
    assert list(tmp_path.glob("users*")) == []


def test_a_throttled_table_is_waited_for(shop: Shop, tmp_path: Path) -> None:
    """Longer than the client's own repetitions; a cancelled transaction it does not repeat at all."""
    throttled = {"GetItem": 4, "TransactWriteItems": 3}
    reasons = [{"Code": "None"}, {"Code": "ThrottlingError", "Message": "no"}]

    def answer(operation: str, forward: Callable[[], Answer]) -> Answer:
        if throttled.get(operation, 0) == 0:
            return forward()
        throttled[operation] -= 1
        if operation == "GetItem":
            return refusal("ProvisionedThroughputExceededException")
        return refusal("TransactionCanceledException", CancellationReasons=reasons)

    with proxy(shop.environment["AWS_ENDPOINT_URL"]) as between:
        between.on_call = answer
        shop.environment["AWS_ENDPOINT_URL_DYNAMODB"] = between.url
        run = shop("import", write(tmp_path / "users", line(1), line(2)))
    assert (run.returncode, run.stdout) == (0, "imported 2, there already 0, bad 0\n"), run.stderr
    assert throttled == {"GetItem": 0, "TransactWriteItems": 0}
    assert shop.imported() == 2


def test_an_import_that_loses_the_table_says_how_far_it_came(shop: Shop, tmp_path: Path) -> None:
    file = write(tmp_path / "users", *map(line, range(4)))

    def answer(operation: str, forward: Callable[[], Answer]) -> Answer:
        gone = between.calls.count("TransactWriteItems") > 2
        return refusal("ResourceNotFoundException") if gone else forward()

    with proxy(shop.environment["AWS_ENDPOINT_URL"]) as between:
        between.on_call = answer
        shop.environment["AWS_ENDPOINT_URL_DYNAMODB"] = between.url
        run = shop("import", file)
    assert (run.returncode, run.stdout) == (1, "")
    assert "stopped at line 3 (imported 2, there already 0, bad 0): run the same command again" in run.stderr
    assert "DynamoDB refused transact_write_items" in run.stderr


def test_two_imports_at_once_import_each_line_once(atomic_shop: Shop, tmp_path: Path) -> None:
    file = write(tmp_path / "users", *(line(number, total=number) for number in range(60)))
    both = [atomic_shop.popen("import", file, "--json") for _ in range(2)]
    told = [json.loads(process.communicate(timeout=120)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [counts["imported"] + counts["there_already"] for counts in told] == [60, 60]
    assert sum(counts["imported"] for counts in told) == 60
    assert atomic_shop.imported() == 60
    assert sorted(e["total"] for e in atomic_shop.items("solution#")) == list(range(60))
    assert not any(counts["different"] or counts["bad"] for counts in told)


def test_bad_lines_are_named_and_passed_over_and_nothing_is_lost(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "users"
    lines = [
        json.dumps(line(1)).encode(),
        b"{",
        json.dumps(line(2, solution_id="unheard-of", plan="gold", email="jane@example.com")).encode(),
        b"\xff\xfe",
        b'{"x": "' + b"x" * 200_000 + b'"}',
        b" " * 70_000 + json.dumps(line(3)).encode(),
        json.dumps(line(4)).encode(),
    ]
    file.write_bytes(b"\n".join(lines))
    for _ in range(2):
        run = shop("import", str(file))
        assert run.returncode == 1
        assert run.stderr.splitlines() == [
            f"{file}:2: (line): is not JSON",
            f"{file}:3: email: is not a key of an entitlement",
            f"{file}:3: solution_id: there is no solution unheard-of: gatepass solutions apply its file first",
            f"{file}:4: (line): is not UTF-8",
            f"{file}:5: (line): is longer than 65536 bytes",
            f"{file}:6: (line): is longer than 65536 bytes",
            "gatepass: correct the lines named above and import the file again",
        ]
    assert run.stdout == "imported 0, there already 2, bad 5\n"
    assert sorted(e["user_id"] for e in shop.items("solution#")) == [user(1), user(4)]
    for unreadable in ("nowhere", "."):
        missing = shop("import", unreadable)
        assert (missing.returncode, "cannot be read" in missing.stderr) == (1, True)


SOLUTIONS: dict[str, Solution] = {SOLUTION: read_solution(config())}


def faults(text: str) -> dict[str, str]:
    with pytest.raises(BadLine) as caught:
        read_line(text, SOLUTIONS.get, NOW)
    return caught.value.faults


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("user_id", None, "is missing"),
        ("user_id", 7, "must be a string"),
        ("user_id", "jane@example.com", "must be the Cognito sub"),
        ("user_id", USER.upper(), "must be the Cognito sub"),
        ("solution_id", None, "is missing"),
        ("solution_id", "UPPER", "must be 2 to 63"),
        ("solution_id", "other", "there is no solution other"),
        ("status", None, "is missing"),
        ("status", "Active", "must be active, suspended or revoked"),
        ("plan", None, "is missing"),
        ("plan", "gold", "has no plan gold for users; it has registered, pro, pack-100"),
        ("plan", "\x1b[31m", "has no such plan"),
        ("plan", "anonymous", "has no plan anonymous for users"),
        ("total", -1, "must be a whole number"),
        ("total", True, "must be a whole number"),
        ("total", 3.0, "must be a whole number"),
        ("total", "3", "must be a whole number"),
        ("total", 10**16, "must be a whole number"),
        ("granted", float("nan"), "must be a whole number"),
        ("d20261123", 1.5, "must be a whole number"),
        ("d20261123", -1, "must be a whole number"),
        ("d20261131", 1, "there is no such day"),
        ("m202613", 1, "there is no such month"),
        ("h2026112324", 1, "there is no such hour"),
        ("h2026112401", 1, "is in the future"),
        ("d20261126", 1, "is in the future"),
        ("m202612", 1, "is in the future"),
        ("paid_until", 1_795_478_400_000, "in seconds since the epoch"),
        ("paid_until", "2026-11-24", "in seconds since the epoch"),
        ("created_at", "yesterday", "must be a time such as"),
        ("created_at", 5, "must be a time such as"),
        ("created_at", "0001-01-01T00:00:00", "must be a time such as"),
        ("suspended_reason", "late", "is allowed only with the status suspended"),
        ("email", "jane@example.com", "is not a key of an entitlement"),
        ("generation", "x", "is not a key of an entitlement"),
        ("d2026112", 1, "is not a key of an entitlement"),
        ("h20261123", 1, "is not a key of an entitlement"),
        ("d\u0662\u0660\u0662\u0666\u0661\u0661\u0662\u0663", 1, "is not a key of an entitlement"),
    ],
)  # fmt: skip
def test_each_fault_is_named_by_its_key_and_repeats_no_address(key: str, value: Any, told: str) -> None:
    named = faults(json.dumps(line(1) | {key: value} if value is not None else line(1, **{key: None})))
    assert list(named) == [key if key.isascii() else ascii(key)]
    assert told in next(iter(named.values()))
    assert "jane" not in repr(named)


def test_a_line_s_other_faults() -> None:
    assert faults("[]") == {"(line)": "must be a JSON object"}
    assert faults("[" * 100_000) == {"(line)": "is not JSON"}
    assert faults("9" * 5_000) == {"(line)": "is not JSON"}
    assert faults('{"plan": 1, "plan": 2}') == {"plan": "is repeated"}
    assert faults(json.dumps(line(1, plan="pack-100"))) == {"granted": "is missing: the plan pack-100 is prepaid"}
    assert list(faults(json.dumps(line(1) | {"\x1b[2J": 1, "": 2, "k" * 99: 3}))) == [
        "'\\x1b[2J'",
        "''",
        f"'{'k' * 40}'",
    ]
    for reason in ("x" * 201, "two\nlines", "\ud800", 7):
        assert "suspended_reason" in faults(json.dumps(line(1, status="suspended", suspended_reason=reason)))
    assert set(faults("{}")) == {"user_id", "solution_id", "status", "plan"}


def test_only_counters_that_still_count_are_kept() -> None:
    """Of any time zone: at this moment it is the 24th in UTC, may be the 23rd in the West, and the 25th tomorrow."""
    counters = {
        "h2026112322": 8,
        "h2026112323": 9,
        "h2026112400": 10,
        "d20261122": 1,
        "d20261123": 2,
        "d20261124": 3,
        "d20261125": 4,
        "m202609": 5,
        "m202610": 6,
        "m202611": 7,
    }
    read = read_line(json.dumps(line(1) | counters), SOLUTIONS.get, NOW)
    assert read.counters == {
        "h2026112323": 9,
        "h2026112400": 10,
        "d20261123": 2,
        "d20261124": 3,
        "d20261125": 4,
        "m202610": 6,
        "m202611": 7,
    }


def test_lines_are_read_in_bounded_pieces() -> None:
    class File(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            assert size == transfer.MAX_LINE + 1
            return super().readline(size)

    exact = b"y" * transfer.MAX_LINE + b"\n"
    file = File(b"a\n" + b"x" * 1_000_000 + b"\n\n" + exact + b"b")
    read = list(transfer._lines(file))
    assert [(number, length) for number, _, length in read] == [(1, 2), (2, 1_000_001), (4, len(exact)), (5, 1)]
    assert max(len(text) for _, text, _ in read) == transfer.MAX_LINE + 1


@pytest.mark.parametrize("verb", ["export", "import"])
def test_a_terminal_sees_progress_and_the_output_does_not(shop: Shop, tmp_path: Path, verb: str) -> None:
    file = write(tmp_path / "users", line(1), line(2, plan="gold"), line(3))
    shop.add(9)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["gatepass", "entitlements", verb, *([file] if verb == "import" else [])],
        cwd=ROOT, env=shop.environment | {"TERM": "xterm"}, stdout=subprocess.PIPE, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    assert process.stdout is not None
    told, seen = process.stdout.read().decode(), b""
    try:
        while data := os.read(ours, 65_536):
            seen += data
    except OSError:  # Linux: the other end is closed
        pass
    os.close(ours)
    assert process.wait(60) == (verb == "import")
    assert f"{verb}ing".encode() in seen
    if verb == "import":
        assert f"{file}:2: plan: ".encode() in seen
        assert told == "imported 2, there already 0, bad 1\n"
    else:
        assert json.loads(told)["user_id"] == user(9)
    assert "\x1b" not in told
