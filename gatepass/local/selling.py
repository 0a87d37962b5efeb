"""Payments of the local stack: Razorpay's stand-in, its keys in the emulated Secrets Manager, and the job."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from gatepass.local.emulated_aws import REGION, EmulatedAws
from gatepass.local.razorpay import LocalRazorpay

SECRET: Final = "gatepass-local/razorpay"
KEYS: Final = {"key_id": "rzp_test_local", "key_secret": "local-key-secret", "webhook_secret": "local-webhook-secret"}
JOB_SECONDS: Final = 5.0
"""The pause between two runs of the job, which AWS runs every minute."""


@contextmanager
def local_razorpay(port: int) -> Iterator[LocalRazorpay]:
    """Run the stand-in, and let this process and its commands find it, as the variables of the token service do."""
    key_id, key_secret, webhook_secret = KEYS["key_id"], KEYS["key_secret"], KEYS["webhook_secret"]
    with LocalRazorpay(key_id=key_id, key_secret=key_secret, webhook_secret=webhook_secret, port=port) as razorpay:
        os.environ.update(GATEPASS_RAZORPAY_URL=razorpay.url, GATEPASS_RAZORPAY_SECRET=SECRET)
        yield razorpay


@contextmanager
def taking_payments(aws: EmulatedAws, razorpay: LocalRazorpay, solution_file: Path, service_url: str) -> Iterator[None]:
    """Store the keys, push the solution's plans, deliver events to the token service, and run the job meanwhile."""
    import boto3

    session: Any = boto3.session.Session(region_name=REGION)
    client = session.client("secretsmanager", endpoint_url=aws.endpoint)
    client.create_secret(Name=SECRET, SecretString=json.dumps(KEYS))
    aws.require("razorpay", "plans", "push", str(solution_file))
    razorpay.deliver_to(f"{service_url}/v1/webhooks/razorpay")
    ended = threading.Event()
    thread = threading.Thread(target=_job, args=(ended,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        razorpay.deliver_to(None)
        ended.set()
        thread.join()


def _job(ended: threading.Event) -> None:
    from token_service.payments_handler import payments_of, work

    payments = payments_of(os.environ)
    while not ended.wait(JOB_SECONDS):
        with suppress(Exception):  # the next run tries again, as on AWS
            work(payments, time.time(), lambda: 60.0)
