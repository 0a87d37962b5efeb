"""Actors that take turns on one thread and one simulated clock. The seed decides whose turn it is.

An actor is a greenlet: it runs the product's own code until that code makes a call or sleeps, and then yields. Nothing
else interrupts it, so a run is a function of its seed.
"""

import hashlib
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from tests.support.interruptions import Killed

START = 1_795_478_400.0
"""2026-11-24T00:00:00Z"""
STEP_SECONDS = 0.012
"""The longest time that passes with a turn. It is 6 ms on average, about what a call to DynamoDB takes."""


class Violation(BaseException):
    """Something that must never happen. No handler of exceptions may go on after it."""


class Actor:
    """Somebody who acts, with a clock of their own: `skew` is how many seconds it is ahead."""

    def __init__(self, name: str, skew: float, run: Callable[[], None], parent: greenlet) -> None:
        self.name, self.skew = name, skew
        self.operation: Any = None
        """What it is doing, for the monitor."""
        self.wakes, self.deadline = 0.0, float("inf")
        self.greenlet = greenlet(run, parent)


class Scheduler:
    """All that is random, and the time."""

    def __init__(self, seed: int, keep_trace: bool = False) -> None:
        self.random = random.Random(seed)
        self.now, self.turns = START, 0
        self.trace: list[str] | None = [] if keep_trace else None
        self._hash = hashlib.sha256()
        self._main, self._actors = getcurrent(), list[Actor]()
        self.current: Actor | None = None
        self._closed = False

    # ---- time --------------------------------------------------------------------------------------------------------

    def clock(self) -> float:
        """The time as the current actor's machine has it."""
        return self.now + (self.current.skew if self.current is not None else 0.0)

    def sleep(self, seconds: float) -> None:
        """Let the others go on for a while."""
        self.turn(seconds)

    def turn(self, seconds: float = 0.0, mortal: bool = True) -> None:
        """Let others go first. An actor whose time is over by then ends here, unless it is not `mortal`: what a server
        does goes on without its caller."""
        actor = self.current
        if actor is None:
            self.now += seconds
            return
        if self._closed:
            raise Killed
        if len(self._actors) == 1:  # nobody else could go first
            self.now += seconds + STEP_SECONDS / 2
            self.turns += 1
        else:
            actor.wakes = self.now + seconds
            self._main.switch()
        if mortal and (self._closed or self.now > actor.deadline):
            raise Killed

    # ---- actors ------------------------------------------------------------------------------------------------------

    def spawn(self, name: str, run: Callable[[], None], skew: float = 0.0, after: float = 0.0) -> Actor:
        """An actor that begins when its turn comes."""
        actor = Actor(name, skew, run, self._main)
        actor.wakes = self.now + after
        self._actors.append(actor)
        return actor

    def run(self) -> None:
        """Until every actor has ended. An exception of an actor ends the run."""
        choose, actors = self.random.random, self._actors
        while actors:
            ready = [one for one in actors if one.wakes <= self.now]
            if not ready:
                self.now = min(one.wakes for one in actors)
                continue
            number = choose()
            actor = ready[int(number * len(ready))]
            self.now += number * STEP_SECONDS
            self.turns += 1
            self.current = actor
            try:
                actor.greenlet.switch()
            finally:
                self.current = None
            if actor.greenlet.dead:
                actors.remove(actor)

    def close(self) -> None:
        """End whatever a failure left behind."""
        self._closed = True
        for actor in self._actors:
            self.current = actor
            with suppress(Exception, Killed, GreenletExit):
                actor.greenlet.throw(GreenletExit)
        self._actors.clear()
        self.current = None

    # ---- trace -------------------------------------------------------------------------------------------------------

    def note(self, *what: object) -> None:
        """Add a line to the trace. Runs of one seed have equal traces."""
        name = self.current.name if self.current is not None else "-"
        line = f"{self.now - START:.3f} {name} {' '.join(map(str, what))}"
        self._hash.update(line.encode())
        if self.trace is not None:
            self.trace.append(line)

    @property
    def fingerprint(self) -> str:
        """The hash of the trace."""
        return self._hash.hexdigest()
