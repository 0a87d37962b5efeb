"""The closed list of reasons for a decision: one vocabulary for context, logs, API and documentation."""

from enum import StrEnum
from types import MappingProxyType


class Reason(StrEnum):
    """Why a request was allowed or denied."""

    OK = "ok"
    OK_ANONYMOUS = "ok_anonymous"

    TOKEN_MISSING = "token_missing"
    TOKEN_MALFORMED = "token_malformed"
    KEY_UNKNOWN = "key_unknown"
    KEY_REVOKED = "key_revoked"
    SIGNATURE_INVALID = "signature_invalid"
    ISSUER_MISMATCH = "issuer_mismatch"
    TOKEN_SUPERSEDED = "token_superseded"
    ENTITLEMENT_MISSING = "entitlement_missing"

    SOLUTION_MISMATCH = "solution_mismatch"
    ENTITLEMENT_SUSPENDED = "entitlement_suspended"
    ENTITLEMENT_REVOKED = "entitlement_revoked"
    SOLUTION_DISABLED = "solution_disabled"
    API_UNKNOWN = "api_unknown"
    PLAN_UNKNOWN = "plan_unknown"

    QUOTA_EXCEEDED = "quota_exceeded"
    ANONYMOUS_QUOTA_EXCEEDED = "anonymous_quota_exceeded"

    STORE_UNAVAILABLE = "store_unavailable"

    @property
    def allowed(self) -> bool:
        """Whether the request passes."""
        return self in (Reason.OK, Reason.OK_ANONYMOUS)

    @property
    def is_wall(self) -> bool:
        """Whether it is a limit, which a registration or a payment lifts. Other refusals are faults of the request."""
        return self in (Reason.QUOTA_EXCEEDED, Reason.ANONYMOUS_QUOTA_EXCEEDED)

    @property
    def gateway_status(self) -> int:
        """HTTP status at an API Gateway, which knows no 429 for authorizers: 200, 401, 403 or 500."""
        return 403 if self.http_status == 429 else self.http_status

    @property
    def http_status(self) -> int:
        """HTTP status of the token service's own answers: as at a gateway, but 429 for a spent quota."""
        return _STATUS[self]

    @property
    def message(self) -> str:
        """One public sentence: what is wrong and what to do. ASCII, free of quotes and backslashes."""
        return _MESSAGE[self]


_STATUS = MappingProxyType(
    {
        Reason.OK: 200,
        Reason.OK_ANONYMOUS: 200,
        Reason.TOKEN_MISSING: 401,
        Reason.TOKEN_MALFORMED: 401,
        Reason.KEY_UNKNOWN: 401,
        Reason.KEY_REVOKED: 401,
        Reason.SIGNATURE_INVALID: 401,
        Reason.ISSUER_MISMATCH: 401,
        Reason.TOKEN_SUPERSEDED: 401,
        Reason.ENTITLEMENT_MISSING: 401,
        Reason.SOLUTION_MISMATCH: 403,
        Reason.ENTITLEMENT_SUSPENDED: 403,
        Reason.ENTITLEMENT_REVOKED: 403,
        Reason.SOLUTION_DISABLED: 403,
        Reason.API_UNKNOWN: 403,
        Reason.PLAN_UNKNOWN: 403,
        Reason.QUOTA_EXCEEDED: 429,
        Reason.ANONYMOUS_QUOTA_EXCEEDED: 429,
        Reason.STORE_UNAVAILABLE: 500,
    }
)

_MESSAGE = MappingProxyType(
    {
        Reason.OK: "The token is valid and its plan has room for the request.",
        Reason.OK_ANONYMOUS: "The address has free requests left.",
        Reason.TOKEN_MISSING: "This API needs a token: send it as Authorization: Bearer.",
        Reason.TOKEN_MALFORMED: "The token is not a Gatepass token: send it whole and unchanged, and send only one.",
        Reason.KEY_UNKNOWN: "The token was signed by a key that is not in use: fetch the token again.",
        Reason.KEY_REVOKED: "The token was signed by a revoked key: fetch the token again.",
        Reason.SIGNATURE_INVALID: "The token was altered or forged: fetch the token again.",
        Reason.ISSUER_MISMATCH: "The token was issued by another marketplace.",
        Reason.TOKEN_SUPERSEDED: "The token was replaced by a newer one: fetch the token again.",
        Reason.ENTITLEMENT_MISSING: "The user of this token has no access to this solution: register first.",
        Reason.SOLUTION_MISMATCH: "The token is for another solution: fetch the token of this one.",
        Reason.ENTITLEMENT_SUSPENDED: "Access is suspended: ask the marketplace.",
        Reason.ENTITLEMENT_REVOKED: "Access was revoked: ask the marketplace.",
        Reason.SOLUTION_DISABLED: "This solution is switched off.",
        Reason.API_UNKNOWN: "This API is not linked to a solution: its operator runs gatepass solutions link.",
        Reason.PLAN_UNKNOWN: "The plan of this user no longer exists in this solution: ask the marketplace.",
        Reason.QUOTA_EXCEEDED: "The quota of this plan is used up: wait until it resets, or upgrade.",
        Reason.ANONYMOUS_QUOTA_EXCEEDED: "The free requests of this address are used up: register for more.",
        Reason.STORE_UNAVAILABLE: "Access cannot be checked right now: try again.",
    }
)
