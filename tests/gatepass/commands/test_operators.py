"""Who may see usage: members of groups of the pool, added and removed by address or id."""

import json
import uuid

import pytest

from tests.gatepass.commands.conftest import Shop
from tests.gatepass.commands.test_users import ADDRESS, Pool
from tests.support.portal_stack import PortalStack
from tests.support.signer import SOLUTION


@pytest.fixture
def pool(shop: Shop) -> Pool:
    return Pool(shop)


def test_operators_and_owners_come_and_go(shop: Shop, pool: Pool) -> None:
    jane, john = pool.add("jane", ADDRESS), pool.add("john", "john@example.com")
    run = shop.run
    assert run("operators", "list").stdout.startswith("nobody may see usage: ")
    assert json.loads(run("operators", "list", "--json").stdout) == {}
    for _ in range(2):
        added = run("operators", "add", "--email", ADDRESS)
        assert added.returncode == 0, added.stderr
        assert (added.returncode, added.stdout.splitlines()[0]) == (0, f"{jane}: in operators")
        assert run("operators", "add", "--user", john, "--solution", SOLUTION).returncode == 0
    pool.client.create_group(UserPoolId=pool.id, GroupName="others")
    assert json.loads(run("operators", "list", "--json").stdout) == {"operators": [jane], f"owners-{SOLUTION}": [john]}
    for _ in range(2):
        assert run("operators", "remove", "--user", john, "--solution", SOLUTION).returncode == 0
    assert run("operators", "remove", "--user", john, "--solution", "gone").returncode == 0
    listed = run("operators", "list").stdout
    assert listed == f"operators: {jane}\nowners-{SOLUTION}: nobody\n"
    assert ADDRESS not in listed + added.stdout + added.stderr


def test_the_stack_tells_which_pool_it_has(shop: Shop, pool: Pool) -> None:
    jane = pool.add("jane", ADDRESS)
    del shop.environment["GATEPASS_USER_POOL_ID"]
    PortalStack(shop.environment["AWS_ENDPOINT_URL"], shop.environment["GATEPASS_TABLE"], False, UserPoolId=pool.id)
    assert shop.run("operators", "add", "--email", ADDRESS).returncode == 0
    assert json.loads(shop.run("operators", "list", "--json").stdout) == {"operators": [jane]}
    other = Pool(shop)
    listed = shop.run("operators", "list", "--json")
    assert (shop.environment["GATEPASS_USER_POOL_ID"], listed.stdout) == (other.id, "{}\n")


def test_what_is_wrong_is_said(shop: Shop, pool: Pool) -> None:
    stranger = str(uuid.uuid4())
    refused = shop.run("operators", "add", "--user", stranger)
    assert (refused.returncode, "there is no user" in refused.stderr) == (1, True)
    unknown = shop.run("operators", "add", "--user", pool.add("jane", ADDRESS), "--solution", "none-such")
    assert (unknown.returncode, "none-such" in unknown.stderr) == (1, True)
    del shop.environment["GATEPASS_USER_POOL_ID"]
    unset = shop.run("operators", "list")
    assert (unset.returncode, "GATEPASS_USER_POOL_ID" in unset.stderr) == (1, True)
