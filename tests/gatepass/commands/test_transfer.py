"""`gatepass entitlements export` and `import`: users move to another table, and nothing is lost or done twice."""

import io
import json
import os
import pty
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from entitlements.windows import windows_at
from gatepass.commands import transfer
from tests.gatepass.commands.conftest import Shop, line, user, write
from tests.support.emulators import ROOT
from tests.support.market import bearer
from tests.support.proxy import Answer, proxy, refusal
from tests.support.signer import SOLUTION, USER


def test_who_moves_keeps_everything_but_the_token(shop: Shop, other_table: Shop, tmp_path: Path) -> None:
    hour, day, month = (windows_at(time.time(), "UTC").open[name].counter for name in ("hour", "day", "month"))
    shop.add(1, plan="pack-100", granted=300, total=250)
    shop.add(2, status="suspended", suspended_reason="chargeback", plan="pro", paid_until=4_102_444_800)
    shop.add(
        3, status="revoked", total=3, **{hour: 1, day: 1, month: 2, "d20200101": 9, "m202001": 9, "h2020010100": 9}
    )
    shop.add(4, status="revoked", closed_as="suspended", suspended_reason="abuse")
    shop.change("grant")
    token = shop.run("tokens", "mint", "--user", USER, "--solution", SOLUTION).stdout.strip()
    assert [shop.gate.decide(SOLUTION, bearer(token), time.time()).allowed for _ in range(11)] == [True] * 10 + [False]

    file = tmp_path / "users.jsonl"
    run = shop("export", "--output", str(file))
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "exported 5\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob("*.part")) == []
    text = file.read_text()
    assert not any(word in text for word in ("jti", "generation", "mac_key", "d20200101", "m202001", "h2020", "gp1_"))
    assert (hour in text, day in text, month in text) == (True, True, True)
    assert json.loads(other_table("import", str(file), "--dry-run", "--json").stdout)["imported"] == 5
    assert other_table.items("") == []
    run = other_table("import", str(file))
    assert (run.returncode, run.stdout, run.stderr) == (0, "imported 5, there already 0, bad 0\n", "")

    assert (
        other_table.exported()
        == shop.exported()
        == sorted(map(json.loads, text.splitlines()), key=lambda e: e["user_id"])
    )
    assert [e["event"] for e in other_table.items("audit#")] == ["imported"] * 5
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
    assert "there is no table" in run.stderr


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
        cwd=ROOT, env=shop.run.preloaded | {"TERM": "xterm"}, stdout=subprocess.PIPE, stderr=theirs,
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


def test_a_dry_run_finds_what_an_import_would_find_there_by_its_second_line(shop: Shop, tmp_path: Path) -> None:
    file = write(tmp_path / "users.jsonl", line(1), line(2), line(1), line(2, plan="pro"))
    dry, done = shop("import", file, "--dry-run"), shop("import", file)
    assert dry.stdout == "would import 2, there already 2 (1 of them different from the file), bad 0\n"
    assert done.stdout == dry.stdout.replace("would import", "imported")
    assert done.stderr == dry.stderr
    assert f"{file}:4: there already, with another plan" in dry.stderr
