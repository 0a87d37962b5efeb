"""What people, operators, jobs, banks and the time do in a run. The run's seed decides what, when, and to whom."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from entitlements.gate import Request
from entitlements.items import solution_key
from entitlements.token import parse
from gatepass.local.razorpay import PaymentOutcome, RazorpayRefused
from tests.simulation.market import ALPHA, BETA, SOLD, solution
from tests.simulation.monitor import Operation
from tests.simulation.world import (
    JOB_SECONDS,
    GateContainer,
    OperatorDesk,
    Person,
    ServiceContainer,
    UsageContainer,
    World,
    decision,
)
from token_service.payments_handler import reconcile, work
from token_service.signing import rotation

ADDRESSES = ("198.51.100.7", "203.0.113.9")
DAY = 86_400
Act = Callable[[], object]


class Actors:
    """The people and machines of one run."""

    def __init__(self, world: World) -> None:
        self.world, self.random = world, world.random
        self.gates = [GateContainer(world, f"gate{n}") for n in range(self.random.choice((1, 2, 3)))]
        self.services = [ServiceContainer(world, f"service{n}") for n in range(2)]
        self.operators = [OperatorDesk(world, f"operator{n}") for n in range(2)]
        self.applying: list[Operation] = []
        self.usage = [UsageContainer(world, f"usage{n}") for n in range(2)]

    # ---- requests ----------------------------------------------------------------------------------------------------

    def ask_gate(self, gate: GateContainer) -> None:
        """A request with some token, or with none."""
        name = self.random.choice((ALPHA, ALPHA, BETA))
        user, token = self._some_token(name)
        gate.request(
            name, user, token, self.random.choice(ADDRESSES), "/search" if self.random.random() < 0.9 else "/health"
        )

    def _some_token(self, name: str) -> tuple[str, str]:
        """Mostly the newest one of a person; sometimes an old one, another solution's, or a forged one."""
        person, chance = self.random.choice(self.world.people), self.random.random()
        if chance < 0.12 or not person.tokens:
            return "", ""
        mine = [one for one in person.tokens if one[1] == name]
        user, _, token = self.random.choice(person.tokens) if chance < 0.3 or not mine else mine[-1]
        if chance > 0.97:
            token = token[:10] + ("A" if token[10] != "A" else "B") + token[11:]
        return user, token

    def validate(self, service: ServiceContainer) -> None:
        """`/v1/validate`."""
        name = self.random.choice((ALPHA, BETA))
        user, token = self._some_token(name)
        address, path, spends = self.random.choice(ADDRESSES), "/search", self.random.random() < 0.7
        headers = (f"Bearer {token}",) if token else ()
        request = Request("POST", path, headers, source_ip=address)

        def ask() -> tuple[str, Any]:
            found = service.services.gate.decide(name, request, self.world.scheduler.clock(), spends)
            return ("allowed" if found.allowed and spends else found.reason.value), found.context()

        service.serve(decision("validate", name, user, token, address, path, spends), ask)

    # ---- what users ask of the token service -------------------------------------------------------------------------

    def _with_account(self) -> Person | None:
        found = [one for one in self.world.people if one.user]
        return self.random.choice(found) if found else None

    def sign_in(self, service: ServiceContainer) -> None:
        """Registers where there is no account, and returns the token."""
        self._welcome(service, self.random.choice(self.world.people), self.random.choice((ALPHA, ALPHA, BETA)))

    def _welcome(self, service: ServiceContainer, person: Person, name: str) -> None:
        if person.deleting and self.random.random() < 0.5:
            return
        user, services = person.user or self.world.new_user(person), service.services

        def welcome() -> str:
            services.access.ensure(user, solution(name), lambda: services.deletion.kept(person.email, name))
            return services.minting.mint(user, name)

        self._keep(person, user, name, service.serve(Operation("mint", user, name), welcome))

    def _token(self, service: ServiceContainer, kind: str) -> None:
        person = self._with_account()
        if person is None:
            return
        user, name = person.user, self.random.choice((ALPHA, ALPHA, BETA))
        minting = service.services.minting
        ask = {"mint": minting.mint, "rotate": minting.rotate}[kind]
        self._keep(person, user, name, service.serve(Operation(kind, user, name), lambda: ask(user, name)))

    def mint(self, service: ServiceContainer) -> None:
        self._token(service, "mint")

    def rotate(self, service: ServiceContainer) -> None:
        self._token(service, "rotate")

    def refresh(self, service: ServiceContainer) -> None:
        """A token under the present signing key."""
        person = self._with_account()
        if person is None or not person.tokens:
            return
        user, name, token = person.tokens[-1]
        parsed = parse(token)
        assert parsed is not None
        done = service.serve(Operation("refresh", user, name), lambda: service.services.minting.refresh(parsed))
        self._keep(person, user, name, done)

    @staticmethod
    def _keep(person: Person, user: str, name: str, done: tuple[str, Any]) -> None:
        if done[0] == "ok" and (user, name, done[1]) not in person.tokens:
            person.tokens.append((user, name, done[1]))

    def drop_token(self, service: ServiceContainer) -> None:
        """The user revokes the token, and keeps access."""
        person, name = self._with_account(), self.random.choice((ALPHA, BETA))
        if person is not None:
            user = person.user
            service.serve(Operation("drop_token", user, name), lambda: service.services.access.drop_token(user, name))

    def delete_account(self, service: ServiceContainer) -> None:
        person = self._with_account()
        if person is None:
            return
        user, person.deleting = person.user, True
        if service.serve(Operation("delete", user), lambda: service.services.deletion.delete(user))[0] == "ok":
            person.user, person.deleting = "" if person.user == user else person.user, False
            if self.random.random() < 0.7:  # and is back at once
                self._welcome(service, person, self.random.choice((ALPHA, ALPHA, BETA)))

    # ---- purchases ---------------------------------------------------------------------------------------------------

    def order(self, service: ServiceContainer) -> None:
        """Order something, and perhaps pay it at once."""
        person, plan = self._with_account(), self.random.choice(SOLD)
        if person is None:
            return
        user = person.user
        for _ in range(3):  # who sees an error tries again
            done, started = service.serve(
                Operation("order", user, ALPHA),
                lambda: service.services.payments.checkout.start(user, ALPHA, plan, replace=True),
            )
            if done not in ("killed", "payments_unavailable", "StoreUnavailable", "Throttled", "Busy"):
                break
            self.world.scheduler.sleep(self.random.choice((1, 25)))
        if done == "ok":
            if started.reference not in person.references:
                person.references.append(started.reference)
            if self.random.random() < 0.8:
                self._pay(started.reference, PaymentOutcome.CAPTURED)

    def _pay(self, reference: str, outcome: PaymentOutcome) -> None:
        account = self.world.razorpay.account
        pay: Any = account.authenticate if reference.startswith("sub_") else account.pay
        with suppress(ValueError, RazorpayRefused):  # it cannot be paid now
            pay(reference, outcome)
            self.world.scheduler.note("pays", reference, outcome.value)

    def complete(self, service: ServiceContainer) -> None:
        """The page comes back from Checkout."""
        account = self.world.razorpay.account
        paid = [one["id"] for one in account._payments.values() if one["captured"]]
        person = self._with_account()
        if not paid or person is None:
            return
        user, returned = person.user, account.checkout_return(self.random.choice(paid))
        service.serve(
            Operation("complete", user, ALPHA),
            lambda: service.services.payments.checkout.complete(
                user,
                returned["razorpay_payment_id"],
                returned.get("razorpay_order_id", ""),
                returned.get("razorpay_subscription_id", ""),
                returned["razorpay_signature"],
            ),
        )

    def cancel(self, service: ServiceContainer) -> None:
        """The user cancels the subscriptions."""
        person = self._with_account()
        if person is not None:
            user, settlement = person.user, service.services.payments.settlement
            self.world.cancelling.add(user)
            service.serve(Operation("cancel", user, ALPHA), lambda: settlement.cancel(user, ALPHA))

    def deliver(self, service: ServiceContainer) -> None:
        """One event that has not arrived yet, or again one that has."""
        world = self.world
        world.collect()
        again = self.random.random() < 0.15
        among = world.delivered if again and world.delivered else world.waiting
        if not among:
            return
        # Several events tell of one payment, and they come at the same time.
        one = self.random.choice(among[-3:] if self.random.random() < 0.6 else among)
        receive = service.services.payments.webhook.receive
        done, _ = service.serve(Operation("webhook"), lambda: receive(one.body, one.signature or "", one.event_id), 5.0)
        if done == "ok" and one in world.waiting:
            world.waiting.remove(one)
            world.delivered.append(one)

    def lose_event(self, service: ServiceContainer) -> None:
        """Razorpay gives an event up."""
        self.world.collect()
        if self.world.waiting and self.random.random() < 0.3:
            self.world.waiting.remove(self.random.choice(self.world.waiting))
            self.world.lost_events = True

    def bank(self, service: ServiceContainer) -> None:
        """What payers, banks, and the seller on Razorpay's dashboard do."""
        world, random, account = self.world, self.random, self.world.razorpay.account
        references = [one for person in world.people for one in person.references]
        captured = [one for one in account._payments.values() if one["captured"]]
        subscriptions = [one for one in account._subscriptions.values() if one["status"] in ("active", "pending")]
        act = random.choice(("pay", "pay", "fail", "authorize", "refund", "part", "dispute", "decide", "charge"))
        with suppress(ValueError, RazorpayRefused, IndexError):  # it makes no sense now
            if act == "pay":
                self._pay(random.choice(references), PaymentOutcome.CAPTURED)
            elif act == "fail":
                self._pay(random.choice(references), PaymentOutcome.FAILED)
            elif act == "authorize":
                self._pay(random.choice(references), PaymentOutcome.AUTHORIZED)
            elif act == "refund":
                account.create_refund(random.choice(captured)["id"], {})
            elif act == "part":
                one = random.choice(captured)
                account.create_refund(one["id"], {"amount": max(100, one["amount"] * random.randrange(1, 7) // 7)})
            elif act == "dispute":
                account.open_dispute(random.choice(captured)["id"], None)
            elif act == "decide":
                account.resolve_dispute(random.choice(account.disputes())["id"], random.choice(("won", "lost")))
            else:
                one = random.choice(subscriptions)
                due = (one["charge_at"] or 0) - world.razorpay_skew
                if due <= world.scheduler.now:
                    account.charge(one["id"], random.choice((PaymentOutcome.CAPTURED, PaymentOutcome.FAILED)))
            world.scheduler.note("bank", act)

    # ---- jobs --------------------------------------------------------------------------------------------------------

    def work(self, service: ServiceContainer) -> None:
        """The job of payments: every minute, and its comparison with Razorpay."""
        payments, clock = service.services.payments, self.world.scheduler.clock
        if self.random.random() < 0.3:
            service.serve(Operation("reconcile"), lambda: reconcile(payments, clock(), 26), JOB_SECONDS)
        else:
            service.serve(Operation("work"), lambda: work(payments, clock(), lambda: 60.0), JOB_SECONDS)

    def consume(self, container: UsageContainer) -> None:
        """A batch of the stream, as Lambda delivers it: again from its first failure, and sometimes twice."""
        world, random = self.world, self.random
        begin = world.consumed if random.random() < 0.8 else random.randint(max(0, world.consumed - 30), world.consumed)
        batch = world.table.contents.stream[begin : begin + random.randint(1, 40)]
        if not batch:
            return
        consumer = container.consumer
        done, failed = world.do(Operation("usage"), JOB_SECONDS, lambda: consumer.consume(batch))
        if done == "killed":
            container.restart()
        elif done == "ok":
            numbers = [one["dynamodb"]["SequenceNumber"] for one in batch]
            end = begin + (len(batch) if failed is None else numbers.index(failed))
            world.consumed = max(world.consumed, end)

    def expire(self, container: UsageContainer) -> None:
        """DynamoDB deletes what has expired."""
        world = self.world
        actor = world.scheduler.current
        assert actor is not None
        actor.operation = Operation("ttl")
        expired = [
            (item["pk"]["S"], item["sk"]["S"])
            for item in world.table.contents
            if "expires_at" in item and int(item["expires_at"]["N"]) < world.scheduler.now
        ]
        for one in expired:
            world.table.contents.apply([(one, None)])

    # ---- operators ---------------------------------------------------------------------------------------------------

    def administer(self, desk: OperatorDesk) -> None:
        """One command about a user."""
        person, random, access = self._with_account(), self.random, desk.access
        if person is None:
            return
        known = sorted({one[:2] for one in person.tokens if one[0] == person.user}) or [(person.user, ALPHA)]
        user, name = random.choice(known)
        kind = random.choice(
            (
                "revoke",
                "revoke",
                "suspend",
                "suspend",
                "resume",
                "resume",
                "grant",
                "grant",
                "plan",
                "credits",
                "rotate_all",
            )
        )
        if kind == "plan":
            plan = (
                random.choice(("registered", "pro", "pack-5"))
                if name == ALPHA
                else random.choice(("registered", "team"))
            )
            until = int(self.world.scheduler.now) + random.choice((60, DAY, 9 * DAY)) if plan == "pro" else None
            operation = Operation("set_plan", user, name, detail={"plan": plan, "until": until})
            self.world.do(operation, JOB_SECONDS, lambda: access.set_plan(user, name, plan, until))
        elif kind == "credits":
            operation = Operation("add_credits", user, name, detail={"credits": 3})
            self.world.do(operation, JOB_SECONDS, lambda: access.add_credits(user, name, 3))
        elif kind == "rotate_all":
            operation = Operation("rotate_all", user, name)

            def drop() -> None:
                before = int(self.world.scheduler.clock()) + 6
                operation.detail["dropped"] = access.drop_older_token(user, name, before)

            self.world.do(operation, JOB_SECONDS, drop)
        else:
            act = getattr(access, kind)
            self.world.do(Operation(kind, user, name), JOB_SECONDS, lambda: act(user, name))

    def switch(self, desk: OperatorDesk) -> None:
        """Apply a solution's configuration: disabled, or active again."""
        world = self.world
        changed = solution(BETA).to_mapping() | {
            "status": "disabled" if BETA not in world.monitor.disabled else "active"
        }
        document = world_solution(changed)
        operation = Operation("apply", "", BETA)
        world.monitor.disabled.pop(BETA, None)
        self.applying = [one for one in self.applying if one.open] + [operation]
        done, _ = world.do(
            operation, JOB_SECONDS, lambda: desk.repository.put_item(solution_key(BETA), {"document": document})
        )
        alone = all(one is operation or (not one.open and one.ended < operation.begun) for one in self.applying)
        if done == "ok" and changed["status"] == "disabled" and alone and not operation.pending:
            world.monitor.disabled[BETA] = world.scheduler.now

    def keys(self, desk: OperatorDesk) -> None:
        """One step of a rotation, or an operator's command about a key."""
        world, keys, random = self.world, desk.keys, self.random
        clock = world.scheduler.clock

        def step() -> None:
            chance = random.random()
            others = [key.kid for key in keys.ring().keys if key.state.value in ("verifying", "revoked")]
            if chance < 0.6 or not others:
                rotation.advance(keys, clock, lambda text: None, older_than=random.choice((0, 90 * DAY)))
            elif chance < 0.75:
                keys.revoke(random.choice(others), "leaked")
            elif chance < 0.9:
                keys.retire(random.choice(others))
            else:
                keys.make_mac_key()
                keys.replace_mac_key()

        world.do(Operation("keys"), JOB_SECONDS, step)


def world_solution(mapping: Any) -> str:
    """The stored text of a configuration."""
    from entitlements.solution import read_solution

    return read_solution(mapping).to_document()
