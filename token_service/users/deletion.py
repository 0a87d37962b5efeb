"""Account deletion. It can be interrupted at any point and is repeated by the user or by the next sign-in."""

from collections.abc import Callable

from entitlements.directory import Directory
from entitlements.items import Item, remains_key
from token_service.access.grants import Access
from token_service.access.records import Entitlement
from token_service.access.remains import remains_of
from token_service.repository import Repository
from token_service.users.cognito import Cognito
from token_service.users.email_hashes import EmailHashes
from token_service.users.sessions import Sessions


class Deletion:
    """Deletes accounts, and keeps the quotas and suspensions that a deletion must not reset."""

    def __init__(
        self,
        cognito: Cognito,
        repository: Repository,
        access: Access,
        sessions: Sessions,
        hashes: EmailHashes,
        directory: Directory,
        end_subscriptions: Callable[[str, str], None],
        clock: Callable[[], float],
    ) -> None:
        """`end_subscriptions` cancels a user's subscriptions to a solution; `clock` gives seconds since the epoch."""
        self._cognito, self._repository, self._access = cognito, repository, access
        self._sessions, self._hashes, self._directory, self._clock = sessions, hashes, directory, clock
        self._end_subscriptions = end_subscriptions

    def delete(self, user_id: str) -> None:
        """End all sessions and all access, then delete the account with its address and password. The audit, which
        contains only the user id, stays.

        The account is marked first, so that a concurrent sign-in is granted nothing. It is deleted last, because its
        address is needed until everything to keep is stored.
        """
        self._sessions.begin_deletion(user_id)
        account = self._cognito.find(user_id)
        for found in list(self._access.of_user(user_id)):
            # First, while a failure can still be repeated: nobody may be charged for an account that is gone.
            self._end_subscriptions(user_id, found.solution_id)
            # Close it before reading it, so that the counters include the gate's last request.
            closed = self._access.close(user_id, found.solution_id)
            if account is not None and account.email:
                self._keep(account.email, closed)
        self._cognito.delete(user_id)
        self._sessions.end_deletion(user_id)

    def kept(self, email: str, solution_id: str) -> Item | None:
        """What a deleted account of this address left in a solution."""
        return self._repository.get_item(remains_key(self._hashes.of(email), solution_id))

    def _keep(self, email: str, closed: Entitlement) -> None:
        now = self._clock()
        key = remains_key(self._hashes.of(email), closed.solution_id)
        kept = remains_of(closed, self._directory.solution(closed.solution_id, now), now)
        if kept is None:
            # This account took over what an earlier one of the address had left, and nothing of it needs keeping.
            self._repository.delete_item(key)
        else:
            self._repository.put_item(key, kept)
