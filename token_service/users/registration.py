"""Registration: register, confirm, sign in, and reset a forgotten password.

The person who receives the mailed code owns the address and chooses the password with it. Requesting the mail gives no
access: until its first code is confirmed, an account has a random password. Each step takes the code that fits the
account's state: that of the sign-up while the account is unconfirmed, one for a new password afterwards.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from entitlements.address import visitor
from entitlements.items import DELETING
from entitlements.origins import origin_of
from entitlements.refusals import Code, Refused
from entitlements.solution import Solution
from token_service.access.grants import Access, require_solution
from token_service.access.minting import Minting, require_active
from token_service.errors import Busy
from token_service.repository import Repository
from token_service.users.codes import CHALLENGE, Codes, Redeemed
from token_service.users.cognito import Account, AddressKnown, Cognito, NotMailed, NotProven, SignedIn
from token_service.users.deletion import Deletion
from token_service.users.limits import Limits
from token_service.users.redirects import destination, with_answer
from token_service.users.sessions import Sessions, counts

SIGN_IN_ATTEMPTS: Final = 3
"""A password may be set and used within the same second, and Cognito's clock may be another second behind ours."""


@dataclass(frozen=True, slots=True)
class Visit:
    """The target of a registration or sign-in: a solution, the page to return to, and that page's `state`; and the
    reason of the refusal whose link led there, if it was one.
    """

    solution_id: str
    return_to: str | None = None
    state: str = ""
    came_from: str = ""


@dataclass(frozen=True, slots=True)
class Welcome:
    """The result for an authenticated user: a token, or a code for it. `redirect` is empty if the solution has no page
    of its own. Neither token nor code: a solution that issues codes was visited without a `state`, or none was visited.
    """

    solution_id: str | None = None
    redirect: str = ""
    state: str = ""
    token: str | None = None
    code: str | None = None
    signed_in: SignedIn | None = None


