"""The whole system under many seeds; and that a seed is all that a run depends on."""

import os
import subprocess
import sys

import pytest

from tests.simulation import __main__ as runner
from tests.simulation.faults import Fault, Faults
from tests.simulation.run import simulate
from tests.simulation.scheduler import START, Scheduler, Violation
from tests.simulation.wire import Unanswered, Wire
from tests.support.emulators import ROOT
from tests.support.interruptions import Killed

SEEDS = 350
"""`make simulate` runs as many as it is told."""
FIRST = 1_000_000
"""Other seeds than those of the planted bugs."""


@pytest.mark.long
def test_every_seed_passes() -> None:
    failed = [(one.seed, one.failure) for one in map(simulate, range(FIRST, FIRST + SEEDS)) if one.failure]
    assert failed == []


def test_a_seed_gives_the_same_trace_again() -> None:
    first, again = (simulate(7, keep_trace=True) for _ in range(2))
    assert first == again
    assert len(first.trace) > 100
    assert simulate(8).fingerprint != first.fingerprint
    assert simulate(7).fingerprint == first.fingerprint


@pytest.mark.usefixtures("processes")
def test_a_seed_gives_the_same_trace_in_another_process() -> None:
    """Whatever the order of its sets is."""
    code = "from tests.simulation.run import simulate; print(*(simulate(n).fingerprint for n in range(40, 60)))"
    told = {
        subprocess.run(
            [sys.executable, "-c", f"import tests.simulation.__main__; {code}"],
            cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(told) == 1
    assert len(set(told.pop().split())) == 20


def test_the_runner_lists_failures_and_shows_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["--seeds", "2", "--jobs", "1", "--first", "5"]) == 0
    assert capsys.readouterr().out.startswith("2 seeds, 0 failed, ")
    assert runner.main(["--seed", "5"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[-1].startswith("seed 5: passed; ")
    assert any(" begins gate " in line for line in shown)


@pytest.mark.parametrize(
    ("fault", "carried_out", "raised"),
    [
        (Fault.NONE, 1, None),
        (Fault.UNSENT, 0, Unanswered),
        (Fault.LOST, 1, Unanswered),
        (Fault.LATE, 1, Unanswered),
        (Fault.DOUBLED, 2, None),
        (Fault.CRASH_BEFORE, 0, Killed),
        (Fault.CRASH_AFTER, 1, Killed),
    ],
)
def test_a_fault_is_what_it_says(fault: Fault, carried_out: int, raised: type[BaseException] | None) -> None:
    scheduler = Scheduler(1)
    wire, calls, ended = Wire(scheduler, Faults(1.0, (fault,))), list[float](), list[object]()

    def act() -> None:
        try:
            wire.exchange("call", lambda: calls.append(scheduler.now), 1.0)
        except BaseException as error:
            ended.append((type(error), len(calls)))
        else:
            ended.append((None, len(calls)))

    scheduler.spawn("caller", act)
    scheduler.run()
    before = 0 if fault is Fault.LATE else carried_out
    assert (ended, len(calls)) == ([(raised, before)], carried_out)


def test_actors_take_turns_and_their_clocks_differ() -> None:
    scheduler, order = Scheduler(3), list[str]()

    def act(name: str) -> None:
        for _ in range(20):
            order.append(f"{name}{scheduler.clock() - scheduler.now:+.0f}")
            scheduler.turn()

    for name, skew in (("a", -2.0), ("b", 3.0)):
        scheduler.spawn(name, lambda name=name: act(name), skew)  # type: ignore[misc]
    scheduler.run()
    assert set(order) == {"a-2", "b+3"}
    assert order != sorted(order)
    assert START < scheduler.now < START + 1


def test_an_operation_ends_with_its_deadline() -> None:
    scheduler, ended = Scheduler(1), list[str]()

    def act() -> None:
        assert scheduler.current is not None
        scheduler.current.deadline = scheduler.now + 5
        with pytest.raises(Killed):
            scheduler.sleep(6)
        ended.append("killed")

    scheduler.spawn("slow", act)
    scheduler.run()
    assert ended == ["killed"]


def test_a_violation_passes_handlers_of_exceptions() -> None:
    """The product has some that log whatever happens, and go on."""
    assert not issubclass(Violation, Exception)
