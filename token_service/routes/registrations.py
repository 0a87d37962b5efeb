"""Becoming a user: sign up, confirm, sign in, and the way back for who forgot."""

from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from token_service.models import (
    Accepted,
    AddressRequest,
    ConfirmationRequest,
    PasswordRequest,
    RegistrationRequest,
    SessionRequest,
    WelcomeAnswer,
)
from token_service.registration import Welcome
from token_service.routes.answers import BODY, KEYS, POOL, documented, json_answer
from token_service.services import Services

TAGS: Final = ["registration"]
ASKED: Final = (*BODY, *POOL, "too_many_requests")
FOR_A_SOLUTION: Final = (*ASKED, "solution_unknown", "solution_disabled", "return_to_refused", "origin_unknown")
WELCOMED: Final = (*FOR_A_SOLUTION, *KEYS, "entitlement_suspended", "entitlement_revoked")


def add_routes(app: APIGatewayHttpResolver, services: Services) -> None:
    """Declare them."""
    registration = services.registration

    @app.post(
        "/v1/registrations", summary="Sign up for a solution", tags=TAGS, operation_id="register",
        description="A code is mailed. The answer is the same for an address that has an account.",
        responses=documented(Accepted, *FOR_A_SOLUTION, "password_weak", "mail_failed", status=202),
    )  # fmt: skip
    def register(body: RegistrationRequest) -> Response[str]:
        registration.register(body.email, body.password, body.solution_id, body.return_to)
        return json_answer(Accepted(status="code_mailed"), 202)

    @app.post(
        "/v1/registrations/resend", summary="Mail the code again", tags=TAGS, operation_id="resendCode",
        description="The answer is the same for an address that waits for no code.",
        responses=documented(Accepted, *ASKED, "mail_failed", status=202),
    )  # fmt: skip
    def resend(body: AddressRequest) -> Response[str]:
        registration.resend(body.email)
        return json_answer(Accepted(status="code_mailed"), 202)

    @app.post(
        "/v1/registrations/confirm", summary="Confirm the address, and get the token", tags=TAGS,
        operation_id="confirmRegistration",
        description="An address that is confirmed already gets no token here, where a code proves nothing: sign in.",
        responses=documented(
            WelcomeAnswer, *WELCOMED, "code_invalid", "code_expired", "sign_in_required", "password_required",
            "password_weak",
        ),
    )  # fmt: skip
    def confirm(body: ConfirmationRequest) -> Response[str]:
        welcome = registration.confirm(body.email, body.code, body.solution_id, body.return_to, body.password)
        return json_answer(_welcome(welcome))

    @app.post(
        "/v1/sessions", summary="Sign in for a solution, and get the token", tags=TAGS, operation_id="signIn",
        description="A user who is new to the solution gets its default plan. The token is the same each time.",
        responses=documented(
            WelcomeAnswer, *WELCOMED, "credentials_invalid", "confirmation_required", "password_reset_required",
            "sign_in_incomplete",
        ),
    )  # fmt: skip
    def sign_in(body: SessionRequest) -> Response[str]:
        return json_answer(_welcome(registration.sign_in(body.email, body.password, body.solution_id, body.return_to)))

    @app.post(
        "/v1/passwords/forgotten", summary="Mail a code for a new password", tags=TAGS, operation_id="forgotPassword",
        description="The answer is the same for an address that has no account.",
        responses=documented(Accepted, *ASKED, "mail_failed", status=202),
    )  # fmt: skip
    def forgot(body: AddressRequest) -> Response[str]:
        registration.forgot_password(body.email)
        return json_answer(Accepted(status="code_mailed"), 202)

    @app.post(
        "/v1/passwords", summary="Set a new password by the mailed code", tags=TAGS, operation_id="resetPassword",
        responses=documented(
            Accepted, *ASKED, "code_invalid", "code_expired", "password_weak", "confirmation_required"
        ),
    )  # fmt: skip
    def reset(body: PasswordRequest) -> Response[str]:
        registration.reset_password(body.email, body.code, body.password)
        return json_answer(Accepted(status="password_set"))


def _welcome(welcome: Welcome) -> WelcomeAnswer:
    signed_in: dict[str, Any] = {}
    if welcome.signed_in is not None:
        signed_in = {"id_token": welcome.signed_in.id_token, "expires_in": welcome.signed_in.expires_in}
    return WelcomeAnswer(token=welcome.token, solution_id=welcome.solution_id, redirect=welcome.redirect, **signed_in)
