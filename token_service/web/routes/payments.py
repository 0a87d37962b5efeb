"""Routes that sell plans, and Razorpay's webhook."""

from typing import Annotated, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from entitlements.refusals import Code, Refused
from token_service.payments.settlement import Outcome, Unmatched
from token_service.services import Services
from token_service.web import edge
from token_service.web.models import SolutionId
from token_service.web.payment_models import (
    CancelledAnswer,
    CheckoutAnswer,
    CheckoutRequest,
    CompletedAnswer,
    CompletionRequest,
    PaymentsAnswer,
    PreviewAnswer,
    ReceivedAnswer,
)
from token_service.web.routes import receipts
from token_service.web.routes.answers import BODY, ID_TOKEN, RAZORPAY, SIGNED_IN, documented, json_answer

TAGS: Final = ["payments"]
SOLD: Final = (
    Code.SOLUTION_UNKNOWN,
    Code.SOLUTION_DISABLED,
    Code.PLAN_NOT_SOLD,
    Code.ENTITLEMENT_MISSING,
    Code.ENTITLEMENT_SUSPENDED,
    Code.ENTITLEMENT_REVOKED,
    Code.ALREADY_SUBSCRIBED,
    Code.PAID_PLAN_REPLACED,
)


def add_routes(app: APIGatewayHttpResolver, services: Services) -> None:
    """Declare the routes."""
    payments = services.payments

    def user_id() -> str:
        return services.identity.user_id(app.current_event.headers.get("authorization"))

    @app.post(
        "/v1/checkout", summary="Start a payment for a plan", tags=TAGS, operation_id="startCheckout",
        description="Makes a Razorpay order, or a subscription for a recurring price, and returns what the page needs "
        "to open Razorpay's Checkout. Repeating the request makes no second order. With `dry_run`, it only tells what "
        "would be charged and what would change.",
        security=ID_TOKEN, responses=documented(CheckoutAnswer, *SIGNED_IN, *SOLD, *RAZORPAY, *BODY),
    )  # fmt: skip
    def start(body: CheckoutRequest) -> Response[str]:
        user = user_id()
        if body.dry_run:
            preview = payments.checkout.preview(user, body.solution_id, body.plan)
            return json_answer(CheckoutAnswer(preview=PreviewAnswer.of(preview)))
        started = payments.checkout.start(user, body.solution_id, body.plan, body.replace)
        return json_answer(
            CheckoutAnswer(
                preview=PreviewAnswer.of(started.preview),
                key=started.key_id,
                order_id=None if started.is_subscription else started.reference,
                subscription_id=started.reference if started.is_subscription else None,
            )
        )

    @app.post(
        "/v1/checkout/complete", summary="Complete a payment that Razorpay's Checkout reported", tags=TAGS,
        operation_id="completeCheckout",
        description="Takes the values that Checkout hands to the page, and applies the payment as its event would. The "
        "plan holds from the next request. 202: the money is not taken yet, and the plan follows when it is.",
        security=ID_TOKEN,
        responses={
            **documented(
                CompletedAnswer, *SIGNED_IN, *RAZORPAY, *BODY, Code.PAYMENT_UNSIGNED, Code.PAYMENT_UNMATCHED
            ),
            202: documented(CompletedAnswer)[200],
        },
    )  # fmt: skip
    def complete(body: CompletionRequest) -> Response[str]:
        user = user_id()
        order_id, subscription_id = body.razorpay_order_id or "", body.razorpay_subscription_id or ""
        try:
            outcome = payments.checkout.complete(
                user, body.razorpay_payment_id, order_id, subscription_id, body.razorpay_signature
            )
        except Unmatched as unmatched:
            raise Refused(Code.PAYMENT_UNMATCHED) from unmatched
        purchase = payments.books.purchase(order_id or subscription_id)
        current = services.access.find(user, purchase.solution) if purchase else None
        if purchase is None or current is None:
            raise Refused(Code.PAYMENT_UNMATCHED)
        status = 200 if outcome is Outcome.APPLIED else 202
        return json_answer(receipts.completed(purchase.solution, outcome, current), status)

    @app.get(
        "/v1/payments", summary="List the user's payments and subscriptions", tags=TAGS, operation_id="listPayments",
        security=ID_TOKEN, responses=documented(PaymentsAnswer, *SIGNED_IN),
    )  # fmt: skip
    def listed() -> Response[str]:
        user = user_id()
        found = receipts.listed(payments.books.payments(user), payments.books.subscriptions(user))
        return json_answer(found)

    @app.delete(
        "/v1/subscriptions/<solution_id>", summary="Cancel the subscription to a solution", tags=TAGS,
        operation_id="cancelSubscription",
        description="What is paid for stays. A cancellation is final at Razorpay: to have the plan again, buy it "
        "again; the new subscription then begins where the paid time ends.",
        security=ID_TOKEN,
        responses=documented(
            CancelledAnswer, *SIGNED_IN, *RAZORPAY, Code.SUBSCRIPTION_MISSING, Code.SOLUTION_UNKNOWN, Code.ROUTE_UNKNOWN
        ),
    )  # fmt: skip
    def cancel(solution_id: Annotated[SolutionId, Path()]) -> Response[str]:
        user = user_id()
        payments.settlement.cancel(user, solution_id)
        current = services.access.find(user, solution_id)
        return json_answer(receipts.cancelled(solution_id, current))

    @app.post(
        "/v1/webhooks/razorpay", summary="Razorpay's events", tags=TAGS, operation_id="receiveRazorpayEvent",
        description="For Razorpay alone: the body must be signed with the webhook's secret (`X-Razorpay-Signature`).",
        responses=documented(
            ReceivedAnswer, Code.WEBHOOK_UNSIGNED, Code.PAYMENTS_NOT_CONFIGURED, Code.REQUEST_TOO_LARGE
        ),
    )  # fmt: skip
    def receive() -> Response[str]:
        headers = app.current_event.headers
        payments.webhook.receive(
            edge.raw_body(app), headers.get("x-razorpay-signature") or "", headers.get("x-razorpay-event-id") or ""
        )
        return json_answer(ReceivedAnswer(status="received"))
