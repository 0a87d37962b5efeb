"""docs/migrate.md, step by step: a marketplace with users, subscriptions, and an API of its own."""

import os
from pathlib import Path
from unittest import mock

import pytest

from gatepass.local.emulated_aws import EmulatedAws
from tests.gatepass.attach.conftest import ARN, World
from tests.gatepass.commands.conftest import Till
from tests.support.emulators import ROOT
from tests.support.portal_stack import PortalStack
from tests.support.runbook import SHELL, shell_blocks
from tests.support.signer import SOLUTION

FREE, PACK, PRO = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))


class OldMarketplace:
    """Its pool, its database, its subscription at Razorpay, and its API; and a shell for the page's blocks."""

    def __init__(self, till: Till, world: World, folder: Path) -> None:
        self.till, self.world, self.folder = till, world, folder
        self.blocks = shell_blocks("migrate.md")
        self.api = world.rest_api()
        (folder / "examples").symlink_to(ROOT / "examples")
        rows = [f"{FREE},registered,40,4,", f"{PACK},pro,7,7,2000000000", f"{PRO},registered,900,90,"]
        (folder / "users.csv").write_text("\n".join(["user_id,plan,total,today,paid_until", *rows, ""]))
        with till.seller.account() as account:
            item = {"name": "Pro", "amount": 49900, "currency": "INR"}
            plan = account.create_plan({"period": "monthly", "interval": 1, "item": item})
            self.subscription = account.create_subscription({"plan_id": plan["id"], "total_count": 12})["id"]
            account.authenticate(self.subscription)
        (folder / "subscriptions.csv").write_text(f"{self.subscription},{PRO},pro\n")

    def follow(self, title: str, **variables: str) -> str:
        """Run the next block of a section; what it prints."""
        lines = [f"cd '{self.folder}'", *(f"{name}='{value}'" for name, value in variables.items())]
        run = self.till.run.shell([*SHELL, "\n".join([*lines, self.blocks[title].pop(0)])])
        assert run.returncode == 0, run.stderr
        return run.stdout

    def shown(self, user: str) -> dict[str, object]:
        found: dict[str, object] = self.till.json("entitlements", "show", "--user", user, "--solution", SOLUTION)
        return found


@pytest.fixture
def old(till: Till, aws_endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> OldMarketplace:
    PortalStack(aws_endpoint, till.seller.table.name, AuthorizerArn=ARN)
    with mock.patch.dict(os.environ, {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}):
        EmulatedAws(aws_endpoint, tmp_path).create_user_pool()
        pool = {name: os.environ[name] for name in ("GATEPASS_USER_POOL_ID", "GATEPASS_USER_POOL_CLIENT_ID")}
    till.environment |= pool
    run = till("init", "--issuer", "example-marketplace")
    assert run.returncode == 0, run.stderr
    folder = tmp_path / "move"
    folder.mkdir()
    return OldMarketplace(till, World(aws_endpoint, monkeypatch, till.seller.table), folder)


def test_the_page_moves_users_subscriptions_and_the_api_and_leads_back(old: OldMarketplace) -> None:
    before = old.world.state(old.api, "REST")
    old.follow("1. Adopt the user pool")
    assert "imported 3, there already 0, bad 0" in old.follow("2. Import users and plans")
    assert [old.shown(user)["plan"] for user in (FREE, PACK, PRO)] == ["registered", "pro", "registered"]
    assert (old.shown(FREE)["total"], old.shown(PACK)["paid_until"]) == (40, 2_000_000_000)

    assert f"{SOLUTION} pro" in old.follow("3. Match the running subscriptions")
    assert f"{old.subscription} is pro of {SOLUTION} for {PRO}" in old.follow("3. Match the running subscriptions")
    told = old.follow("3. Match the running subscriptions", SINCE="2026-01-01")
    assert "1 repaired" in told
    assert PRO in told
    assert old.shown(PRO)["plan"] == "pro"

    old.follow("4. Replace the tokens in browsers", USER_ID=FREE)
    attach, before_attach = "5. Attach the API", old.world.routes(old.api, "REST")["POST /search"]
    assert "POST /search" in old.follow(attach, API_ID=old.api)
    assert old.world.routes(old.api, "REST")["POST /search"] != before_attach
    old.follow(attach, API_ID=old.api)
    assert old.world.state(old.api, "REST") == before
    assert [title for title, left in old.blocks.items() if left] == []
