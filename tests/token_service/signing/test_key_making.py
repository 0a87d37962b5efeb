"""Making keys in KMS: cut off anywhere and repeated, nothing is made twice without a word, and nothing is forgotten."""

import logging
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from entitlements.items import keyring_init_key, keyring_key
from entitlements.keyring import KeyRing, PendingKey
from entitlements.refusals import Refused
from gatepass import cli
from gatepass.environment import Environment
from gatepass.refusals import CommandError
from tests.support import emulators
from tests.support.market import Marketplace
from tests.support.power import Power
from tests.support.scripted import CLOSE, error, scripted
from tests.support.signer import SOLUTION, USER
from tests.support.table import Table
from token_service.repository import Repository
from token_service.signing.key_lifecycle import AUTHORIZED_AFTER
from token_service.signing.key_making import ANNOUNCED
from token_service.signing.keys import Keys
from token_service.signing.kms import CREATE_ATTEMPTS, Kms
from token_service.signing.rotation import advance, rotate


class Workshop:
    """A market whose key ring is changed by clients of its own, which can be cut off. `made` holds KMS's new keys."""

    def __init__(self, table: Table, moto: str) -> None:
        self.table, self.moto, self.made = table, moto, set[str]()
        self.market = Marketplace(table, moto)
        self.dynamodb = emulators.client("dynamodb", table.client.meta.endpoint_url)
        self.kms = kms_client(moto, self.made)
        self.power = Power(self.dynamodb, self.kms)
        repository = Repository(self.dynamodb, table.name)
        self.keys = Keys(repository, lambda: Kms(self.kms), self.market.clock, "schedule", lambda: "t")
        self.first = self.keys.ring()

    def reset(self) -> None:
        self.table.put_ring(self.first)
        self.made.clear()


def kms_client(endpoint: str, made: set[str]) -> Any:
    """A client that keeps the ARNs of the keys that KMS made for it, whatever becomes of the answer."""

    def after(model: Any, parsed: Any, **_: Any) -> None:
        if model.name == "CreateKey":
            made.add(parsed["KeyMetadata"]["Arn"])

    client = emulators.client("kms", endpoint)
    client.meta.events.register("after-call.*", after)
    return client


@pytest.fixture
def workshop(table: Table, moto_endpoint: str) -> Workshop:
    return Workshop(table, moto_endpoint)


def retried(work: Callable[[], object], workshop: Workshop) -> None:
    try:
        work()
    except Refused as refused:
        if refused.code != "key_announced":
            raise
        workshop.market.now += ANNOUNCED
        work()