class Registration:
    """The steps of registration. Each can be repeated after any failure; none reveals who is registered."""

    def __init__(
        self,
        cognito: Cognito,
        repository: Repository,
        access: Access,
        minting: Minting,
        sessions: Sessions,
        limits: Limits,
        deletion: Deletion,
        codes: Codes,
        clock: Callable[[], float],
        mail_failed: Callable[[str], object],
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """`clock` gives seconds since the epoch. `mail_failed` reports to the operator a mail that was not sent; it
        takes the name of Cognito's exception.
        """
        self._cognito, self._repository, self._access, self._minting = cognito, repository, access, minting
        self._sessions, self._limits, self._deletion, self._codes = sessions, limits, deletion, codes
        self._clock, self._mail_failed, self._sleep = clock, mail_failed, sleep

    def register(self, email: str, visit: Visit) -> None:
        """Mail a code; create the account first if there is none."""
        self._place(visit)
        self._mail(email, self._cognito.sign_up)

    def mail_code(self, email: str) -> None:
        """Mail the sign-up code again, or a code for a new password, if there is an account."""
        # For an unknown address, Cognito answers as if it had sent a mail.
        self._mail(email, self._cognito.forgot_password)

    def _mail(self, email: str, unknown: Callable[[str], None]) -> None:
        self._limits.mail(email)
        account = self._cognito.find(email)
        if account is None:
            send = unknown
        else:
            send = self._cognito.forgot_password if account.confirmed else self._cognito.resend_code
        try:
            send(email)
        except AddressKnown:
            return  # a concurrent registration created the account and mailed the code
        except NotMailed as error:
            # The caller gets the usual answer: a different one would reveal that the account exists.
            self._mail_failed(str(error))

    def confirm(
        self, email: str, code: str, password: str, visit: Visit, source_ip: str, rotate_tokens: bool = False
    ) -> Welcome:
        """Confirm the address with a mailed code, and set the password."""
        solution, url = self._arrival(visit)
        account = self._prove(email, code, password, source_ip, rotate_tokens)
        return self._welcome(account.user_id, email, solution, url, visit)

    def reset_password(self, email: str, code: str, password: str, source_ip: str, rotate_tokens: bool = False) -> None:
        """Do the same without a solution to return to."""
        self._prove(email, code, password, source_ip, rotate_tokens)

    def _prove(self, email: str, code: str, password: str, source_ip: str, rotate_tokens: bool) -> Account:
        self._cognito.require_good_password(password)
        self._limits.try_code(email, _network(source_ip))
        account = self._cognito.find(email)
        try:
            if account is not None and not account.confirmed:
                self._cognito.confirm(email, code)
            else:
                self._cognito.reset(email, code)
            if account is None:
                raise NotProven
            if self._sessions.account(account.user_id).get(DELETING):
                self._deletion.delete(account.user_id)
                raise NotProven
            # The code is spent and the password is random. If this is interrupted, the owner requests another code.
            # Earlier sessions, and the tokens if requested, end before the new password is set.
            self._sessions.end(account.user_id)
            if rotate_tokens:
                self._access.drop_all_tokens(account.user_id)
            self._cognito.set_password(account.user_id, password)
        except NotProven as error:
            raise Refused(Code.CODE_INVALID) from error
        return account

    def sign_in(self, email: str, password: str, visit: Visit | None, source_ip: str) -> Welcome:
        """Sign in to a solution; without a visit to the account alone, which grants nothing and needs no access."""
        arrival = self._arrival(visit) if visit is not None else None
        self._limits.try_sign_in(email, _network(source_ip))
        try:
            signed_in = self._signed_in(email, password)
        except NotProven as error:
            raise Refused(Code.CREDENTIALS_INVALID) from error
        self._limits.signed_in(email, _network(source_ip))
        if visit is None or arrival is None:
            return Welcome(signed_in=signed_in)
        welcome = self._welcome(signed_in.user_id, email, *arrival, visit, signed_in)
        if not counts(self._sessions.account(signed_in.user_id), signed_in.auth_time):
            # The owner has ended this session since, perhaps with its token: it must not receive the new token.
            raise Refused(Code.CREDENTIALS_INVALID)
        return welcome

    def visit(self, user_id: str, email: str, visit: Visit) -> Welcome:
        """Do what signing in to a solution does for the owner of a session. `email` is the account's."""
        solution, url = self._arrival(visit)
        return self._welcome(user_id, email, solution, url, visit)

    def _signed_in(self, email: str, password: str) -> SignedIn:
        for _ in range(SIGN_IN_ATTEMPTS):
            signed_in = self._cognito.sign_in(email, password)
            account = self._sessions.account(signed_in.user_id)
            if account.get(DELETING):
                # The owner's deletion of this account was interrupted: finish it now.
                self._deletion.delete(signed_in.user_id)
                raise NotProven
            if counts(account, signed_in.auth_time):
                return signed_in
            self._sleep(min(1.0, max(0.1, account.get("not_before", 0) - self._clock())))
        raise Busy("the session begins before the account's not_before: check whether Cognito's clock and ours differ")

    def exchange(self, code: str, verifier: str, caller_origin: str) -> tuple[str, str]:
        """Exchange a one-time code; returns the token and its solution's id."""
        redeemed = self._codes.redeem(code, verifier, caller_origin)
        return self._minting.mint(redeemed.user_id, redeemed.solution_id, redeemed.generation), redeemed.solution_id

    def _place(self, visit: Visit) -> tuple[Solution, str]:
        """The solution and the URL to return to. Called before anything is counted, spent or sent."""
        solution = require_solution(self._repository, visit.solution_id, self._clock())
        if not solution.active:
            raise Refused(Code.SOLUTION_DISABLED)
        return solution, destination(solution, visit.return_to)

    def _arrival(self, visit: Visit) -> tuple[Solution, str]:
        """The same, for the steps that answer with a token, or with a code if there is a state to bind it to."""
        solution, url = self._place(visit)
        if solution.token_delivery == "code" and visit.state and not CHALLENGE.fullmatch(visit.state):
            raise Refused(Code.STATE_REQUIRED)
        return solution, url

    def _welcome(
        self, user_id: str, email: str, solution: Solution, url: str, visit: Visit, signed_in: SignedIn | None = None
    ) -> Welcome:
        entitlement = self._access.ensure(
            user_id, solution, lambda: self._deletion.kept(email, solution.solution_id), visit.came_from
        )
        require_active(entitlement)
        token = code = None
        if solution.token_delivery != "code":
            token = self._minting.mint(user_id, solution.solution_id)
        elif visit.state:  # without one, nobody holds a verifier
            if not entitlement.jti:
                # The first token starts a new generation, which would void a code issued before it.
                self._minting.mint(user_id, solution.solution_id)
                entitlement = self._access.ensure(user_id, solution)
            stands_for = Redeemed(user_id, solution.solution_id, entitlement.generation)
            code = self._codes.issue(stands_for, origin_of(url) if url else "", visit.state)
        given = {"token": token, "code": code, "state": visit.state}
        answer = {name: value for name, value in given.items() if value}
        redirect = with_answer(url, solution.token_delivery, answer) if url else ""
        return Welcome(solution.solution_id, redirect, visit.state, token, code, signed_in)


def _network(source_ip: str) -> str:
    """What counts as one caller: an address, or an IPv6 /64."""
    return visitor(source_ip) or source_ip
