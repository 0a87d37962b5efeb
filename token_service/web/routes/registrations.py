"""Routes to register, confirm, sign in and sign out, and to reset a forgotten password."""

from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from entitlements.refusals import Code, Refused
from token_service.services import Services
from token_service.users.registration import Visit, Welcome
from token_service.web.models import (
    Accepted,
    AddressRequest,
    ConfirmationRequest,
    ExchangeRequest,
    PasswordRequest,
    RegistrationRequest,
    SessionRequest,
    SignedOutAnswer,
    TokenAnswer,
    VisitRequest,
    WelcomeAnswer,
)
from token_service.web.routes.answers import BODY, ID_TOKEN, KEYS, POOL, RAZORPAY, SIGNED_IN, documented, json_answer

TAGS: Final = ["registration"]
ASKED: Final = (
    *BODY,
    *POOL,
    Code.KMS_REFUSED,
    Code.KMS_UNAVAILABLE,
    Code.KEYRING_MISSING,
    Code.TOO_MANY_REQUESTS,
    Code.BUSY,
)
FOR_A_SOLUTION: Final = (
    *ASKED,
    Code.SOLUTION_UNKNOWN,
    Code.SOLUTION_DISABLED,
    Code.RETURN_TO_REFUSED,
    Code.ORIGIN_UNKNOWN,
)
HELD: Final = (Code.ENTITLEMENT_SUSPENDED, Code.ENTITLEMENT_REVOKED)
# Missing again at once: the account is being deleted.
WELCOMED: Final = (*FOR_A_SOLUTION, *HELD, Code.STATE_REQUIRED, Code.ENTITLEMENT_MISSING)
VISITED: Final = (
    *BODY, *KEYS, *HELD, Code.SOLUTION_UNKNOWN, Code.SOLUTION_DISABLED, Code.RETURN_TO_REFUSED, Code.STATE_REQUIRED,
    Code.ENTITLEMENT_MISSING,
)  # fmt: skip
MAILED: Final = "The answer is the same for every address, even if the email cannot be sent."


