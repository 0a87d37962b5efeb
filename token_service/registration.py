"""How a visitor becomes a user of a solution: sign up, confirm, sign in; and ways back for who forgot.

Whoever gets the mailed code owns the address; whoever signed up need not. So a password that somebody else may have
chosen (the address was registered twice, with two passwords) is worth nothing until the owner chose one, code in hand.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from entitlements.solution import Solution
from entitlements.table import registration_key
from token_service.access import Access, require_solution
from token_service.cognito import AddressKnown, Cognito, NotAuthorized, SignedIn
from token_service.errors import Refused
from token_service.minting import Minting
from token_service.redirects import destination, with_token
from token_service.repository import Repository

CONTESTED_SECONDS: Final = 30 * 86_400
"""By then Cognito's codes have long expired; what is contested for longer needs a new password anyway."""

SIGN_IN: Final = "sign in, or register first"
CREDENTIALS: Final = "the address or the password is wrong"


@dataclass(frozen=True, slots=True)
class Welcome:
    """What somebody gets who has proved who they are. `redirect` is empty where the solution has no page of its own."""

    token: str
    solution_id: str
    redirect: str
    signed_in: SignedIn | None = None


class Registration:
    """The steps. Each can be repeated, whatever failed before; none tells who is registered."""

    def __init__(
        self,
        cognito: Cognito,
        repository: Repository,
        access: Access,
        minting: Minting,
        clock: Callable[[], float],
    ) -> None:
        """`clock` gives seconds since the epoch."""
        self._cognito, self._repository, self._access = cognito, repository, access
        self._minting, self._clock = minting, clock

    def register(self, email: str, password: str, solution_id: str, return_to: str | None) -> None:
        """Sign up and mail a code; to an address that waits for one already, a new code."""
        destination(self._solution(solution_id), return_to)
        self._cognito.require_good_password(password)
        try:
            self._cognito.sign_up(email, password)
        except AddressKnown:
            account = self._cognito.find(email)
            if account is not None and not account.confirmed:
                if not self._is_pending_password(email, password):
                    self._contest(account.user_id)
                self.resend(email)
        except NotAuthorized as error:  # of a form that is no address to the pool, whoever is registered
            raise Refused("request_invalid", "no account can have this address: look whether it is right") from error

    def resend(self, email: str) -> None:
        """Mail a new code, if the address waits for one."""
        with suppress(NotAuthorized):
            self._cognito.resend_code(email)

    def confirm(
        self, email: str, code: str, solution_id: str, return_to: str | None, password: str | None = None
    ) -> Welcome:
        """Confirm the address by the mailed code. With a password, that one counts from now on."""
        solution = self._solution(solution_id)
        url = destination(solution, return_to)
        if password is not None:
            self._cognito.require_good_password(password)
        account = self._cognito.find(email)
        # An unknown address answers as a confirmed one: only whoever waits for a code learns more.
        if account is None or account.confirmed:
            raise Refused("sign_in_required", SIGN_IN)
        if password is None and self._contested(account.user_id):
            raise Refused("password_required", "this address was registered more than once: send your password as well")
        try:
            self._cognito.confirm(email, code)
            if password is not None:
                self._cognito.set_password(email, password)
        except NotAuthorized as error:  # somebody else was first, or the account is gone meanwhile
            raise Refused("sign_in_required", SIGN_IN) from error
        if password is not None:
            self._repository.delete_item(registration_key(account.user_id))
        return self._welcome(account.user_id, solution, url)

    def sign_in(self, email: str, password: str, solution_id: str, return_to: str | None) -> Welcome:
        """Sign in for a solution."""
        solution = self._solution(solution_id)
        url = destination(solution, return_to)
        try:
            signed_in = self._cognito.sign_in(email, password)
        except NotAuthorized as error:
            raise Refused("credentials_invalid", CREDENTIALS) from error
        if self._contested(signed_in.user_id):
            raise Refused("password_reset_required", "set a new password first: this address was registered twice")
        return self._welcome(signed_in.user_id, solution, url, signed_in)

    def forgot_password(self, email: str) -> None:
        """Mail a code for a new password, if there is such an account."""
        with suppress(NotAuthorized):
            self._cognito.forgot_password(email)

    def reset_password(self, email: str, code: str, password: str) -> None:
        """Set a new password by the mailed code."""
        self._cognito.require_good_password(password)
        try:
            self._cognito.reset_password(email, code, password)
        except NotAuthorized as error:
            raise Refused("code_invalid", "the code is wrong: look again, or ask for a new one") from error
        account = self._cognito.find(email)
        if account is not None:
            self._repository.delete_item(registration_key(account.user_id))

    def _solution(self, solution_id: str) -> Solution:
        solution = require_solution(self._repository, solution_id, self._clock())
        if not solution.active:
            raise Refused("solution_disabled", "this solution is switched off")
        return solution

    def _welcome(self, user_id: str, solution: Solution, url: str, signed_in: SignedIn | None = None) -> Welcome:
        self._access.ensure(user_id, solution.solution_id)
        token = self._minting.mint(user_id, solution.solution_id)
        redirect = with_token(url, token, solution.token_delivery) if url else ""
        return Welcome(token, solution.solution_id, redirect, signed_in)

    def _is_pending_password(self, email: str, password: str) -> bool:
        """Whether an unconfirmed account has this password: only then Cognito says that it is unconfirmed."""
        try:
            self._cognito.sign_in(email, password)
        except NotAuthorized:
            return False
        except Refused as refused:
            return refused.code == "confirmation_required"
        return True

    def _contest(self, user_id: str) -> None:
        key = {name: value["S"] for name, value in registration_key(user_id).items()}
        self._repository.put_item({**key, "contested": True, "expires_at": int(self._clock()) + CONTESTED_SECONDS})

    def _contested(self, user_id: str) -> bool:
        return self._repository.get_item(registration_key(user_id)) is not None
