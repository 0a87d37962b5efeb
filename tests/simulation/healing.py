"""When faults stop, everything heals: what was begun is finished, and then the records agree with what happened."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.simulation.actors import Actors
from tests.simulation.faults import Faults
from tests.simulation.market import ALPHA, DAY_LIMITS, GRACE_DAYS, PLANS
from tests.simulation.monitor import Operation
from tests.simulation.scheduler import Violation
from tests.simulation.world import Person, ServiceContainer, World
from tests.support.paid_for import PaidFor
from token_service.payments.records import LEAST_REFUND
from token_service.payments_handler import reconcile, work
from token_service.signing import rotation

ROUNDS = 10
SLACK = 40
"""Seconds between the clock that a payment is applied by and the time of its write: skew, and the longest operation."""
ADDRESS = "192.0.2.1"


def heal(world: World, actors: Actors, counts: bool) -> None:
    """Let the jobs run until they have nothing to do; then everything must agree."""
    world.wire.faults = Faults()
    world.scheduler.now += 66  # every gate has the present configuration by then
    Healing(world, actors).run(counts)


class Healing:
    """The jobs without a fault, and what must hold after them."""

    def __init__(self, world: World, actors: Actors) -> None:
        self.world, self.actors = world, actors
        self.service, self.desk = actors.services[0], actors.operators[0]

    def run(self, counts: bool) -> None:
        self._deletions()
        if self.world.sells:
            self._payments()
            for user in self.world.monitor.persons:
                self._paid(user)
        self._keys()
        for person in self.world.people:
            if person.user:
                self._access(person)
        self._counters()
        if counts:
            self._usage()

    def _do(self, kind: str, action: Callable[[], Any], user: str = "", solution: str = "", may: str = "") -> Any:
        """An operation that must succeed now, or be refused as `may` says."""
        outcome, value = self.world.do(Operation(kind, user, solution), 1e9, action)
        _require(outcome in ("ok", may), f"{kind} still fails: {outcome}")
        return value

    # ---- what is begun is finished -----------------------------------------------------------------------------------

    def _deletions(self) -> None:
        """Who sees an error deletes the account again."""
        for person in self.world.people:
            if person.deleting and person.user:
                user = person.user
                self._do("delete", lambda user=user: self.service.services.deletion.delete(user), user)  # type: ignore[misc]
                person.user, person.deleting = "", False
        for (pk, _), status in self._entitlements():
            if pk not in {person.user for person in self.world.people} and pk in self.world.monitor.persons:
                _require(status == "revoked", "an account was deleted, and its access was not")

    def _entitlements(self) -> list[tuple[tuple[str, str], str]]:
        return [
            ((item["pk"]["S"].partition("#")[2], item["sk"]["S"].partition("#")[2]), item["status"]["S"])
            for item in self.world.table.contents
            if item["pk"]["S"].startswith("user#") and item["sk"]["S"].startswith("solution#")
        ]

    def _payments(self) -> None:
        """Every event arrives, and the job and the comparison run, until nothing is left."""
        world, services = self.world, self.service.services
        receive, payments, clock = services.payments.webhook.receive, services.payments, world.scheduler.clock
        for round_ in range(ROUNDS):
            world.collect()
            world.random.shuffle(world.waiting)
            for one in world.waiting:
                self._do("webhook", lambda one=one: receive(one.body, one.signature or "", one.event_id))  # type: ignore[misc]
            world.waiting.clear()
            world.scheduler.now += 3_601
            world.razorpay.account.let_time_pass()
            self._do("work", lambda: work(payments, clock(), lambda: 900.0))
            if not round_ and not world.lost_events:
                self._heard_of()
            self._do("reconcile", lambda: reconcile(payments, clock(), 24 * 4_000))
            world.collect()
            if not world.waiting and not self._to_do():
                return
        raise Violation(f"still to do: {self._to_do()}")

    def _heard_of(self) -> None:
        """Events that were answered are enough, also without the comparison with Razorpay: none of them is lost."""
        late = {sk for sk in self.world.table.contents.partition("razorpay#to-do") if sk}
        for user in self.world.monitor.persons:
            for one in self.world.captured(user, ALPHA):
                _require(bool(late) or one.payment_id in self.world.monitor.effects, f"{one.payment_id} is lost")

    def _to_do(self) -> list[Any]:
        partition = self.world.table.contents.partition("razorpay#to-do")
        return [
            (item["state"]["S"], item.get("reason"))
            for item in partition.values()
            if item["state"]["S"] != "lapse" or int(item["next_at"]["N"]) <= self.world.scheduler.now
        ]

    def _keys(self) -> None:
        """A rotation that was begun comes to its end."""
        keys, clock = self.desk.keys, self.world.scheduler.clock
        for _ in range(ROUNDS):
            ring = self._do("keys", keys.ring)
            if not ring.pending and all(key.state.value != "published" for key in ring.keys):
                break
            self.world.scheduler.now += 301
            if "mac" in ring.pending:
                # One that was only announced is made now, and in use with the next round.
                self._do("keys", keys.replace_mac_key, may="transition_wrong")
            self._do("keys", lambda: rotation.advance(keys, clock, lambda text: None, older_than=10**9))
        else:
            raise Violation("a rotation of keys does not end")
        self.world.scheduler.now += 66 + 300

    # ---- access ------------------------------------------------------------------------------------------------------

    def _access(self, person: Person) -> None:
        """A fresh token works everywhere, where access is active; and the quota of today is what is left of it."""
        user = person.user
        for (owner, name), status in self._entitlements():
            if owner != user:
                continue
            services = self.actors.services if name == ALPHA else self.actors.services[:1]
            minted = [self._minted(service, user, name, status) for service in services]
            _require(len(set(minted)) == 1, "two containers return different tokens")
            _require((minted[0] is not None) == (status == "active"), f"{status}, and minting says otherwise")
            if minted[0] is None:
                continue
            wanted = "solution_disabled" if self._disabled(name) else "allowed"
            for gate in self.world.random.sample(self.actors.gates, 1):
                found = gate.request(name, user, minted[0], ADDRESS, "/health")
                _require(found == wanted, f"a fresh token is not accepted: {found}")
            if wanted == "allowed" and name == ALPHA:
                self._quota(user, minted[0])

    def _minted(self, service: ServiceContainer, user: str, name: str, status: str) -> Any:
        minting = service.services.minting
        return self._do("mint", lambda: minting.mint(user, name), user, name, f"entitlement_{status}")

    def _disabled(self, name: str) -> bool:
        item = self.world.table.contents.get((f"solution#{name}", "config"))
        assert item is not None
        return '"disabled"' in item["document"]["S"]

    def _quota(self, user: str, token: str) -> None:
        from datetime import UTC, datetime

        gate = self.actors.gates[0]
        item = self.world.table.contents.get((f"user#{user}", f"solution#{ALPHA}")) or {}
        if item["plan"]["S"] != "registered":
            return
        today = datetime.fromtimestamp(self.world.scheduler.now + gate.skew, UTC).strftime("d%Y%m%d")
        left = DAY_LIMITS[ALPHA, "registered"] - int(item.get(today, {"N": "0"})["N"])
        found = [gate.request(ALPHA, user, token, ADDRESS, "/search") for _ in range(max(0, left) + 1)]
        _require(found == ["allowed"] * max(0, left) + ["quota_exceeded"], f"of {left} left, it gave {found}")

    # ---- payments ----------------------------------------------------------------------------------------------------

    def _paid(self, user: str) -> None:
        """Each payment is recorded once, with what is left of it, and gives what was paid for, or is sent back."""
        paid = PaidFor(self.world.razorpay.account, PLANS[ALPHA], user)
        records = {
            item["payment_id"]["S"]: item
            for sk, item in self.world.table.contents.partition(f"user#{user}").items()
            if sk.startswith("payment#")
        }
        taken = {one.payment_id for one in paid.payments}
        _require(taken <= records.keys(), f"payments are lost: {sorted(taken - records.keys())}")
        for payment_id, record in records.items():
            _require(payment_id in self.world.monitor.effects, f"{payment_id} has no effect")
            if payment_id not in taken:
                _require(_kept(record) == 0, f"{payment_id} counts, and was not taken")
        applied_at = {}
        for one in paid.payments:
            record = records[one.payment_id]
            applied_at[one.payment_id] = int(record["applied_at"]["N"])
            known = abs(self.world.monitor.effects[one.payment_id] - applied_at[one.payment_id])
            _require(known <= SLACK, f"{one.payment_id} was applied {known} s beside its time")
            if "returned" in record:
                _require(one.kept < LEAST_REFUND, f"{one.payment_id} gives nothing, and was not refunded")
            else:
                _require(_kept(record) == one.kept, f"of {one.payment_id}, {one.kept} is left and not {_kept(record)}")
        ours = {
            one["payment_id"] for one in self.world.razorpay.account.refunds() if "gatepass" in (one["notes"] or {})
        }
        _require(all("returned" in records[one] for one in ours & taken), "a payment that counts was refunded")
        self._plan(user, paid, applied_at)

    def _plan(self, user: str, paid: PaidFor, applied_at: dict[str, int]) -> None:
        world = self.world
        item, standing = (
            world.table.contents.get((f"user#{user}", f"solution#{ALPHA}")),
            world.monitor.standings[user, ALPHA],
        )
        if item is None:
            return
        total, granted = (int(item.get(name, {"N": "0"})["N"]) for name in ("total", "granted"))
        left, bought = max(0, granted - total), paid.credits()
        _require(left <= bought + standing.gifts, f"{left} credits are left of {bought} bought ones")
        if standing.touched or item["status"]["S"] == "revoked":
            return
        _require(left >= bought - total, f"{left} credits are left, {bought} were bought, and {total} used")
        now = int(world.scheduler.clock())
        renewing = {key for key, entity in paid.subscriptions.items() if entity["status"] in ("active", "pending")}
        wanted = paid.plan_at(now, applied_at, renewing, GRACE_DAYS)
        plan, until = item["plan"]["S"], int(item["paid_until"]["N"]) if "paid_until" in item else None
        if until is not None and until <= now:
            plan, until = "registered", None
        plan_wanted, until_wanted = wanted or ("registered", None)
        _require(plan == plan_wanted, f"the plan is {plan} and not {plan_wanted}")
        if user not in world.cancelling:
            _require(until == until_wanted, f"{plan} ends at {until} and not at {until_wanted}")

    def _counters(self) -> None:
        """Whoever was let in was counted, and where nothing failed, nobody else was."""
        monitor = self.world.monitor
        for item in self.world.table.contents:
            kind, _, subject = item["pk"]["S"].partition("#")
            if kind not in ("user", "ip") or not item["sk"]["S"].startswith("solution#"):
                continue
            solution = item["sk"]["S"].partition("#")[2]
            counted = int(item.get("total", {"N": "0"})["N"]) - monitor.started.get((subject, solution, "total"), 0)
            spent = monitor.spent[monitor.addresses[item["pk"]["S"]] if kind == "ip" else subject, solution]
            exact = counted == spent if monitor.faultless else counted >= spent
            _require(exact or (kind == "ip" and monitor.expired), f"{counted} are counted, and {spent} were let in")

    # ---- usage -------------------------------------------------------------------------------------------------------

    def _usage(self) -> None:
        """The consumer catches up, and its totals are those of the counters."""
        world, usage = self.world, self.actors.usage[0]
        usage.restart()
        stream = world.table.contents.stream
        while world.consumed < len(stream):
            batch = stream[world.consumed : world.consumed + 100]
            failed = self._do("usage", lambda batch=batch: usage.consumer.consume(batch))  # type: ignore[misc]
            _require(failed is None, "a record of the stream cannot be counted")
            world.consumed += len(batch)
        found, monitor = Counter[tuple[str, str]](), world.monitor
        for item in world.table.contents:
            kind, _, rest = item["pk"]["S"].partition("#")
            if kind == "usage":
                day = item["sk"]["S"].removeprefix("day#")
                for name, value in item.items():
                    if name.startswith("units#"):
                        found[rest.rpartition("#")[0], day] += int(value["N"])
        wanted = Counter[tuple[str, str]]()
        for (subject, solution, day), highest in monitor.highest.items():
            wanted[solution, day] += highest - monitor.started.get((subject, solution, day), 0)
        _require(+found == +wanted, f"the totals are {dict(+found)} and the counters {dict(+wanted)}")


def _kept(record: Any) -> int:
    if "returned" in record:
        return 0
    withheld = sum(json.loads(record["disputes"]["S"]).values()) if "disputes" in record else 0
    return max(0, int(record["amount"]["N"]) - int(record.get("refunded", {"N": "0"})["N"]) - withheld)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Violation(otherwise)
