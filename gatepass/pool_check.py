"""Checks a Cognito user pool: an address must identify its user, and our API must be the only way to sign in.

Pure: it checks the answers of DescribeUserPool and DescribeUserPoolClient. A field that is missing has AWS's default:
https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UserPoolType.html and
API_UserPoolClientType.html there. Settings that are fixed when a pool is created:
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-updating.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ADMIN_SIGN_IN: Final = "ALLOW_ADMIN_USER_PASSWORD_AUTH"
REFRESH: Final = "ALLOW_REFRESH_TOKEN_AUTH"
"""Allowed: Cognito has refused clients without it (https://github.com/aws/aws-cdk/issues/7625), it requires the
client's secret, and Gatepass hands out no refresh tokens."""
DEFAULT_FLOWS: Final = (REFRESH, "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH")
FIXED: Final = (
    "this is fixed when a pool is created: leave ExistingUserPoolId empty, so that the stack makes a pool, and import "
    "the users into it"
)
PAST_GATEPASS: Final = "can sign up, reset and guess passwords past Gatepass's limits"


@dataclass(frozen=True)
class Finding:
    """A finding about a pool. A fault means that accounts or quotas are not safe, or that nobody can register."""

    fault: bool
    what: str
    remedy: str

    def __str__(self) -> str:
        """As it is printed."""
        return f"{self.what}: {self.remedy}"


def check_pool(
    pool: Mapping[str, Any], clients: Sequence[Mapping[str, Any]], client_id: str | None
) -> list[Finding]:  # fmt: skip
    """Check a pool (`UserPool`) and all its clients (`UserPoolClient`). `client_id` is Gatepass's own, if known."""
    ours = [client for client in clients if client["ClientId"] == client_id]
    found = [*_check_settings(pool)]
    if client_id and not ours:
        found.append(_fault(f"the pool has no client {client_id}", "deploy the stack again, which makes one"))
    for client in clients:
        found += _check_ours(pool, client) if client in ours else _check_other(pool, client)
    return found


def _fault(what: str, remedy: str) -> Finding:
    return Finding(True, what, remedy)


def _warning(what: str, remedy: str) -> Finding:
    return Finding(False, what, remedy)


def _check_settings(pool: Mapping[str, Any]) -> Iterator[Finding]:
    if "email" not in pool.get("UsernameAttributes", ()):
        yield _fault("the email address is not the user name (UsernameAttributes lacks email)", FIXED)
    email: Mapping[str, Any] = next((a for a in pool.get("SchemaAttributes", ()) if a.get("Name") == "email"), {})
    if email.get("Mutable", True):
        yield _fault("users can change their email address (the attribute email is mutable)", FIXED)
    if pool.get("UsernameConfiguration", {}).get("CaseSensitive", True):
        yield _fault("two spellings of one address are two users (UsernameConfiguration: CaseSensitive)", FIXED)
    if "email" not in pool.get("AutoVerifiedAttributes", ()):
        yield _fault("no code is mailed at registration", "set AutoVerifiedAttributes to [email]")
    if pool.get("VerificationMessageTemplate", {}).get("DefaultEmailOption") == "CONFIRM_WITH_LINK":
        yield _fault(
            "registrations are confirmed by a link instead of a code",
            "set DefaultEmailOption of VerificationMessageTemplate to CONFIRM_WITH_CODE",
        )
    recovery = pool.get("AccountRecoverySetting", {}).get("RecoveryMechanisms", ())
    if [one["Name"] for one in sorted(recovery, key=lambda one: one["Priority"])][:1] != ["verified_email"]:
        yield _fault(
            "a forgotten password is not reset by the verified email address first (AWS prefers SMS by default)",
            "give verified_email priority 1 in AccountRecoverySetting",
        )
    if pool.get("AdminCreateUserConfig", {}).get("AllowAdminCreateUserOnly", False):
        yield _fault("only administrators can create users", "set AllowAdminCreateUserOnly to false")
    mfa = pool.get("MfaConfiguration", "OFF")
    if mfa == "ON":
        yield _fault("sign-in requires a second factor, which Gatepass does not support", "set MfaConfiguration to OFF")
    elif mfa != "OFF":
        yield _warning("users who turned a second factor on cannot sign in", "set MfaConfiguration to OFF")
    if pool.get("LambdaConfig", {}).get("PreSignUp"):
        # https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-sign-up.html
        yield _warning(
            "a PreSignUp trigger handles registrations",
            "check that it never sets autoConfirmUser or autoVerifyEmail, which would count as a proof of the address",
        )


def _check_ours(pool: Mapping[str, Any], client: Mapping[str, Any]) -> Iterator[Finding]:
    name = f"Gatepass's client {client['ClientId']}"
    again = "deploy the stack again, which corrects its client"
    if not client.get("ClientSecret"):
        yield _fault(f"{name} has no secret: anybody who knows its id {PAST_GATEPASS}", again)
    flows = set(client.get("ExplicitAuthFlows") or DEFAULT_FLOWS)
    if others := sorted(flows - {ADMIN_SIGN_IN, REFRESH}):
        yield _fault(f"{name} lets users sign in past Gatepass ({', '.join(others)})", again)
    if ADMIN_SIGN_IN not in flows:
        yield _fault(f"{name} does not let Gatepass sign users in ({ADMIN_SIGN_IN} is missing)", again)
    if _has_pages(pool, client):
        yield _fault(f"{name} has Cognito's own pages, where anybody {PAST_GATEPASS}", again)
    if client.get("PreventUserExistenceErrors", "LEGACY") != "ENABLED":
        yield _warning(f"{name} reveals who is registered", "set PreventUserExistenceErrors to ENABLED")
    if others := sorted(set(client.get("SupportedIdentityProviders", ())) - {"COGNITO"}):
        yield _warning(
            f"{name} takes users of other identity providers ({', '.join(others)})",
            "set SupportedIdentityProviders to [COGNITO]: Cognito does not verify their addresses",
        )


def _check_other(pool: Mapping[str, Any], client: Mapping[str, Any]) -> Iterator[Finding]:
    name = f"the client {client['ClientId']} ({client.get('ClientName', '')})"
    if not client.get("ClientSecret"):
        yield _warning(
            f"{name} has no secret: anybody who knows its id {PAST_GATEPASS}",
            "delete it once nothing uses it, or replace it by a client with a secret",
        )
    elif _has_pages(pool, client):
        yield _warning(
            f"{name} has Cognito's own pages, where anybody {PAST_GATEPASS}",
            "delete it or the pool's domain once nothing uses them",
        )


def _has_pages(pool: Mapping[str, Any], client: Mapping[str, Any]) -> bool:
    """Whether Cognito's managed login serves this client; it signs users up without the client's secret."""
    served = bool(pool.get("Domain") or pool.get("CustomDomain"))
    flows = {"code", "implicit"} & set(client.get("AllowedOAuthFlows", ()))
    return served and bool(client.get("AllowedOAuthFlowsUserPoolClient", False) and flows)
