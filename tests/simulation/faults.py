"""What goes wrong with one exchange on the wire, and how often."""

from enum import StrEnum
from random import Random
from typing import NamedTuple


class Fault(StrEnum):
    """What becomes of a call."""

    NONE = "answered"
    UNSENT = "unsent"
    """No connection: nothing was sent."""
    LOST = "lost"
    """It was carried out, and the answer is lost."""
    LATE = "late"
    """The caller stops waiting, and it is carried out some time later."""
    DOUBLED = "doubled"
    """It was carried out, the answer was lost, and the network layer sent it again."""
    REFUSED = "refused"
    """The service is throttled or broken for a moment, and does nothing."""
    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    """The caller's container ends."""


HARMFUL = tuple(fault for fault in Fault if fault is not Fault.NONE)


class Faults(NamedTuple):
    """The rates of one run. A run has a few kinds of faults, since many kinds at once hide each other."""

    rate: float = 0.0
    kinds: tuple[Fault, ...] = ()
    conflicts: float = 0.0
    """How many writes meet a transaction that this simulation does not show."""

    @classmethod
    def drawn(cls, random: Random) -> "Faults":
        """Rates for a run: a quarter of the runs have no faults at all, so that quotas must be exact there."""
        if random.random() < 0.25:
            return cls()
        kinds = tuple(fault for fault in HARMFUL if random.random() < 0.5) or (Fault.LOST,)
        return cls(random.choice((0.02, 0.05, 0.15)), kinds, random.choice((0.0, 0.0, 0.05, 0.6)))

    def next(self, random: Random) -> Fault:
        """The fate of the next call."""
        if not self.kinds or random.random() >= self.rate:
            return Fault.NONE
        return random.choice(self.kinds)
