"""A user is named by id or by email address, once, and no address is repeated."""

import pytest

from tests.gatepass.commands.conftest import Shop
from tests.support import emulators
from tests.support.command import Command
from tests.support.proxy import proxy
from tests.support.signer import SOLUTION, USER

ADDRESS = "jane.doe+test@example.com"


class Pool:
    def __init__(self, shop: Shop) -> None:
        self.client = emulators.client("cognito-idp", shop.environment["AWS_ENDPOINT_URL"])
        self.id = self.client.create_user_pool(PoolName="t")["UserPool"]["Id"]
        shop.environment["GATEPASS_USER_POOL_ID"] = self.id

    def add(self, name: str, email: str) -> str:
        attributes = [{"Name": "email", "Value": email}]
        made = self.client.admin_create_user(UserPoolId=self.id, Username=name, UserAttributes=attributes)["User"]
        return next(str(a["Value"]) for a in made["Attributes"] if a["Name"] == "sub")


@pytest.fixture
def pool(shop: Shop) -> Pool:
    return Pool(shop)


def test_every_verb_takes_an_address_in_place_of_an_id_and_repeats_it_nowhere(shop: Shop, pool: Pool) -> None:
    pool.add("other", "jane.doe+test@example.com.evil.example")
    sub, who = pool.add("jane", ADDRESS), ("--email", ADDRESS)
    runs = [
        shop("grant", *who, "--solution", SOLUTION, "--plan", "pack-100"),
        shop("add-credits", *who, "--solution", SOLUTION, "--credits", "5"),
        shop("set-plan", *who, "--solution", SOLUTION, "--plan", "pro", "--until", "2099-12-31"),
        shop("list", *who),
        shop("list", *who, "--solution", SOLUTION, "--json"),
        shop("show", *who, "--solution", SOLUTION),
        shop.run("tokens", "mint", *who, "--solution", SOLUTION),
        shop.run("tokens", "rotate", *who, "--solution", SOLUTION),
        shop("suspend", *who, "--solution", SOLUTION),
        shop("resume", *who, "--solution", SOLUTION),
        shop("revoke", *who, "--solution", SOLUTION),
        shop("export"),
    ]
    assert [run.returncode for run in runs] == [0] * len(runs)
    assert all(sub in run.stdout for run in runs if not run.stdout.startswith("gp1_"))
    assert not any(ADDRESS in run.stdout + run.stderr for run in runs)
    assert ADDRESS not in repr(shop.items(""))
    assert len(shop.items("solution#")) == 1


def test_who_cannot_be_found_by_address_is_named_neither(shop: Shop, pool: Pool) -> None:
    pool.add("jane", ADDRESS)
    twins = sorted([pool.add("a", "twin@example.com"), pool.add("b", "twin@example.com")])

    def refused(address: str) -> str:
        run = shop("grant", "--email", address, "--solution", SOLUTION)
        assert (run.returncode, run.stdout, address in run.stderr, "Traceback" in run.stderr) == (1, "", False, False)
        return run.stderr

    assert "no user of the pool" in refused("jane.doe+test@example.co")
    assert "no user of the pool" in refused(ADDRESS.upper())
    assert ", ".join(twins) in refused("twin@example.com")
    shop.environment["GATEPASS_USER_POOL_ID"] = "us-east-1_nowhere"
    assert "check GATEPASS_USER_POOL_ID" in refused(ADDRESS)
    shop.environment["AWS_ENDPOINT_URL_DYNAMODB"] = shop.environment["AWS_ENDPOINT_URL"]
    shop.environment["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{emulators.free_port()}"
    assert "Cognito gave no answer" in refused(ADDRESS)
    del shop.environment["AWS_ENDPOINT_URL"]
    assert "must both be AWS's or both emulated" in refused(ADDRESS)
    del shop.environment["GATEPASS_USER_POOL_ID"]
    assert "set GATEPASS_USER_POOL_ID" in refused(ADDRESS)
    assert shop.items("solution#") == []


def test_what_could_leave_the_quotes_of_a_filter_never_gets_there(shop: Shop, pool: Pool) -> None:
    with proxy(shop.environment["AWS_ENDPOINT_URL"]) as between:
        shop.environment["AWS_ENDPOINT_URL"] = between.url
        for address in (
            'a" or email ^= "',
            'x"@example.com',
            "x\\@example.com",
            "x",
            "",
            "a @b",
            "a@\x07b",
            "a" * 250 + "@b",
        ):
            run = shop("grant", "--email", address, "--solution", SOLUTION)
            assert (run.returncode, "not an email address that can be looked up" in run.stderr) == (1, True)
    assert between.calls == []


def test_a_user_is_named_once(shop: Shop) -> None:
    assert shop("show", "--solution", SOLUTION).returncode == 2
    assert shop("show", "--user", USER, "--email", ADDRESS, "--solution", SOLUTION).returncode == 2


@pytest.mark.parametrize("user", ["someone@example.com", USER.upper(), "x"])
def test_a_user_is_named_by_id_alone(gatepass: Command, user: str) -> None:
    run = gatepass("entitlements", "grant", "--user", user, "--solution", "faiss-search")
    assert (run.returncode, "Cognito sub" in run.stderr) == (1, True)
