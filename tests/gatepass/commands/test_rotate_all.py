"""`gatepass tokens rotate --all`: every token minted before a time ends, whatever comes between, and none minted since."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from entitlements.items import StoreUnavailable, token_key
from gatepass import cli
from gatepass.commands import rotate_all
from gatepass.environment import Environment
from tests.support import emulators, preloaded
from tests.support.emulators import ROOT
from tests.support.market import Marketplace, bearer
from tests.support.power import Power
from tests.support.proxy import Answer, proxy
from tests.support.signer import SOLUTION
from tests.support.table import Table
from token_service.access.records import to_the_second

USERS = [f"00000000-0000-4000-8000-{n:012d}" for n in range(4)]


@pytest.fixture
def market(table: Table, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Marketplace:
    market = Marketplace(table, moto_endpoint)
    monkeypatch.setenv("GATEPASS_TABLE", table.name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", table.client.meta.endpoint_url)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # KMS is not needed
    monkeypatch.setattr(Environment, "_client", lambda *_, **__: table.client)
    monkeypatch.setattr("time.time", market.clock)
    monkeypatch.setattr("time.sleep", lambda seconds: setattr(market, "now", market.now + seconds))
    return market


def mint_all(market: Marketplace) -> list[str]:
    for user in USERS:
        market.access.grant(user, SOLUTION, "pro")
    return [market.minting.mint(user, SOLUTION) for user in USERS]


def command(*more: str) -> list[str]:
    return ["tokens", "rotate", "--all", "--solution", SOLUTION, *more]


def before(market: Marketplace) -> list[str]:
    return command("--before", to_the_second(int(market.now)))


def ends(market: Marketplace) -> list[str]:
    return sorted(item["pk"][5:] for item in market.table.all() if item.get("event") == "token_rotated_all")


def test_every_token_from_before_ends_and_plan_and_counters_stay(
    market: Marketplace, capsys: pytest.CaptureFixture[str]
) -> None:
    old = mint_all(market)
    market.access.suspend(USERS[1], SOLUTION)
    market.access.revoke(USERS[2], SOLUTION)
    assert market.decide(old[3]) == "ok"
    assert cli.main(command()) == 0
    assert f"ended 3 tokens of {SOLUTION} that were minted before 2026-11-24T00:00:01Z" in capsys.readouterr().out
    assert [market.decide(token) for token in old] == [
        "token_superseded", "entitlement_suspended", "entitlement_revoked", "token_superseded",
    ]  # fmt: skip
    assert ends(market) == [USERS[0], USERS[1], USERS[3]]
    market.access.resume(USERS[1], SOLUTION)
    assert market.decide(old[1]) == "token_superseded"
    assert market.table.get(token_key(USERS[3], SOLUTION)) is None
    new = market.minting.mint(USERS[3], SOLUTION)
    assert new != old[3]
    assert market.decide(new) == "ok"
    found = market.access.find(USERS[3], SOLUTION)
    assert found is not None
    assert (found.plan, found.total) == ("pro", 2)


def test_a_token_minted_since_stays_and_one_only_signed_since_does_not(market: Marketplace) -> None:
    old = mint_all(market)
    market.rotate()
    market.now += 1
    renewed = market.refresh(old[1])
    assert market.decide(renewed) == "ok"
    rotated = market.minting.rotate(USERS[2], SOLUTION)
    market.access.drop_token(USERS[3], SOLUTION)
    minted = market.minting.mint(USERS[3], SOLUTION)
    for _ in range(2):
        assert cli.main(before(market)) == 0
        assert [market.decide(token) for token in (old[0], renewed, rotated, minted)] == [
            "token_superseded", "token_superseded", "ok", "ok",
        ]  # fmt: skip
    assert ends(market) == USERS[:2]


def test_a_token_whose_time_is_not_stored_is_as_old_as_its_jws(market: Marketplace) -> None:
    mint_all(market)
    for user in USERS[:2]:
        market.table.client.update_item(
            TableName=market.table.name, Key=token_key(user, SOLUTION).wire, UpdateExpression="REMOVE minted_at"
        )
    market.table.client.delete_item(TableName=market.table.name, Key=token_key(USERS[2], SOLUTION).wire)
    assert cli.main(before(market)) == 0
    assert ends(market) == [USERS[2]]  # of which nothing is known
    market.now += 1
    assert cli.main(before(market)) == 0
    assert ends(market) == USERS


def test_cut_off_anywhere_and_continued_it_ends_each_token_once(market: Marketplace) -> None:
    power = Power(market.table.client)
    old: list[str] = []

    def setup() -> None:
        for item in market.table.all():
            if item["pk"].startswith("user#"):
                market.table.client.delete_item(
                    TableName=market.table.name, Key={name: {"S": item[name]} for name in ("pk", "sk")}
                )
        old[:] = mint_all(market)[:1]
        for user in USERS[1:]:
            market.access.revoke(user, SOLUTION)
        market.now += 1

    for where in power.cuts(lambda: cli.main(before(market)), setup):
        at = before(market)
        done = bool(ends(market))
        # Who signs in meanwhile keeps what they get.
        new = market.minting.mint(USERS[0], SOLUTION)
        assert cli.main(at) == 0
        assert market.decide(old[0]) == "token_superseded", where
        assert (market.decide(new) == "ok") == done, where
        assert ends(market) == [USERS[0]], where


class Held:
    """A client on which transactions about one user conflict with others, always."""

    def __init__(self, client: Any, user: str) -> None:
        self._client, self._user = client, user

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **request: Any) -> Any:
        if self._user in str(request):
            error = {"Error": {"Code": "TransactionCanceledException", "Message": ""}}
            raise ClientError(error | {"CancellationReasons": [{"Code": "TransactionConflict"}]}, "X")
        return self._client.transact_write_items(**request)


def test_a_busy_entitlement_is_named_at_the_end_and_stops_nothing(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mint_all(market)
    market.now += 1
    held = Held(market.table.client, USERS[1])
    with monkeypatch.context() as patch:
        patch.setattr("token_service.repository.CONFLICT_WAIT", 0)
        patch.setattr(Environment, "_client", lambda *_, **__: held)
        assert cli.main(before(market)) == 1
    told = capsys.readouterr()
    assert "ended 3 tokens" in told.out
    assert f"1 tokens were left, since others keep changing them: {USERS[1]}; run: gatepass" in told.err
    assert ends(market) == [USERS[0], *USERS[2:]]
    assert cli.main(before(market)) == 0
    assert ends(market) == USERS


def test_a_table_that_fails_stops_it_with_the_command_that_continues(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mint_all(market)
    market.now += 1

    def fail(*_: object) -> None:
        raise StoreUnavailable("DynamoDB gave no answer")

    monkeypatch.setattr(rotate_all, "_end", fail)
    arguments = before(market)
    assert cli.main(arguments) == 1
    assert f"stopped: continue with: gatepass {' '.join(arguments)}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (command("--user", USERS[0]), 2, "not allowed with argument"),
        (command("--email", "a@example.com"), 2, "not allowed with argument"),
        (["tokens", "rotate", "--solution", SOLUTION], 2, "is required"),
        (
            ["tokens", "rotate", "--user", USERS[0], "--solution", SOLUTION, "--before", "2026-01-01"],
            2,
            "requires --all",
        ),
        (command("--before", "yesterday"), 2, "is not a time: write 2027-03-31T18:00Z"),
        (command("--before", "9999-01-01"), 1, "is in the future"),
        (["tokens", "rotate", "--all", "--solution", "unheard-of"], 1, "there is no solution unheard-of"),
    ],
)
def test_wrong_use_ends_no_token(
    market: Marketplace, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, told: str
) -> None:
    mint_all(market)
    try:
        found = cli.main(arguments)
    except SystemExit as exit:
        found = exit.code  # type: ignore[assignment]
    assert (found, ends(market)) == (status, [])
    assert told in capsys.readouterr().err


def test_interrupted_it_names_the_command_that_continues_and_that_one_does(
    real_table: Table, moto_endpoint: str
) -> None:
    market = Marketplace(real_table, moto_endpoint)
    market.clock = time.time  # type: ignore[method-assign]
    market.minting._clock = time.time
    users = [f"00000000-0000-4000-8000-{n:012d}" for n in range(60)]
    for user in users:
        market.access.grant(user, SOLUTION)
        market.minting.mint(user, SOLUTION)
    endpoint = real_table.client.meta.endpoint_url
    environment = emulators.CREDENTIALS | {"AWS_ENDPOINT_URL_DYNAMODB": endpoint, "GATEPASS_TABLE": real_table.name}

    def slowly(_: str, forward: Callable[[], Answer]) -> Answer:
        time.sleep(0.05)
        return forward()

    with proxy(endpoint) as between, subprocess.Popen(
        preloaded.command(*command()), cwd=ROOT,
        env=os.environ | environment | {"AWS_ENDPOINT_URL_DYNAMODB": between.url},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        between.on_call = slowly
        assert run.stderr is not None
        first = run.stderr.readline()
        while not ends(market):
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        rest = run.stderr.read()
    again = re.search(r"continue with: gatepass (.*)", first)
    assert again is not None
    assert (run.returncode, f"interrupted: continue with: gatepass {again[1]}" in rest) == (1, True)
    assert 0 < len(ends(market)) < len(users)
    time.sleep(1)
    minted = market.minting.mint(ends(market)[0], SOLUTION)
    done = subprocess.run(preloaded.command(*again[1].split()), cwd=ROOT, env=os.environ | environment, check=True)
    assert done.returncode == 0
    assert ends(market) == users
    assert market.gates[0].decide(SOLUTION, bearer(minted), time.time()).allowed
