"""Why the control plane refuses: one closed vocabulary, with what each code means to who asked and to who operates.

What the gate refuses is in `reasons.py`; a code of the same name means the same and has the same status.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from entitlements.reasons import Reason


class Code(StrEnum):
    """A refusal's stable name."""

    # The HTTP API answers with these.
    REQUEST_INVALID = "request_invalid"
    RETURN_TO_REFUSED = "return_to_refused"
    PASSWORD_WEAK = "password_weak"
    CODE_INVALID = "code_invalid"
    STATE_REQUIRED = "state_required"
    SIGN_IN_REQUIRED = "sign_in_required"
    CREDENTIALS_INVALID = "credentials_invalid"
    TOKEN_MISSING = "token_missing"
    TOKEN_MALFORMED = "token_malformed"
    TOKEN_SUPERSEDED = "token_superseded"
    ISSUER_MISMATCH = "issuer_mismatch"
    ENTITLEMENT_MISSING = "entitlement_missing"
    ENTITLEMENT_SUSPENDED = "entitlement_suspended"
    ENTITLEMENT_REVOKED = "entitlement_revoked"
    SOLUTION_DISABLED = "solution_disabled"
    ORIGIN_UNKNOWN = "origin_unknown"
    SOLUTION_UNKNOWN = "solution_unknown"
    ROUTE_UNKNOWN = "route_unknown"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REQUEST_TOO_LARGE = "request_too_large"
    CONTENT_TYPE_UNSUPPORTED = "content_type_unsupported"
    TOO_MANY_REQUESTS = "too_many_requests"
    KMS_REFUSED = "kms_refused"
    IDENTITY_REFUSED = "identity_refused"
    KEYRING_MISSING = "keyring_missing"
    STORE_UNAVAILABLE = "store_unavailable"
    BUSY = "busy"
    IDENTITY_UNAVAILABLE = "identity_unavailable"
    KMS_UNAVAILABLE = "kms_unavailable"

    # Operators alone meet these, in the command and in the rotation's log.
    ACCOUNT_DELETED = "account_deleted"
    CREDITS_INVALID = "credits_invalid"
    ENTITLEMENT_EXISTS = "entitlement_exists"
    KEY_ANNOUNCED = "key_announced"
    KEY_IN_USE = "key_in_use"
    KEYRING_CHANGED = "keyring_changed"
    PLAN_NOT_PAID = "plan_not_paid"
    PLAN_NOT_PREPAID = "plan_not_prepaid"
    PLAN_UNKNOWN = "plan_unknown"
    REASON_INVALID = "reason_invalid"
    REASON_MISSING = "reason_missing"
    TRANSITION_WRONG = "transition_wrong"
    UNTIL_PAST = "until_past"

    @property
    def is_public(self) -> bool:
        """Whether the HTTP API answers with it."""
        return self in _PUBLIC

    @property
    def http_status(self) -> int:
        """Of the API's answer. What operators alone should meet is a fault of ours there: 500."""
        return _PUBLIC[self][0] if self in _PUBLIC else 500

    @property
    def message(self) -> str:
        """One public sentence: what is wrong, or what to do."""
        return _PUBLIC[self][1] if self in _PUBLIC else _OUR_FAULT


_OUR_FAULT: Final = "this cannot be done right now: try again, and tell the marketplace if it stays so"


def _of(reason: Reason) -> tuple[int, str]:
    return reason.http_status, reason.message


_PUBLIC: Final = MappingProxyType(
    {
        Code.REQUEST_INVALID: (400, "correct the keys named in faults"),
        Code.RETURN_TO_REFUSED: (400, "return_to must begin with one of the return_urls of the solution"),
        Code.PASSWORD_WEAK: (400, "the password is too easy to guess: choose a longer one"),
        Code.CODE_INVALID: (
            400,
            "the code is wrong, used or too old: take the one of the last mail, or ask for a new one",
        ),
        Code.STATE_REQUIRED: (
            400,
            "this solution hands out codes: send as state the base64url SHA-256 of the page's verifier (RFC 7636)",
        ),
        Code.SIGN_IN_REQUIRED: (401, "the ID token is not valid, has expired or was ended: sign in again"),
        Code.CREDENTIALS_INVALID: (
            401,
            "the address or the password is wrong, or the address is not confirmed yet",
        ),
        Code.TOKEN_MISSING: _of(Reason.TOKEN_MISSING),
        Code.TOKEN_MALFORMED: _of(Reason.TOKEN_MALFORMED),
        Code.TOKEN_SUPERSEDED: _of(Reason.TOKEN_SUPERSEDED),
        Code.ISSUER_MISMATCH: _of(Reason.ISSUER_MISMATCH),
        Code.ENTITLEMENT_MISSING: _of(Reason.ENTITLEMENT_MISSING),
        Code.ENTITLEMENT_SUSPENDED: _of(Reason.ENTITLEMENT_SUSPENDED),
        Code.ENTITLEMENT_REVOKED: _of(Reason.ENTITLEMENT_REVOKED),
        Code.SOLUTION_DISABLED: _of(Reason.SOLUTION_DISABLED),
        Code.ORIGIN_UNKNOWN: (403, "send forms from a page of the solution that they name, or of its marketplace"),
        Code.SOLUTION_UNKNOWN: (404, "there is no such solution"),
        Code.ROUTE_UNKNOWN: (404, "there is no such route: /v1/docs shows them all"),
        Code.METHOD_NOT_ALLOWED: (405, "the route does not take this method: Allow names those that it takes"),
        Code.REQUEST_TOO_LARGE: (413, "send a smaller body"),
        Code.CONTENT_TYPE_UNSUPPORTED: (415, "send JSON, with Content-Type: application/json"),
        Code.TOO_MANY_REQUESTS: (429, "too many attempts: wait a while"),
        Code.KMS_REFUSED: (500, _OUR_FAULT),
        Code.IDENTITY_REFUSED: (500, _OUR_FAULT),
        Code.KEYRING_MISSING: (500, _OUR_FAULT),
        Code.STORE_UNAVAILABLE: _of(Reason.STORE_UNAVAILABLE),
        Code.BUSY: (503, _OUR_FAULT),
        Code.IDENTITY_UNAVAILABLE: (503, _OUR_FAULT),
        Code.KMS_UNAVAILABLE: (503, _OUR_FAULT),
    }
)


class Refused(Exception):
    """A request that cannot be done as asked."""

    def __init__(self, code: Code, message: str = "", *, public: str = "", retry_after: int | None = None) -> None:
        """`message` is for operators and logs; `public` for who asked, where the code's own sentence says too little.

        Either stands in for the other where it is left out, except that a message is never made public.
        `retry_after` is in seconds.
        """
        super().__init__(message or public or code.message)
        self.code, self.public, self.retry_after = code, public or code.message, retry_after
