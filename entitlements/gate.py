"""From a request to its decision: the one order of checks, for the authorizer and `/v1/validate` alike."""

from collections.abc import Callable
from contextlib import suppress
from math import floor
from os import urandom
from typing import NamedTuple

from entitlements.address import address_hash, client_address, visitor
from entitlements.decision import Decision, Holder, Subject, Visitor, describe, effective_plan, judge, refuse
from entitlements.directory import Directory
from entitlements.items import Store, StoreUnavailable
from entitlements.keyring import KeyRing
from entitlements.reasons import Reason
from entitlements.refused import RefusedSubjects
from entitlements.solution import Solution
from entitlements.spend import REQUEST_ID_BYTES, spend, sweep, was_counted
from entitlements.token import parse, verify
from entitlements.verified import VerifiedTokens
from entitlements.windows import STALE_COUNTERS_KEPT, windows_at


class Request(NamedTuple):
    """What a decision needs to know of a request, whatever kind of event brought it."""

    method: str
    path: str
    """Percent-encoded as it was sent, without the names of stage and base path where they are known."""
    authorization: tuple[str, ...] = ()
    query_tokens: tuple[str, ...] = ()
    query_token_allowed: bool = False
    source_ip: str | None = None
    forwarded_for: tuple[str, ...] = ()
    origin_secret: str = ""


class Gate:
    """Decides requests. Holds no state but what it remembers of the table, of verified tokens, and of refusals."""

    def __init__(self, store: Store, random_bytes: Callable[[int], bytes] = urandom) -> None:
        """`store` makes the calls; everything else is decided here. `random_bytes` makes the ids of requests."""
        self._store, self._random_bytes = store, random_bytes
        self.directory = Directory(store.get_item)
        self._verified = VerifiedTokens()
        self._refused = RefusedSubjects()

    def decide_for_api(self, api_id: str, request: Request, now: float) -> Decision:
        """Decide a request to an API, as `decide` does for a solution."""
        link = self.directory.api(api_id, now)
        if link is None:
            return refuse(Reason.API_UNKNOWN, None)
        return self.decide(link.solution_id, request, now)

    def decide(self, solution_id: str, request: Request, now: float, spending: bool = True) -> Decision:
        """Decide a request to a solution, spending its cost or only asking. `now` is in seconds since the epoch.

        Raises `StoreUnavailable`, on which the caller must refuse with that reason.
        """
        solution = self.directory.solution(solution_id, now)
        if solution is None:
            return refuse(Reason.API_UNKNOWN, None)
        if not solution.active:
            return refuse(Reason.SOLUTION_DISABLED, solution)
        subject = self._subject(request, solution, now)
        if isinstance(subject, Reason):
            return refuse(subject, solution)
        cost = solution.cost_of(request.method, request.path)
        if spending:
            return self._spend(subject, solution, cost, now)
        item = self._store.get_item(subject.key(solution_id))
        return judge(subject, item, solution, windows_at(now, solution.timezone), cost, floor(now))

    def _subject(self, request: Request, solution: Solution, now: float) -> Subject | Reason:
        tokens = _presented(request, solution)
        if tokens is None or len(set(tokens)) > 1:
            return Reason.TOKEN_MALFORMED
        if tokens:
            return self._holder(tokens[0], solution, now)
        # A preflight that spent or passed would open every ANY backend; the API itself answers it.
        if solution.anonymous_plan is None or request.source_ip is None or request.method == "OPTIONS":
            return Reason.TOKEN_MISSING
        return _visitor(request, request.source_ip, solution, self.directory.ring(now))

    def _holder(self, token: str, solution: Solution, now: float) -> Subject | Reason:
        known = self._verified.find(token)
        if known is not None and known.ring is self.directory.ring(now):
            ring, claims = known
            if claims.solution_id != solution.solution_id:
                return Reason.SOLUTION_MISMATCH
        else:
            parsed = parse(token)
            if parsed is None:
                return Reason.TOKEN_MALFORMED
            ring = self.directory.ring(now, parsed.kid)
            verified = verify(parsed, ring, solution.solution_id)
            if isinstance(verified, Reason):
                return verified
            claims = verified
            self._verified.add(token, ring, claims)
        return Holder(claims.user_id, claims.jti, resign=claims.kid != ring.signing_kid)

    def _spend(self, subject: Subject, solution: Solution, cost: int, now: float) -> Decision:
        seconds = floor(now)
        windows = windows_at(now, solution.timezone)
        known = self._refused.find(subject, solution.solution_id, now) if cost else None
        if known is not None:
            # A visitor's counters only grow. A user may have been upgraded since: a read shows that, for less than the
            # write that would be refused.
            item = known.item if isinstance(subject, Visitor) else self._store.get_item(known.key)
            decision = judge(subject, item, solution, windows, cost, seconds)
            if not decision.allowed:
                return decision
            self._refused.forget(subject, solution.solution_id)
        request_id = self._random_bytes(REQUEST_ID_BYTES)
        applied, item = self._store.update_item(spend(subject, solution, windows, cost, seconds, request_id))
        if not applied:
            counted = cost > 0 and was_counted(item, request_id)
            decision = judge(subject, item, solution, windows, 0 if counted else cost, seconds)
            if counted:
                return decision
            if decision.allowed:
                raise StoreUnavailable("the write was refused for a reason that its item does not show")
            self._refused.add(subject, solution.solution_id, item, now)
            return decision
        if item is None:
            raise StoreUnavailable("the write was answered without its item")
        stale = windows.stale(item)
        if len(stale) > STALE_COUNTERS_KEPT:
            # Tidying after somebody who keeps coming back after long pauses: never worth a refusal.
            with suppress(StoreUnavailable):
                self._store.update_item(sweep(subject, solution.solution_id, stale))
        if isinstance(subject, Visitor):
            return describe(Reason.OK_ANONYMOUS, subject, item, solution.anonymous_plan, solution, windows)
        plan = effective_plan(item, solution, seconds)
        return describe(Reason.OK, subject, item, plan, solution, windows)


def _presented(request: Request, solution: Solution) -> list[str] | None:
    """Every token of the request, or None where a credential is presented that is no token at all."""
    tokens = []
    for value in request.authorization:
        scheme, _, token = value.strip().partition(" ")
        if not scheme:
            continue
        if scheme.lower() != "bearer":
            return None
        tokens.append(token.strip())
    if request.query_token_allowed or solution.allow_query_token:
        tokens.extend(request.query_tokens)
    return tokens


def _visitor(request: Request, source_ip: str, solution: Solution, ring: KeyRing) -> Subject | Reason:
    address = source_ip
    if solution.trusted_proxies and solution.origin_secret_matches(request.origin_secret):
        address = client_address(source_ip, request.forwarded_for, solution.trusted_proxies)
    name = visitor(address) or visitor(source_ip)
    return Visitor(address_hash(ring.address_key, name)) if name else Reason.TOKEN_MISSING
