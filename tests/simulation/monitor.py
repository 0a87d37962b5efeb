"""What must hold at every step, by bookkeeping of its own: what was asked for, what was answered, and what was written.

Nothing here calls a function of the product. Two orders are known: the real one, in which operations begin and end, and
that in which the table applied writes.

**Revocation.** An end of access (revoke, suspend, delete; for one token also rotate and drop) takes effect when the table
applies its write. A request whose write is applied after that must be refused; and one that begins after the end was
reported as done must be refused, whatever the table holds.
"""

import base64
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.simulation.market import DAY_LIMITS, HOUR_LIMITS, LIFETIME_LIMITS, PACKS, PRICED
from tests.simulation.scheduler import Scheduler, Violation
from tests.support.memory_dynamodb import Applied

SKEW = 5.0
CACHE_SECONDS = 60.0
"""For how long a gate may work by a configuration or ring that has changed (docs/reference.md)."""
OPENERS = frozenset({"grant", "resume", "grant_plan"})
"""What can begin access again where it had ended."""
ENDS = {"revoke": "revoked", "suspend": "suspended", "delete": "revoked"}
NEW_TOKEN = frozenset({"rotate", "drop_token", "revoke", "rotate_all"})
DECISIONS = frozenset({"gate", "validate"})
_COUNTER = re.compile(r"total|h\d{10}|d\d{8}|m\d{6}")
_SLOT = re.compile(r"r[0-7]")
_COVERED = ("status", "plan", "paid_until", "granted", "jti", "generation")
"""What the gate never changes, and of which every change has an audit entry."""

Holding = tuple[str, str]
"""A user or an address's hash, and a solution."""


@dataclass
class Operation:
    """One thing that somebody asked for."""

    kind: str
    user: str = ""
    solution: str = ""
    begun: int = 0
    ended: int = 0
    at: float = 0.0
    """The clock of the container when it began."""
    pending: int = 0
    """Calls that are still to arrive though their sender has given them up."""
    wrote_audit: bool = False
    detail: dict[str, Any] = field(default_factory=dict)
    writes: list["Spent"] = field(default_factory=list)
    marks: dict[Any, tuple[str, Any]] = field(default_factory=dict)
    """By which attribute each item shows that it counted this request."""

    @property
    def open(self) -> bool:
        return not self.ended or self.pending > 0


class Spent(NamedTuple):
    """A gate's write that was applied: how things stood then."""

    status: str
    jti: str
    held_jti: str


@dataclass
class Standing:
    """What is known of a user in a solution, or of an address."""

    status: str = "active"
    """By the kinds of the operations whose writes were applied, not by what they wrote."""
    openers: list[Operation] = field(default_factory=list)
    ended_at: int | None = None
    """The step at which an end of access was reported as done, if nothing can have undone it."""
    past: set[str] = field(default_factory=set)
    """Token ids that were replaced."""
    given: dict[str, float] = field(default_factory=dict)
    """Until when an operator gave a plan."""
    gifts: int = 0
    """Credits that an operator gave, at most."""
    touched: bool = False
    """Whether an operator changed the plan, or access ended: then the payments alone no longer tell the plan."""


