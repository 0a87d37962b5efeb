"""The token service's entry: reads the environment and wires the routes."""

import os
import time
from typing import Any, Final

import boto3
from botocore.config import Config

from entitlements.gate import Gate
from token_service.identity import IdentityVerifier
from token_service.kms import Kms
from token_service.minting import Minting
from token_service.repository import Repository
from token_service.routes import Services, make_app
from token_service.settings import Settings

ACTOR: Final = "user"
# A route makes at most four calls in a row: they end, one way or the other, within the function's 15 s.
BOUNDED: Final = Config(connect_timeout=0.5, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2})


def build(settings: Settings) -> Services:
    """The services that settings describe."""
    session: Any = boto3.session.Session(region_name=settings.region)
    dynamodb = session.client("dynamodb", endpoint_url=settings.dynamodb_endpoint, config=BOUNDED)
    kms = session.client("kms", endpoint_url=settings.endpoint, config=BOUNDED)
    repository = Repository(dynamodb, settings.table)
    return Services(
        gate=Gate(repository),
        minting=Minting(repository, Kms(kms), time.time, ACTOR),
        identity=IdentityVerifier(settings.issuer, settings.user_pool_client_id, settings.jwks_url),
    )


_app = make_app(build(Settings.read(os.environ)))


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an HTTP API event of payload 2.0."""
    return _app.resolve(event, context)