@pytest.mark.parametrize("kind", ["signing", "mac"])
def test_wherever_a_run_is_cut_off_the_next_uses_its_key_or_says_that_one_may_be_lost(
    workshop: Workshop, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    seen, lost = [], set()

    def work() -> None:
        if kind == "mac":
            workshop.keys.replace_mac_key(in_haste=True)
        elif len(workshop.keys.ring().keys) == 1:
            workshop.keys.create()

    def in_use() -> set[str]:
        ring = workshop.keys.ring()
        return {ring.keys[-1].kms_key_id} if kind == "signing" else {ring.mac_key_id}

    for where in workshop.power.cuts(work, workshop.reset):
        seen.append(where)
        caplog.clear()
        made, pending = set(workshop.made), workshop.keys.pending(kind)
        assert len(made) <= 1
        unrecorded = pending is not None and not pending.kms_key_id
        if not made & in_use():
            retried(work, workshop)
        assert workshop.keys.ring().pending == {}
        assert ("a key may have been made in KMS" in caplog.text) == unrecorded, where
        assert workshop.made - in_use() == (made if unrecorded else set()), where
        if workshop.made - in_use():
            lost.add(where)
    assert any(where.endswith("CreateKey") for where in seen)
    # From KMS's making the key to the ring's having it: read, and written.
    assert len(lost) == 4


def test_an_init_that_is_cut_off_anywhere_makes_no_third_key(
    table: Table, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    made = set[str]()
    dynamodb, kms = emulators.client("dynamodb", table.client.meta.endpoint_url), kms_client(moto_endpoint, made)
    power = Power(dynamodb, kms)
    monkeypatch.setattr(
        Environment, "_client", lambda _, service, *rest, **more: {"dynamodb": dynamodb, "kms": kms}[service]
    )
    monkeypatch.setenv("GATEPASS_TABLE", table.name)
    monkeypatch.setenv("GATEPASS_USER_POOL_ID", "")
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", table.client.meta.endpoint_url)
    now = [1_795_478_400.0]
    monkeypatch.setattr("time.time", lambda: now[0])

    def setup() -> None:
        for key in (keyring_key(), keyring_init_key()):
            table.client.delete_item(TableName=table.name, Key=key.wire)
        made.clear()

    def init() -> int:
        return cli.main(["init"])

    for where in power.cuts(init, setup):
        caplog.clear()
        now[0] += ANNOUNCED
        assert init() == 0, where
        ring = KeyRing.from_item(table.get(keyring_key()) or {})
        lost = made - {ring.signing_key.kms_key_id, ring.mac_key_id}
        assert len(lost) == ("a key may have been made in KMS" in caplog.text and bool(lost)), where
        assert table.get(keyring_init_key()) is None
    assert len(made) == 2


@pytest.mark.parametrize("failure", [CLOSE, error("KMSInternalException", "500 Internal Server Error")])
def test_create_key_is_sent_once_and_what_it_may_have_made_is_named(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, failure: Any
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with scripted(failure) as kms:
        environment = Environment("t", "us-east-1", workshop.dynamodb.meta.endpoint_url, kms.url)
        workshop.keys._kms = lambda: environment.key_kms
        with pytest.raises(Refused, match=r"a key may have been made in KMS at .* gatepass:stack = t") as caught:
            workshop.keys.create()
        assert caught.value.code == "kms_unavailable"
        assert len(kms.requests) == CREATE_ATTEMPTS == 1


def test_a_key_that_kms_refused_to_make_leaves_nothing_behind(workshop: Workshop) -> None:
    with scripted(error("AccessDeniedException")) as kms:
        workshop.keys._kms = lambda: Kms(emulators.client("kms", kms.url))
        with pytest.raises(Refused, match="AccessDeniedException") as caught:
            workshop.keys.create()
        assert caught.value.code == "kms_refused"
    assert workshop.keys.ring().pending == {}


class Tagless:
    """A KMS that knows of a key's tag only minutes later: until then it refuses all use of it."""

    def __init__(self, workshop: Workshop, refused: str, status: int = 400) -> None:
        self.workshop, self.refused, self.status = workshop, refused, status
        self.client = workshop.kms
        self.made: dict[str, float] = {}

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> Any:
            now = self.workshop.market.now
            made = self.made.get(request.get("KeyId", ""), 0)
            if name == self.refused and now < made + AUTHORIZED_AFTER:
                error = {
                    "Code": "AccessDeniedException" if self.status == 400 else "KMSInternalException",
                    "Message": "",
                }
                raise ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": self.status}}, name)
            answer = getattr(self.client, name)(**request)
            if name == "create_key":
                self.made[answer["KeyMetadata"]["Arn"]] = now
            return answer

        return call


def test_a_schedule_leaves_a_key_that_it_may_not_read_yet_to_its_next_run(workshop: Workshop) -> None:
    kms, lines = Tagless(workshop, "get_public_key"), list[str]()
    workshop.keys._kms = lambda: Kms(kms)

    def run() -> list[str]:
        advance(workshop.keys, workshop.market.clock, lines.append)
        return [key.state.value for key in workshop.keys.ring().keys]

    assert run() == ["signing"]
    assert "left to the next run" in lines[-1]
    assert "run this again in 300 s" in lines[-1]
    (made,) = workshop.made
    pending = workshop.keys.pending("signing")
    assert pending is not None
    assert pending.kms_key_id == made
    workshop.market.now += AUTHORIZED_AFTER
    assert run() == ["signing", "published"]
    workshop.market.now += AUTHORIZED_AFTER
    assert run() == ["verifying", "signing"]
    assert workshop.made == {made}


def test_a_schedule_raises_when_kms_goes_on_refusing(workshop: Workshop) -> None:
    kms = Tagless(workshop, "get_public_key")
    workshop.keys._kms = lambda: Kms(kms)
    advance(workshop.keys, workshop.market.clock, lambda _: None)
    workshop.market.now += AUTHORIZED_AFTER
    kms.made = dict.fromkeys(kms.made, workshop.market.now)
    with pytest.raises(Refused, match="or with --anew if that key is gone from KMS"):
        advance(workshop.keys, workshop.market.clock, lambda _: None)
    assert len(workshop.made) == 1


def test_the_command_waits_for_a_key_that_it_may_not_read_yet(workshop: Workshop) -> None:
    kms, waits = Tagless(workshop, "get_public_key"), list[int]()
    workshop.keys._kms = lambda: Kms(kms)

    def wait(seconds: int) -> None:
        waits.append(seconds)
        workshop.market.now += seconds

    assert rotate(workshop.keys, workshop.market.clock, wait, lambda _: None)
    assert waits == [300, 65]
    assert [key.state.value for key in workshop.keys.ring().keys] == ["verifying", "signing"]


@pytest.mark.parametrize(("status", "code"), [(400, "kms_refused"), (500, "kms_unavailable")])
def test_while_kms_does_not_sign_users_get_the_token_that_they_have(
    workshop: Workshop, caplog: pytest.LogCaptureFixture, status: int, code: str
) -> None:
    market = workshop.market
    market.access.grant(USER, SOLUTION)
    token = market.minting.mint(USER, SOLUTION)
    old = market.keys.ring().signing_key.kid
    market.rotate()
    kms = Tagless(workshop, "sign", status)
    kms.made[market.keys.ring().signing_key.kms_key_id] = market.now
    market.minting._kms = Kms(kms)
    with caplog.at_level(logging.WARNING, "token-service"):
        assert market.minting.mint(USER, SOLUTION) == market.refresh(token) == token
    assert [getattr(record, "code", "") for record in caplog.records] == [code] * 2
    assert old in caplog.text
    assert token.split(".")[0] not in caplog.text
    assert market.decide(token) == "ok"
    # What would be no good, or another token, is not handed out.
    with pytest.raises(Refused, match=r"KMS .* sign"):
        market.minting.rotate(USER, SOLUTION)
    market.access.drop_token(USER, SOLUTION)
    with pytest.raises(Refused, match=r"KMS .* sign"):
        market.minting.mint(USER, SOLUTION)
    market.now += AUTHORIZED_AFTER
    assert market.decide(market.minting.mint(USER, SOLUTION)) == "ok"


def test_a_token_of_a_key_that_is_revoked_or_retired_is_not_handed_out(workshop: Workshop) -> None:
    market = workshop.market
    users = [secrets.token_hex(4) + USER[8:] for _ in range(2)]
    tokens = []
    for user in users:
        market.access.grant(user, SOLUTION)
        tokens.append(market.minting.mint(user, SOLUTION))
    old = market.keys.ring().signing_key.kid
    market.rotate()
    kms = Tagless(workshop, "sign")
    kms.made[market.keys.ring().signing_key.kms_key_id] = market.now
    market.minting._kms = Kms(kms)
    ring = market.keys.ring()
    for change in (lambda: market.keys.retire(old, force=True), lambda: market.keys.revoke(old, "leaked")):
        market.table.put_ring(ring)
        change()
        for user, token in zip(users, tokens, strict=True):
            with pytest.raises(Refused, match="KMS refused sign"):
                market.minting.mint(user, SOLUTION)
            with pytest.raises(Refused, match="KMS refused sign"):
                market.refresh(token)


def test_a_client_that_cannot_be_made_announces_nothing(workshop: Workshop) -> None:
    environment = Environment("t", "us-east-1", workshop.dynamodb.meta.endpoint_url, None)
    workshop.keys._kms = lambda: environment.key_kms
    with pytest.raises(CommandError, match="must both be AWS's or both emulated"):
        workshop.keys.create()
    assert workshop.keys.ring().pending == {}


def test_a_schedule_leaves_a_key_to_the_run_that_makes_it(workshop: Workshop) -> None:
    workshop.keys.set_pending("signing", None, PendingKey("", int(workshop.market.now)))
    lines: list[str] = []
    assert advance(workshop.keys, workshop.market.clock, lines.append)
    assert lines == ["left to the next run: another run is making a key: wait 120 s and run this again"]
    assert workshop.made == set()