class Monitor:
    """Told of every operation and every write; raises `Violation`."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler, self.step = scheduler, 0
        self.standings: dict[Holding, Standing] = defaultdict(Standing)
        self.issued: dict[str, tuple[Holding, int]] = {}
        """Whose each token id is, and when its token was first returned."""
        self.dead: dict[str, int] = {}
        """The step from which on a token must be refused."""
        self.allowed: Counter[tuple[str, ...]] = Counter()
        self.spent: Counter[Holding] = Counter()
        """What those spent who were let in."""
        self.highest: dict[tuple[str, str, str], int] = {}
        """The highest count of a day, by subject, solution and day; without what an item began with."""
        self.started: dict[tuple[str, str, str], int] = {}
        self.effects: dict[str, float] = {}
        """When each payment was applied."""
        self.revoked_keys: dict[str, float] = {}
        self.disabled: dict[str, float] = {}
        self.addresses: dict[str, str] = {}
        """Whose each visitor's item is."""
        self.persons: dict[str, str] = {}
        """The person behind each user id: who deletes an account and comes back is the same one."""
        self.captured: Any = lambda user, solution: []
        """The payments that Razorpay took from a user for a solution."""
        self.faultless, self.expired = True, False

    # ---- operations --------------------------------------------------------------------------------------------------

    def begin(self, operation: Operation) -> None:
        self.step += 1
        operation.begun, operation.at = self.step, self.scheduler.clock()
        standing = self.standings[operation.user, operation.solution]
        if operation.kind in OPENERS:
            standing.openers = [one for one in standing.openers if one.open] + [operation]
            standing.ended_at = None
        if operation.kind in ("set_plan", "grant_plan"):
            plan, until = operation.detail["plan"], operation.detail.get("until")
            standing.given[plan] = max(standing.given.get(plan, 0.0), float("inf") if until is None else until)
            standing.gifts += PACKS.get(plan, 0)
            standing.touched = True
        if operation.kind == "add_credits":
            standing.gifts += operation.detail["credits"]
            standing.touched = True
        if operation.kind in ENDS or operation.kind in OPENERS:
            standing.touched |= operation.kind not in ("suspend", "resume")

    def end(self, operation: Operation, outcome: str, value: Any) -> None:
        self.step += 1
        operation.ended = self.step
        if operation.kind in DECISIONS:
            if outcome == "allowed":
                self._require_allowed(operation, value)
            return
        if outcome != "ok":
            return
        holding = operation.user, operation.solution
        for solution in [operation.solution] if operation.kind != "delete" else _of(operation.user, self.standings):
            standing = self.standings[operation.user, solution]
            if operation.kind in ENDS and not any(one.open or one.ended > operation.begun for one in standing.openers):
                standing.ended_at = self.step
        if operation.kind in NEW_TOKEN or operation.kind == "delete":
            fresh = token_id(value) if operation.kind == "rotate" else ""
            for jti, (owner, since) in self.issued.items():
                mine = owner == holding or (operation.kind == "delete" and owner[0] == operation.user)
                if mine and since < operation.begun and jti != fresh and operation.detail.get("dropped", True):
                    self.dead.setdefault(jti, self.step)
        if operation.kind in ("mint", "rotate", "refresh"):
            self._issue(operation, token_id(value))

    def _issue(self, operation: Operation, jti: str) -> None:
        holding = operation.user, operation.solution
        known = self.issued.setdefault(jti, (holding, self.step))
        self._require(known[0] == holding, "a token of another user or solution was returned")
        ended = self.standings[holding].ended_at
        self._require(ended is None or operation.begun < ended, "a token was returned after access had ended")

    # ---- decisions ---------------------------------------------------------------------------------------------------

    def _require_allowed(self, operation: Operation, context: Mapping[str, str]) -> None:
        """One that was let in may be."""
        solution, jti, cost = operation.solution, operation.detail["jti"], operation.detail["cost"]
        self._require(operation.detail["spends"], "it was asked without spending, and let in")
        self._require(context["solutionId"] == solution, "it was let into another solution")
        since = self.disabled.get(solution)
        self._require(since is None or operation.at - since <= CACHE_SECONDS + SKEW, "the solution is disabled")
        if not jti:
            self._require(context["plan"] == "anonymous" and bool(operation.writes), "a visitor passed uncounted")
            self._require((solution, "anonymous") in LIFETIME_LIMITS, "the solution has no anonymous plan")
            self._count(operation, operation.detail["address"], "anonymous", cost)
            return
        owner, _ = self.issued.get(jti, (("", ""), 0))
        self._require(owner == (operation.user, solution), "a token was accepted that nobody issued for this")
        self._require(context["userId"] == operation.user, "it passed as another user")
        revoked = self.revoked_keys.get(operation.detail["kid"])
        self._require(revoked is None or operation.at - revoked <= CACHE_SECONDS + SKEW, "its signing key is revoked")
        good = [one for one in operation.writes if one.status == "active" and one.held_jti == jti]
        self._require(bool(good), f"no write was applied while access was active: {operation.writes}")
        standing = self.standings[owner]
        ended = standing.ended_at
        self._require(ended is None or operation.begun < ended, "access had ended before the request began")
        dead = self.dead.get(jti)
        self._require(dead is None or operation.begun < dead, "the token had been replaced before the request began")
        plan = context["plan"]
        self._require_paid(operation, standing, plan)
        self._count(operation, self.persons.get(operation.user, operation.user), plan, cost)

    def _require_paid(self, operation: Operation, standing: Standing, plan: str) -> None:
        if plan not in PRICED:
            return
        paid = [one for one in self.captured(operation.user, operation.solution) if one.plan == plan]
        given = standing.given.get(plan, 0.0)
        self._require(bool(paid) or given > 0, f"{plan} was neither paid for nor given")
        ends = [given, *(one.ends for one in paid)]
        if paid and paid[0].days:
            ends.append(
                max(self.effects.get(one.payment_id, 0.0) for one in paid) + sum(one.days for one in paid) * 86_400
            )
        self._require(operation.at <= max(ends) + SKEW, f"{plan} has lapsed")

    def _count(self, operation: Operation, person: str, plan: str, cost: int) -> None:
        """Quotas hold for persons: nobody gets a new one by deleting the account."""
        day = _day(operation.at)
        counted = self.allowed
        self.spent[operation.user or operation.detail["address"], operation.solution] += cost
        for name, window, limits in (
            ("day", day, DAY_LIMITS),
            ("hour", f"{day}{int(operation.at // 3600 % 24):02}", HOUR_LIMITS),
            ("life", "", LIFETIME_LIMITS),
        ):
            counted[name, person, operation.solution, window] += cost
            limit = limits.get((operation.solution, plan))
            used = counted[name, person, operation.solution, window]
            self._require(limit is None or not cost or used <= limit, f"{used} of {limit} in a {name} of {plan}")
        if plan in PACKS and cost:
            user = operation.user
            counted["pack", user, operation.solution] += cost
            bought = sum(PACKS.get(one.plan, 0) for one in self.captured(user, operation.solution))
            most = bought + self.standings[user, operation.solution].gifts
            self._require(counted["pack", user, operation.solution] <= most, f"more than {most} credits were used")

    # ---- writes ------------------------------------------------------------------------------------------------------

    def applied(self, changes: Iterable[Applied]) -> None:
        """All items of one call or transaction."""
        self.step += 1
        changes = list(changes)
        actor = self.scheduler.current
        operation: Operation = getattr(actor, "operation", None) or Operation("nobody")
        operation.wrote_audit |= any(one.id[1].startswith("audit#") for one in changes)
        for change in changes:
            (pk, sk), old, new = change
            if sk.startswith("solution#") and pk.startswith(("user#", "ip#")):
                self._holding(operation, change, self._ends_access(operation, changes))
            elif sk == "effect" and ":" not in pk:
                self._require(old is None or old == new, f"{pk} was applied twice")
                self._require(new is not None, f"the effect of {pk} was deleted")
                self.effects.setdefault(pk.partition("#")[2], self.scheduler.now)
            elif pk == "keyring" and sk == "current":
                self._ring(old, new)
            elif sk.startswith("audit#"):
                kept = {name: value for name, value in (new or {}).items() if name != "counted"}
                was = {name: value for name, value in (old or kept).items() if name != "counted"}
                self._require(kept == was, "an audit entry was changed")

    @staticmethod
    def _ends_access(operation: Operation, changes: list[Applied]) -> bool:
        """Whether a write is the end of access that was asked for: a deletion writes the end of subscriptions first."""
        events = {(one.new or {}).get("event", {}).get("S") for one in changes}
        return operation.kind in ENDS and (operation.kind != "delete" or "account_deleted" in events)

    def _holding(self, operation: Operation, change: Applied, ends: bool) -> None:
        (pk, sk), old, new = change
        if new is None:
            # An address may be somebody else's after 90 days without a request.
            self._require(operation.kind == "ttl" and pk.startswith("ip#"), "an entitlement was deleted")
            self.expired = True
            self.allowed.pop(("life", self.addresses[pk], sk.partition("#")[2], ""), None)
            return
        subject, solution = pk.partition("#")[2], sk.partition("#")[2]
        standing = self.standings[subject, solution]
        self._counters(subject, solution, operation, old, new)
        if operation.detail.get("cost"):
            self._once(operation, change)
        if pk.startswith("ip#"):
            address = self.addresses.setdefault(pk, operation.detail["address"])
            self._require(address == operation.detail["address"], "two addresses are counted as one")
            operation.writes.append(Spent("", "", ""))
            return
        before = old or {}
        changed = [name for name in _COVERED if before.get(name) != new.get(name)]
        if operation.kind in DECISIONS:
            self._require(not changed, f"a gate changed {changed}")
            held = before.get("jti", {}).get("S", "")
            operation.writes.append(Spent(standing.status, operation.detail["jti"], held))
        elif changed:
            self._require(operation.wrote_audit, f"{changed} changed without an audit entry")
        if old is None and operation.kind in OPENERS:
            # An operator who grants access by the user's id knows no address, and gives what is left of a quota anew.
            person = self.persons.get(subject, subject)
            for counted in [one for one in self.allowed if one[1:3] == (person, solution)]:
                del self.allowed[counted]
        if old is None:
            standing.status = new["status"]["S"]  # what a deleted account left can suspend the new one
        elif ends:
            standing.status = ENDS[operation.kind]
        elif operation.kind in OPENERS:
            standing.status = "active"
        elif operation.kind not in DECISIONS:
            self._require("status" not in changed, f"{operation.kind} changed the status")
        self._require(
            (new["status"]["S"] == "active") == (standing.status == "active"),
            f"the status is {new['status']['S']} and not {standing.status}",
        )
        self._require(new["status"]["S"] != "revoked" or "jti" not in new, "access is revoked, and there is a token")
        jti, was = new.get("jti", {}).get("S", ""), before.get("jti", {}).get("S", "")
        if was and jti != was:
            standing.past.add(was)
        self._require(jti not in standing.past, "a token that was replaced is current again")

    def _once(self, operation: Operation, change: Applied) -> None:
        """A request whose write is sent again counts once, as long as the item shows that it was applied."""
        old, new = change.old or {}, change.new or {}
        known = operation.marks.get(change.id)
        if known is not None:
            self._require(old.get(known[0]) != known[1], "a request was counted twice")
        slots = [(name, value) for name, value in new.items() if _SLOT.fullmatch(name) and old.get(name) != value]
        self._require(len(slots) == 1, f"a request left {len(slots)} marks")
        operation.marks[change.id] = slots[0]

    def _counters(self, subject: str, solution: str, operation: Operation, old: Any, new: Any) -> None:
        before = old or {}
        spending = operation.kind in DECISIONS
        for name in before.keys() | new.keys():
            if not _COUNTER.fullmatch(name):
                continue
            count, was = int(new.get(name, {"N": "0"})["N"]), int(before.get(name, {"N": "0"})["N"])
            if old is None and not spending:
                self.started[subject, solution, name.removeprefix("d")] = count
            elif name in new:
                most = was + operation.detail.get("cost", 0) if spending else was
                self._require(was <= count <= most, f"{operation.kind} changed {name} from {was} to {count}")
            else:
                self._require(spending, f"{operation.kind} removed {name}")
            if name[0] == "d" and name in new:
                key = subject, solution, name[1:]
                self.highest[key] = max(self.highest.get(key, 0), count)

    def _ring(self, old: Any, new: Any) -> None:
        if new is None or old is None:
            raise Violation("the key ring was deleted or made anew")
        before, after = json.loads(old["document"]["S"]), json.loads(new["document"]["S"])
        self._require(int(new["version"]["N"]) == int(old["version"]["N"]) + 1, "a version of the ring is missing")
        states = [key["state"] for key in after["keys"]]
        self._require(states.count("signing") == 1, f"the ring's keys are {states}")
        revoked = {key_id(key) for key in after["keys"] if key["state"] == "revoked"}
        lost = {key_id(key) for key in before["keys"] if key["state"] == "revoked"} - revoked
        self._require(not lost, "a revoked key is not revoked any more")
        for kid in revoked:
            self.revoked_keys.setdefault(kid, self.scheduler.now)

    def _require(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise Violation(otherwise)


def token_id(token: str) -> str:
    """The hash of a token's secret, which the table calls `jti`."""
    secret = token.removeprefix("gp1_").partition(".")[0]
    return _encoded(hashlib.sha256(base64.urlsafe_b64decode(secret + "=")).digest())


def key_id(key: Mapping[str, Any]) -> str:
    """RFC 7638."""
    canonical = f'{{"crv":"P-256","kty":"EC","x":"{key["x"]}","y":"{key["y"]}"}}'
    return _encoded(hashlib.sha256(canonical.encode()).digest())


def signed_by(token: str) -> str:
    """The `kid` in a token's header."""
    header = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"])


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _of(user: str, standings: Iterable[Holding]) -> list[str]:
    return [solution for subject, solution in standings if subject == user]


def _day(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%d")
