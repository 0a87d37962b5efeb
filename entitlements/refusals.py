"""The refusals of the control plane: a closed list of codes, each with its status and its message to the caller.

The gate's denials are in `reasons.py`; a code with the name of a reason has the same meaning and status.
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
    PLAN_NOT_SOLD = "plan_not_sold"
    ALREADY_SUBSCRIBED = "already_subscribed"
    PAID_PLAN_REPLACED = "paid_plan_replaced"
    PAYMENT_UNSIGNED = "payment_unsigned"
    PAYMENT_UNMATCHED = "payment_unmatched"
    SUBSCRIPTION_MISSING = "subscription_missing"
    USAGE_FORBIDDEN = "usage_forbidden"
    PERIOD_INVALID = "period_invalid"
    WEBHOOK_UNSIGNED = "webhook_unsigned"
    PAYMENTS_NOT_CONFIGURED = "payments_not_configured"
    PAYMENTS_UNAVAILABLE = "payments_unavailable"
    IDENTITY_UNAVAILABLE = "identity_unavailable"
    KMS_UNAVAILABLE = "kms_unavailable"

    # Only operators see these, in the command and in the rotation's log.
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
        """The status of the API's answer. A code that only operators should see is a bug there: 500."""
        return _PUBLIC[self][0] if self in _PUBLIC else 500

    @property
    def message(self) -> str:
        """One public sentence: what is wrong and what to do."""
        return _PUBLIC[self][1] if self in _PUBLIC else _OUR_FAULT


_OUR_FAULT: Final = "this cannot be done right now: try again, and contact the marketplace if it keeps failing"


def _of(reason: Reason) -> tuple[int, str]:
    return reason.http_status, reason.message


_PUBLIC: Final = MappingProxyType(
    {
        Code.REQUEST_INVALID: (400, "the request is not valid: correct the keys named in faults"),
        Code.RETURN_TO_REFUSED: (400, "return_to must begin with one of the return_urls of the solution"),
        Code.PASSWORD_WEAK: (400, "the password is too easy to guess: choose a longer one"),
        Code.CODE_INVALID: (
            400,
            "the code is wrong, expired or already used: use the code from the last mail, or request a new one",
        ),
        Code.STATE_REQUIRED: (
            400,
            "state must be the base64url SHA-256 of the page's verifier (RFC 7636), because this solution issues codes",
        ),
        Code.SIGN_IN_REQUIRED: (401, "the ID token is not valid, has expired or is void: sign in again"),
        Code.CREDENTIALS_INVALID: (
            401,
            "the address or the password is wrong, or the address is not confirmed yet: check them, or register",
        ),
        Code.TOKEN_MISSING: _of(Reason.TOKEN_MISSING),
        Code.TOKEN_MALFORMED: _of(Reason.TOKEN_MALFORMED),
        Code.TOKEN_SUPERSEDED: _of(Reason.TOKEN_SUPERSEDED),
        Code.ISSUER_MISMATCH: _of(Reason.ISSUER_MISMATCH),
        Code.ENTITLEMENT_MISSING: _of(Reason.ENTITLEMENT_MISSING),
        Code.ENTITLEMENT_SUSPENDED: _of(Reason.ENTITLEMENT_SUSPENDED),
        Code.ENTITLEMENT_REVOKED: _of(Reason.ENTITLEMENT_REVOKED),
        Code.SOLUTION_DISABLED: _of(Reason.SOLUTION_DISABLED),
        Code.ORIGIN_UNKNOWN: (403, "forms are accepted only from pages of the named solution or its marketplace"),
        Code.SOLUTION_UNKNOWN: (404, "there is no such solution: check solution_id"),
        Code.ROUTE_UNKNOWN: (404, "there is no such route: /v1/docs shows them all"),
        Code.METHOD_NOT_ALLOWED: (405, "the route does not take this method: Allow names those that it takes"),
        Code.REQUEST_TOO_LARGE: (413, "the body is too large: send a smaller one"),
        Code.CONTENT_TYPE_UNSUPPORTED: (
            415,
            "the content type is not supported: send JSON, with Content-Type: application/json",
        ),
        Code.TOO_MANY_REQUESTS: (429, "too many attempts: try again after the seconds in Retry-After"),
        Code.KMS_REFUSED: (500, _OUR_FAULT),
        Code.IDENTITY_REFUSED: (500, _OUR_FAULT),
        Code.KEYRING_MISSING: (500, _OUR_FAULT),
        Code.STORE_UNAVAILABLE: _of(Reason.STORE_UNAVAILABLE),
        Code.BUSY: (503, _OUR_FAULT),
        Code.PLAN_NOT_SOLD: (404, "the solution sells no such plan: GET /v1/solutions/{id} lists plans and prices"),
        Code.ALREADY_SUBSCRIBED: (
            409,
            "there is a subscription to this plan already: GET /v1/payments shows it, and it renews by itself",
        ),
        Code.PAID_PLAN_REPLACED: (409, "this purchase would replace what is paid for: repeat it with replace true"),
        Code.PAYMENT_UNSIGNED: (
            403,
            "Razorpay did not sign this for an order of this user: send the three values of its Checkout unchanged",
        ),
        Code.PAYMENT_UNMATCHED: (
            409,
            "the payment was received, but it does not match what was ordered: the marketplace will look at it, and "
            "nothing has to be paid again",
        ),
        Code.SUBSCRIPTION_MISSING: (404, "there is no subscription to this solution that would be renewed"),
        Code.USAGE_FORBIDDEN: (
            403,
            "these figures are for operators and for the solution's owner: ask the marketplace for access",
        ),
        Code.PERIOD_INVALID: (422, "from and to are no period that can be reported: see detail"),
        Code.WEBHOOK_UNSIGNED: (403, "the signature is not that of the webhook's secret over this body"),
        Code.PAYMENTS_NOT_CONFIGURED: (503, "this cannot be bought here yet: nothing was charged"),
        Code.PAYMENTS_UNAVAILABLE: (
            503,
            "payments do not answer right now: repeat the request, which charges nothing",
        ),
        Code.IDENTITY_UNAVAILABLE: (503, _OUR_FAULT),
        Code.KMS_UNAVAILABLE: (503, _OUR_FAULT),
    }
)


class Refused(Exception):
    """A request that is refused."""

    def __init__(self, code: Code, message: str = "", *, public: str = "", retry_after: int | None = None) -> None:
        """`message` is for operators and logs. `public` is for the caller, if the code's message is too general.

        Without `message`, operators get the public text; a `message` is never shown to the caller. `retry_after` is in
        seconds.
        """
        super().__init__(message or public or code.message)
        self.code, self.public, self.retry_after = code, public or code.message, retry_after
