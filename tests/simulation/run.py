"""One run from its seed: rounds in which all act at once, leaps of time between them, and the healing at the end."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from tests.simulation.actors import DAY, Actors
from tests.simulation.healing import heal
from tests.simulation.scheduler import Violation
from tests.simulation.world import World

LEAPS = (0, 1, 7, 66, 66, 301, 1_801, 3_600, DAY, 3 * DAY, 8 * DAY, 31 * DAY, 45 * DAY)
MIDNIGHT = "midnight"


class Outcome(NamedTuple):
    """How a run ended."""

    seed: int
    fingerprint: str
    turns: int
    failure: str
    """Empty, or what went wrong."""
    trace: list[str]


PARTS: dict[str, float] = {"sales": 0.4, "keys": 0.25, "deletions": 0.25, "usage": 0.3, "operators": 0.75}
"""What a run may have beside requests and tokens, and how often."""
USERS = ("sign_in", "sign_in", "mint", "rotate", "refresh", "drop_token", "validate", "validate")
BUYERS = (
    "order", "order", "order", "bank", "bank", "complete", "deliver", "deliver", "deliver", "work", "cancel",
    "lose_event",
)  # fmt: skip
LEAVERS = ("delete_account",)


def simulate(seed: int, keep_trace: bool = False, only: str = "") -> Outcome:
    """Run a seed. The same seed gives the same trace, in any process. `only`: one of `PARTS`, without the others."""
    world = World(seed, keep_trace)
    failure = ""
    with world.running():
        try:
            live(world, only)
        except (Violation, Exception) as error:
            failure = f"{type(error).__name__}: {error}"
            if keep_trace:
                import traceback

                world.scheduler.trace = [*(world.scheduler.trace or []), traceback.format_exc()]
    return Outcome(seed, world.scheduler.fingerprint, world.scheduler.turns, failure, world.scheduler.trace or [])


def live(world: World, only: str = "") -> None:
    """The whole life of a marketplace."""
    random, scheduler = world.random, world.scheduler
    actors = Actors(world)
    has = {part: random.random() < chance for part, chance in PARTS.items()}
    if only:
        has = {part: part == only for part in PARTS}
    asked: tuple[str, ...] = ("sign_in", "rotate") if only else USERS
    asked += (BUYERS if has["sales"] else ()) + (LEAVERS if has["deletions"] else ())
    sells, counts = has["sales"], has["usage"]
    ordered = random.random() < 0.3
    world.sells = sells

    def crowd(name: str, skew: float, acts: list[Callable[[], object]]) -> None:
        def run() -> None:
            for act in acts:
                act()

        scheduler.spawn(name, run, skew)

    for _ in range(random.choice((1, 1, 2, 2, 3, 4))):
        for gate in actors.gates:
            crowd(gate.name, gate.skew, [partial(actors.ask_gate, gate)] * random.randint(1, 5))
        for service in actors.services:
            names = [random.choice(asked) for _ in range(random.randint(1, 3))]
            if sells and not ordered:
                names = ["sign_in", "order", "deliver", "deliver", *names]
            crowd(service.name, service.skew, [partial(getattr(actors, name), service) for name in names])
        ordered = True
        if has["operators"]:
            for desk in actors.operators[: random.randint(0, 2)]:
                crowd(desk.name, desk.skew, [partial(actors.administer, desk)] * random.randint(1, 2))
            if random.random() < 0.1:
                desk = actors.operators[0]
                crowd("switch", desk.skew, [partial(actors.switch, desk)])
        if has["keys"]:
            for desk in actors.operators[: random.randint(1, 2)]:
                crowd(f"{desk.name}k", desk.skew, [partial(actors.keys, desk)])
        if counts:
            for usage in actors.usage[: random.randint(0, 2)]:
                crowd(usage.name, usage.skew, [partial(actors.consume, usage)] * random.randint(1, 3))
        if random.random() < 0.1:
            crowd("ttl", 0.0, [lambda: actors.expire(actors.usage[0])])
        scheduler.run()
        leap(world)
    scheduler.spawn("healer", lambda: heal(world, actors, counts))
    scheduler.run()


def leap(world: World) -> None:
    """Let time pass, sometimes to the moment before the next hour, which is often the next day."""
    scheduler, chance = world.scheduler, world.random.random()
    if chance < 0.25:
        period = DAY if chance < 0.2 else 3_600
        scheduler.now += max(0.0, period - scheduler.now % period - world.random.random() * 3)
    else:
        scheduler.now += world.random.choice(LEAPS)
    world.razorpay.account.let_time_pass()
    scheduler.note("time passes")
