"""The API under test on the local gateway, before the gate's own handler."""

import secrets
from collections.abc import Iterator

import pytest

from authorizer.handler import make_handler
from entitlements.gate import Gate
from gatepass.local.gateway import LocalGateway
from tests.conformance.local_apis import apis
from tests.conformance.model import ApiFormat, Target
from tests.conformance.seeded import seed
from tests.support import emulators
from tests.support.table import Table

REST_ID, HTTP_ID = "conformrest", "conformhttp"


@pytest.fixture(scope="module")
def target(moto_endpoint: str) -> Iterator[Target]:
    table = Table(emulators.client("dynamodb", moto_endpoint), f"t-{secrets.token_hex(6)}")
    tokens = seed(table, REST_ID, HTTP_ID)
    gate = make_handler(Gate(table.store), write=lambda _: None)
    rest, http = apis(gate, REST_ID, HTTP_ID)
    with LocalGateway(rest) as rest_gateway, LocalGateway(http) as http_gateway:
        urls = {
            ApiFormat.REST: rest_gateway.url,
            ApiFormat.HTTP_1: http_gateway.url,
            ApiFormat.HTTP_2: http_gateway.url,
        }
        yield Target("local gateway", urls, tokens)
