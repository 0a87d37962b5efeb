"""The services that the routes call, wired once per container."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.config import Config

from entitlements.gate import Gate
from token_service.access.grants import Access
from token_service.access.minting import Minting
from token_service.metrics import metric_line
from token_service.payments.secrets import reader
from token_service.payments.wiring import Payments, build_payments
from token_service.repository import Repository
from token_service.settings import Settings
from token_service.signing.kms import Kms
from token_service.usage.reports import Reports
from token_service.users.account import Accounts
from token_service.users.codes import Codes
from token_service.users.cognito import OF_THE_ACCOUNT, Cognito
from token_service.users.deletion import Deletion
from token_service.users.email_hashes import EmailHashes
from token_service.users.identity import IdentityVerifier
from token_service.users.limits import Limits
from token_service.users.registration import Registration
from token_service.users.sessions import Sessions
from token_service.web.origins import Origins
from token_service.web.problems import LOGGER

ACTOR: Final = "user"
# A decision or a mint makes at most four calls in sequence: even if all time out, they end within the function's 29 s.
BOUNDED: Final = Config(connect_timeout=0.5, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2})
# Cognito hashes passwords and sends mail before it answers. No retries: a second sign-up would find the first one.
PATIENT: Final = Config(connect_timeout=0.5, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1})


@dataclass(frozen=True)
class Services:
    """All services, for one container."""

    gate: Gate
    minting: Minting
    identity: IdentityVerifier
    sessions: Sessions
    limits: Limits
    access: Access
    registration: Registration
    accounts: Accounts
    deletion: Deletion
    origins: Origins
    payments: Payments
    reports: Reports
    clock: Callable[[], float] = time.time


def build(
    settings: Settings,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], object] = time.sleep,
    session: Any = None,
) -> Services:
    """Build the services. `session` is a boto3 session, which takes longer to create than everything else."""
    session = session or boto3.session.Session(region_name=settings.region)
    dynamodb = session.client("dynamodb", endpoint_url=settings.dynamodb_endpoint, config=BOUNDED)
    kms = Kms(session.client("kms", endpoint_url=settings.endpoint, config=BOUNDED))
    pool = session.client("cognito-idp", endpoint_url=settings.endpoint, config=PATIENT)
    repository = Repository(dynamodb, settings.table)

    def secrets_manager() -> Any:
        return session.client("secretsmanager", endpoint_url=settings.endpoint, config=BOUNDED)

    gate = Gate(repository)
    minting = Minting(repository, kms, clock, ACTOR)
    access = Access(repository, clock, ACTOR)
    cognito = Cognito(pool, settings.user_pool_id, settings.user_pool_client_id)
    sessions = Sessions(repository, cognito, clock)
    hashes = EmailHashes(kms, lambda: gate.directory.ring(clock()))
    limits = Limits(repository, hashes, clock)
    payments = build_payments(
        repository, clock, reader(secrets_manager, settings.razorpay_secret), settings.razorpay_url
    )
    deletion = Deletion(
        cognito, repository, access, sessions, hashes, gate.directory, payments.settlement.end_subscriptions, clock
    )

    def mail_failed(exception: str) -> None:
        LOGGER.error("Cognito sent no mail", code="mail_failed", exception=exception)
        if exception not in OF_THE_ACCOUNT:
            print(metric_line(settings.stack, clock(), mail_failed=(1, "Count")), flush=True)

    return Services(
        gate=gate,
        minting=minting,
        identity=IdentityVerifier(settings.issuer, settings.user_pool_client_id, settings.jwks_url, sessions),
        sessions=sessions,
        limits=limits,
        access=access,
        registration=Registration(
            cognito, repository, access, minting, sessions, limits, deletion, Codes(repository, clock), clock,
            mail_failed, sleep,
        ),
        accounts=Accounts(repository, gate.directory, clock),
        deletion=deletion,
        origins=Origins(repository, gate.directory, clock),
        payments=payments,
        reports=Reports(repository),
        clock=clock,
    )  # fmt: skip
