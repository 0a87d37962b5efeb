"""The token service's environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from entitlements.settings import required


@dataclass(frozen=True, slots=True)
class Settings:
    """The function's settings."""

    table: str
    region: str
    user_pool_id: str
    user_pool_client_id: str
    stack: str
    endpoint: str | None = None
    dynamodb_endpoint: str | None = None
    razorpay_url: str = ""
    razorpay_secret: str = ""
    portal_secret: str = field(default="", repr=False)
    """What the portal's distribution proves itself with; empty without a portal."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the environment; an empty variable counts as unset. Raises `MissingSetting`."""
        endpoint = environment.get("AWS_ENDPOINT_URL") or None
        return cls(
            table=required(environment, "GATEPASS_TABLE", "the name of the DynamoDB table of the Gatepass stack"),
            region=environment.get("AWS_DEFAULT_REGION") or required(environment, "AWS_REGION", "the table's Region"),
            user_pool_id=required(environment, "GATEPASS_USER_POOL_ID", "the id of the Cognito user pool"),
            user_pool_client_id=required(environment, "GATEPASS_USER_POOL_CLIENT_ID", "the id of the pool's client"),
            stack=required(environment, "GATEPASS_STACK", "the name of the stack, the dimension of its metrics"),
            endpoint=endpoint,
            dynamodb_endpoint=environment.get("AWS_ENDPOINT_URL_DYNAMODB") or endpoint,
            razorpay_url=(environment.get("GATEPASS_RAZORPAY_URL") or "").rstrip("/"),
            razorpay_secret=environment.get("GATEPASS_RAZORPAY_SECRET") or "",
            portal_secret=environment.get("GATEPASS_PORTAL_SECRET") or "",
        )

    @property
    def issuer(self) -> str:
        """The `iss` of the pool's tokens."""
        return f"https://cognito-idp.{self.region}.amazonaws.com/{self.user_pool_id}"

    @property
    def jwks_url(self) -> str:
        """The URL of the pool's public keys."""
        base = f"{self.endpoint}/{self.user_pool_id}" if self.endpoint else self.issuer
        return f"{base}/.well-known/jwks.json"
