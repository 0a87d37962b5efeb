"""Requests and responses of the HTTP API, as pydantic models that both validate and document them."""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from entitlements.identifiers import SOLUTION_ID
from entitlements.plans import PricingModel
from entitlements.reasons import Reason
from entitlements.solution import METHODS

SolutionId = Annotated[
    str, Field(pattern=f"^{SOLUTION_ID.pattern}$", description="The solution", examples=["faiss-search"])
]
# Lengths, and no space at either end of a password, as in Cognito:
# https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_SignUp.html
Email = Annotated[
    str,
    Field(
        pattern=r"^[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]{1,185}\.[A-Za-z0-9-]{2,}$",
        max_length=128,
        description="The address, which is the user's immutable identity",
        examples=["someone@example.com"],
    ),
    AfterValidator(str.lower),
]
Password = Annotated[
    str,
    Field(
        pattern=r"^\S(.*\S)?$",
        max_length=256,
        json_schema_extra={"format": "password"},
        examples=["Str0ng-enough!"],
    ),
]
Code = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,64}$", description="The mailed code", examples=["123456"])]
ReturnTo = Annotated[
    str | None,
    Field(
        max_length=2048,
        description="Where to return to: must start with one of the solution's return_urls",
        examples=["http://localhost:8000/"],
    ),
]

State = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_-]{0,128}$",
        description="Returned with the token or code. A page takes a token only with a state that it issued. "
        "For a code, it is the base64url SHA-256 of the page's verifier (RFC 7636, S256)",
        examples=["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"],
    ),
]


def _wall(value: Any) -> str:
    return next((reason.value for reason in Reason if reason.is_wall and reason == value), "")


CameFrom = Annotated[
    str,
    Field(
        alias="from",
        description="The reason of the refusal whose upgradeUrl led here: quota_exceeded or anonymous_quota_exceeded. "
        "It is counted where the user is new to the solution; anything else is ignored",
        examples=["anonymous_quota_exceeded"],
    ),
    BeforeValidator(_wall),
    WithJsonSchema({}),  # of any type: a wrong one is ignored too
]
RotateTokens = Annotated[
    bool, Field(description="Also end the user's tokens, which otherwise stay valid", examples=[False])
]


class RequestBody(BaseModel):
    """A request, in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid")


class AddressRequest(RequestBody):
    """An email address."""

    email: Email


class RegistrationRequest(RequestBody):
    """A registration for a solution. The password is sent later, with the code."""

    email: Email
    solution_id: SolutionId
    return_to: ReturnTo = None
    state: State = ""


class ConfirmationRequest(RequestBody):
    """The mailed code and the new password."""

    email: Email
    code: Code
    password: Password
    solution_id: SolutionId
    return_to: ReturnTo = None
    state: State = ""
    came_from: CameFrom = ""
    rotate_tokens: RotateTokens = False


class SessionRequest(RequestBody):
    """The sign-in of a registered user, for a solution or to the account alone."""

    email: Email
    password: Password
    solution_id: Annotated[
        SolutionId | None, Field(description="Without it, the answer is the ID token alone. A form must have it")
    ] = None
    return_to: ReturnTo = None
    state: State = ""
    came_from: CameFrom = ""

    @field_validator("return_to", "state")
    @classmethod
    def _of_a_solution(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and info.data.get("solution_id", "invalid") is None:
            raise ValueError("it needs a solution_id, because the page is one of a solution")
        return value


class VisitRequest(RequestBody):
    """The solution that a signed-in user goes on to."""

    solution_id: SolutionId
    return_to: ReturnTo = None
    state: State = ""
    came_from: CameFrom = ""


class PasswordRequest(RequestBody):
    """The mailed code and the new password, without a solution."""

    email: Email
    code: Code
    password: Password
    rotate_tokens: RotateTokens = False


class ExchangeRequest(RequestBody):
    """The code from the page's URL, and the verifier whose hash the page sent as `state`."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$", description="The code")]
    verifier: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9._~-]{43,128}$", description="The verifier (RFC 7636, section 4.1)")
    ]


class SolutionRequest(RequestBody):
    """A solution."""

    solution_id: SolutionId


class ValidateRequest(RequestBody):
    """A request to a solution that is to be decided."""

    solution_id: SolutionId
    method: str = Field(default="GET", pattern=f"^({'|'.join(METHODS)})$")
    path: str = Field(default="/", pattern="^/", max_length=2048)
    # Strict: "spend": "off" is an error instead of being converted to a boolean.
    spend: bool = Field(default=True, strict=True, description="false does not count the request")


