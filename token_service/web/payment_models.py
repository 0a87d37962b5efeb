"""Requests and responses of the routes that sell plans."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from entitlements.identifiers import PLAN_NAME
from token_service.access.records import to_the_second
from token_service.payments.checkout import Preview
from token_service.web.models import RequestBody, SolutionId

RazorpayId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{5,64}$")]


def _without_default(schema: JsonDict) -> None:
    """A key that is absent or has a value, never null."""
    del schema["default"]


PlanName = Annotated[str, Field(pattern=f"^{PLAN_NAME.pattern}$", description="The plan to buy", examples=["pro"])]


class CheckoutRequest(RequestBody):
    """The plan to buy. The amount is that of the solution's configuration."""

    solution_id: SolutionId
    plan: PlanName
    dry_run: bool = Field(default=False, strict=True, description="Only tell what would be charged and changed")
    replace: bool = Field(
        default=False, strict=True, description="Buy although something that is paid for no longer applies then"
    )


class CompletionRequest(RequestBody):
    """What Razorpay's Checkout hands to the page: a payment of an order or of a subscription, and its signature."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [name]} for name in ("razorpay_order_id", "razorpay_subscription_id")]
        }
    )
    razorpay_payment_id: RazorpayId
    razorpay_order_id: RazorpayId | SkipJsonSchema[None] = Field(default=None, json_schema_extra=_without_default)
    razorpay_subscription_id: RazorpayId | SkipJsonSchema[None] = Field(
        default=None, json_schema_extra=_without_default
    )
    razorpay_signature: str = Field(max_length=128, description="Hexadecimal HMAC-SHA256, by Razorpay")

    @model_validator(mode="after")
    def _one_of_both(self) -> "CompletionRequest":
        if bool(self.razorpay_order_id) == bool(self.razorpay_subscription_id):
            raise ValueError("send razorpay_order_id or razorpay_subscription_id")
        return self


class PreviewAnswer(BaseModel):
    """What a purchase charges and changes. `amount` is in the currency's smallest unit."""

    solution_id: str
    plan: str
    model: str = Field(examples=["recurring"])
    amount: int
    currency: str
    price: str = Field(examples=["₹499.00 every month"])
    plan_before: str
    replaces: str | None = Field(description="What is paid for and would no longer apply, in words")
    cancels: list[str] = Field(description="The plans whose subscriptions the first payment ends")
    starts_at: str | None = Field(description="When a subscription begins, if later than now")

    @classmethod
    def of(cls, preview: Preview) -> "PreviewAnswer":
        """From what the checkout found."""
        return cls(
            solution_id=preview.solution_id,
            plan=preview.plan,
            model=preview.model,
            amount=preview.amount,
            currency=preview.currency,
            price=preview.price,
            plan_before=preview.plan_before,
            replaces=preview.replaces or None,
            cancels=list(preview.cancels),
            starts_at=to_the_second(preview.starts_at or None) or None,
        )


class CheckoutAnswer(BaseModel):
    """The options of Razorpay's Checkout, and what the purchase charges and changes."""

    preview: PreviewAnswer
    key: str | None = Field(default=None, description="Razorpay's key id, which is public")
    order_id: str | None = None
    subscription_id: str | None = None


class CompletedAnswer(BaseModel):
    """The plan after the payment."""

    solution_id: str
    status: str = Field(examples=["paid"], description="`paid`, or `pending` while the money is not taken")
    plan: str
    paid_until: str | None


class PaymentAnswer(BaseModel):
    """One payment. Amounts are in the currency's smallest unit."""

    payment_id: str
    solution_id: str
    plan: str
    model: str
    state: str = Field(examples=["paid"])
    amount: int
    currency: str
    readable: str = Field(examples=["₹499.00"])
    amount_refunded: int
    amount_disputed: int
    paid_at: str
    period_start: str | None
    period_end: str | None
    receipt: str
    reference: str = Field(description="The Razorpay order or subscription")
    returned: str | None = Field(description="Why it gives nothing and is sent back")


class SubscriptionAnswer(BaseModel):
    """One subscription. `status` is Razorpay's."""

    subscription_id: str
    solution_id: str
    plan: str
    status: str
    renews: bool
    amount: int
    currency: str
    readable: str


class PaymentsAnswer(BaseModel):
    """A user's payments, newest first, and subscriptions."""

    payments: list[PaymentAnswer]
    subscriptions: list[SubscriptionAnswer]


class CancelledAnswer(BaseModel):
    """The subscription will not be renewed. The plan stays for the time that is paid for."""

    status: str = Field(examples=["cancelled"])
    solution_id: str
    plan: str
    paid_until: str | None


class ReceivedAnswer(BaseModel):
    """The event is stored."""

    status: str = Field(examples=["received"])
