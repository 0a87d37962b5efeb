"""The token service's entry: reads the environment and wires the routes."""

import os
import time
from typing import Any

import boto3

from entitlements.gate import Gate
from token_service.identity import IdentityVerifier
from token_service.kms import Kms
from token_service.minting import Minting
from token_service.repository import Repository
from token_service.routes import Services, make_app
from token_service.settings import Settings

ACTOR = "user"


def build(settings: Settings) -> Services:
    """The services that settings describe."""
    session: Any = boto3.session.Session(region_name=settings.region)
    repository = Repository(session.client("dynamodb", endpoint_url=settings.dynamodb_endpoint), settings.table)
    return Services(
        gate=Gate(repository),
        minting=Minting(repository, Kms(session.client("kms", endpoint_url=settings.endpoint)), time.time, ACTOR),
        identity=IdentityVerifier(settings.issuer, settings.user_pool_client_id, settings.jwks_url),
    )


_app = make_app(build(Settings.read(os.environ)))


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an HTTP API event of payload 2.0."""
    return _app.resolve(event, context)