class Accepted(BaseModel):
    """The request was accepted."""

    status: str = Field(examples=["code_mailed"])


class TokenAnswer(BaseModel):
    """A token, which is permanent and secret."""

    token: str
    solution_id: str


class RefreshAnswer(BaseModel):
    """The same secret, signed by the current key."""

    token: str


class WelcomeAnswer(BaseModel):
    """A token, or a code for it, and the redirect. A sign-in also returns the ID token for the user's own routes;
    without a solution, nothing else.
    """

    solution_id: str | None = Field(description="null after a sign-in without a solution")
    token: str | None = Field(description="null if the solution's `token_delivery` is `code`")
    code: str | None = Field(
        description="Valid for one exchange within a minute. null for other deliveries, and without a `state`"
    )
    state: str = Field(description="The `state` of the request")
    redirect: str = Field(
        description="Contains the token or code, if any, and the state. Empty if the solution has no page"
    )
    id_token: str | None = None
    expires_in: int | None = Field(default=None, description="Lifetime of the ID token in seconds")


class SignedOutAnswer(BaseModel):
    """Every earlier session is invalid."""

    status: str = Field(examples=["signed_out"])


class RevokedAnswer(BaseModel):
    """The token has ended."""

    status: str = Field(examples=["revoked"])
    solution_id: str


class UsageAnswer(BaseModel):
    """One of a user's solutions. `limit`, `used`, and `remaining` are of the tightest limit, or null without one."""

    solution_id: str
    name: str
    status: str = Field(examples=["active"])
    plan: str
    limit: int | None
    used: int | None
    remaining: int | None
    resets_at: str | None = Field(examples=["2026-11-25T00:00:00Z"])
    paid_until: str | None
    upgrade_url: str
    frontend_url: str = Field(description="The solution's page, empty if it has none")


class EntitlementsAnswer(BaseModel):
    """All of a user's solutions."""

    entitlements: list[UsageAnswer]


class DecisionAnswer(BaseModel):
    """The gate's decision, with the names of the context that an API receives."""

    allowed: bool
    reason: str = Field(examples=["ok"])
    userId: str  # noqa: N815
    solutionId: str  # noqa: N815
    plan: str
    limit: int | None
    used: int | None
    remaining: int | None
    resetsAt: str | None  # noqa: N815
    upgradeUrl: str  # noqa: N815
    resign: bool


class PriceFacts(BaseModel):
    """A price. `interval` and `every` are present if it recurs, `days` if it is paid once for a number of days."""

    amount: int = Field(description="In the smallest unit of the currency", examples=[49900])
    currency: str = Field(description="ISO 4217", examples=["INR"])
    interval: str | None = Field(default=None, description="day, week, month, or year", examples=["month"])
    every: int | None = Field(default=None, description="The number of intervals between payments", examples=[1])
    days: int | None = Field(default=None, examples=[30])
    readable: str = Field(description="The price for people", examples=["₹499.00 every month"])


class PlanFacts(BaseModel):
    """A plan: how it is paid for, what it allows, and what it costs. `price` is absent if it is not for sale."""

    model: PricingModel = Field(description="How it is paid for", examples=["recurring"])
    limits: dict[str, int] = Field(description="Requests by window; empty is unlimited", examples=[{"day": 10}])
    price: PriceFacts | None = None
    credits: int | None = Field(default=None, description="The requests that a purchase adds", examples=[100])


class SolutionAnswer(BaseModel):
    """The public facts of a solution."""

    solution_id: str
    name: str
    status: str
    default_plan: str
    plans: dict[str, PlanFacts]
    upgrade_url: str
    frontend_url: str = Field(description="The solution's page, empty if it has none")


class KeySet(BaseModel):
    """A JWK set (RFC 7517 section 5)."""

    keys: list[dict[str, str]]


class Fault(BaseModel):
    """One key of a request, and what is wrong with it."""

    key: str
    fault: str


class Problem(BaseModel):
    """RFC 9457. `type` is `urn:gatepass:` and the code."""

    model_config = ConfigDict(extra="allow")
    type: str = Field(examples=["urn:gatepass:request_invalid"])
    title: str
    status: int
    detail: str
    faults: list[Fault] | None = None