def add_routes(app: APIGatewayHttpResolver, services: Services) -> None:
    """Declare the routes."""
    registration = services.registration

    def source_ip() -> str:
        return str(app.current_event.request_context.http.source_ip)

    @app.post(
        "/v1/registrations", summary="Register for a solution", tags=TAGS, operation_id="register",
        description=f"Mails a code. The user chooses the password together with the code. {MAILED}",
        responses=documented(Accepted, *FOR_A_SOLUTION, status=202),
    )  # fmt: skip
    def register(body: RegistrationRequest) -> Response[str]:
        registration.register(body.email, Visit(body.solution_id, body.return_to))
        return json_answer(Accepted(status="code_mailed"), 202)

    @app.post(
        "/v1/registrations/resend", summary="Mail the code again", tags=TAGS, operation_id="resendCode",
        description=f"If the email cannot be sent, the previous code stays valid. {MAILED}",
        responses=documented(Accepted, *ASKED, status=202),
    )  # fmt: skip
    def resend(body: AddressRequest) -> Response[str]:
        registration.mail_code(body.email)
        return json_answer(Accepted(status="code_mailed"), 202)

    @app.post(
        "/v1/registrations/confirm", summary="Confirm the address, set the password, get the token", tags=TAGS,
        operation_id="confirmRegistration",
        description="Accepts the latest mailed code, also one for a new password. Earlier sessions become invalid.",
        responses=documented(WelcomeAnswer, *WELCOMED, *RAZORPAY, Code.CODE_INVALID, Code.PASSWORD_WEAK),
    )  # fmt: skip
    def confirm(body: ConfirmationRequest) -> Response[str]:
        visit = Visit(body.solution_id, body.return_to, body.state, body.came_from)
        welcome = registration.confirm(body.email, body.code, body.password, visit, source_ip(), body.rotate_tokens)
        return json_answer(_welcome(welcome))

    @app.post(
        "/v1/sessions", summary="Sign in, and get the token of a solution", tags=TAGS, operation_id="signIn",
        description="A user who is new to the solution gets its default plan. The token is the same each time. "
        "Without `solution_id`, the answer is the ID token alone, also if access to solutions is suspended or revoked. "
        "Wrong credentials return `credentials_invalid`.",
        responses=documented(WelcomeAnswer, *WELCOMED, *RAZORPAY, Code.CREDENTIALS_INVALID),
    )  # fmt: skip
    def sign_in(body: SessionRequest) -> Response[str]:
        visit = Visit(body.solution_id, body.return_to, body.state, body.came_from) if body.solution_id else None
        return json_answer(_welcome(registration.sign_in(body.email, body.password, visit, source_ip())))

    @app.post(
        "/v1/visits", summary="Go on to a solution, signed in already", tags=TAGS, operation_id="visit",
        description="Does what signing in for the solution does, by the ID token in place of address and password: the "
        "answer is the same but for the ID token.",
        security=ID_TOKEN, responses=documented(WelcomeAnswer, *SIGNED_IN, *VISITED),
    )  # fmt: skip
    def visit(body: VisitRequest) -> Response[str]:
        authorization = app.current_event.headers.get("authorization")
        caller = services.identity.caller(authorization)
        if not caller.email:  # what its deleted accounts left could not be looked for
            raise Refused(Code.SIGN_IN_REQUIRED)
        asked = Visit(body.solution_id, body.return_to, body.state, body.came_from)
        welcome = registration.visit(caller.user_id, caller.email, asked)
        services.identity.caller(authorization)  # the session may have ended since: then nothing must be handed out
        return json_answer(_welcome(welcome))

    @app.delete(
        "/v1/sessions", summary="Sign out everywhere", tags=TAGS, operation_id="signOut", security=ID_TOKEN,
        description="Every earlier ID token becomes invalid. Solution tokens stay valid unless `rotate_tokens` is set.",
        responses=documented(SignedOutAnswer, *SIGNED_IN, *POOL, Code.BUSY),
    )  # fmt: skip
    def sign_out(
        rotate_tokens: Annotated[bool, Query(description="Also end the user's tokens")] = False,
    ) -> Response[str]:
        user_id = services.identity.user_id(app.current_event.headers.get("authorization"))
        if rotate_tokens:
            # Before the sessions end, so that this session can repeat the call if it is interrupted; and after that,
            # since another session may have fetched the new token before it ended.
            services.access.drop_all_tokens(user_id)
        services.sessions.end(user_id)
        if rotate_tokens:
            services.access.drop_all_tokens(user_id)
        return json_answer(SignedOutAnswer(status="signed_out"))

    @app.post(
        "/v1/codes/exchange", summary="Exchange a one-time code for the token", tags=TAGS, operation_id="exchangeCode",
        description="For pages of solutions whose `token_delivery` is `code`. A code works once, within a minute, with "
        "the verifier whose SHA-256 was sent as `state` (RFC 7636, S256).",
        responses=documented(TokenAnswer, *BODY, *KEYS, *HELD, Code.CODE_INVALID, Code.ENTITLEMENT_MISSING),
    )  # fmt: skip
    def exchange(body: ExchangeRequest) -> Response[str]:
        origin = app.current_event.headers.get("origin") or ""
        token, solution_id = registration.exchange(body.code, body.verifier, origin)
        return json_answer(TokenAnswer(token=token, solution_id=solution_id))

    @app.post(
        "/v1/passwords/forgotten", summary="Mail a code for a new password", tags=TAGS, operation_id="forgotPassword",
        description=MAILED, responses=documented(Accepted, *ASKED, status=202),
    )  # fmt: skip
    def forgot(body: AddressRequest) -> Response[str]:
        registration.mail_code(body.email)
        return json_answer(Accepted(status="code_mailed"), 202)

    @app.post(
        "/v1/passwords", summary="Set a new password with the mailed code", tags=TAGS, operation_id="resetPassword",
        description="Accepts the latest mailed code, also that of a registration. Earlier sessions become invalid.",
        responses=documented(
            Accepted, *ASKED, *RAZORPAY, Code.CODE_INVALID, Code.PASSWORD_WEAK, Code.ENTITLEMENT_MISSING
        ),
    )  # fmt: skip
    def reset(body: PasswordRequest) -> Response[str]:
        registration.reset_password(body.email, body.code, body.password, source_ip(), body.rotate_tokens)
        return json_answer(Accepted(status="password_set"))


def _welcome(welcome: Welcome) -> WelcomeAnswer:
    signed_in: dict[str, Any] = {}
    if welcome.signed_in is not None:
        signed_in = {"id_token": welcome.signed_in.id_token, "expires_in": welcome.signed_in.expires_in}
    return WelcomeAnswer(
        solution_id=welcome.solution_id, token=welcome.token, code=welcome.code, state=welcome.state,
        redirect=welcome.redirect, **signed_in,
    )  # fmt: skip
