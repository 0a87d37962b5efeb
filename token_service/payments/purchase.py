"""What a plan is sold as, and what was ordered of it. Pure."""

from dataclasses import asdict, dataclass

from entitlements.items import Item
from entitlements.plans import Plan, Price, PricingModel


@dataclass(frozen=True, slots=True)
class Purchase:
    """One thing that a user ordered, at the price and on the terms of that moment.

    `reference` is the id of the Razorpay order or subscription. `amount` is in the currency's smallest unit, per
    charge. `starts_at` (seconds since the epoch) is 0 unless a subscription begins later.
    """

    reference: str
    user_id: str
    solution: str
    plan: str
    model: PricingModel
    amount: int
    currency: str
    receipt: str
    ordered_at: int
    days: int = 0
    credits: int = 0
    starts_at: int = 0

    @classmethod
    def of(
        cls, plan: Plan, user_id: str, solution: str, reference: str, receipt: str, ordered_at: int, starts_at: int = 0
    ) -> "Purchase":
        """What buying a plan means. The plan must have a price."""
        price = price_of(plan)
        return cls(
            reference=reference,
            user_id=user_id,
            solution=solution,
            plan=plan.name,
            model=plan.model,
            amount=price.amount,
            currency=price.currency,
            receipt=receipt,
            ordered_at=ordered_at,
            days=price.days or 0,
            credits=plan.credits or 0,
            starts_at=starts_at,
        )

    @classmethod
    def from_item(cls, item: Item) -> "Purchase":
        """Read a stored checkout."""
        known = {name: item[name] for name in cls.__slots__ if name in item}
        return cls(**known)

    def to_item(self) -> dict[str, str | int]:
        """The attributes to store, without empty ones."""
        return {name: value for name, value in asdict(self).items() if value not in ("", 0)}


def price_of(plan: Plan) -> Price:
    """The price of a plan that is sold."""
    if plan.price is None:
        raise ValueError(f"the plan {plan.name} has no price")
    return plan.price
