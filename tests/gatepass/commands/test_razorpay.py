"""`gatepass razorpay plans push`: each recurring price gets one Razorpay plan, however often it is pushed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from entitlements.items import razorpay_plans_key
from tests.gatepass.commands.conftest import Till
from tests.support.signer import SOLUTION


@pytest.fixture
def file(till: Till, tmp_path: Path) -> str:
    """The file of a solution none of whose plans is pushed."""
    with till.seller.account() as account:
        account._plans.clear()
    till.seller.table.client.delete_item(TableName=till.seller.table.name, Key=razorpay_plans_key(SOLUTION).wire)
    return written(tmp_path, till.seller.solution.to_mapping())


def written(folder: Path, mapping: dict[str, Any]) -> str:
    path = folder / "solution.yaml"
    path.write_text(yaml.safe_dump(mapping, sort_keys=False))
    return str(path)


def ids(till: Till) -> list[str]:
    with till.seller.account() as account:
        return [str(plan["id"]) for plan in account.plans()]


def push(till: Till, *arguments: str) -> list[str]:
    """What was done with each plan."""
    run = till("razorpay", "plans", "push", *arguments)
    assert run.returncode == 0, run.stderr
    return [line.partition("): ")[2] for line in run.stdout.splitlines()]


def test_the_first_push_creates_the_plans_and_later_ones_nothing(till: Till, file: str) -> None:
    run = till("razorpay", "plans", "push", file)
    assert run.returncode == 0, run.stderr
    pro, most = ids(till)
    assert run.stdout.splitlines() == [
        f"{SOLUTION} pro, ₹499.00 every month (test): created {pro}",
        f"{SOLUTION} max, ₹999.00 every month (test): created {most}",
    ]
    assert push(till, file) == [f"{pro} is there already", f"{most} is there already"]
    assert ids(till) == [pro, most]
    assert till.seller.order("pro").startswith("sub_")


def test_a_dry_run_makes_and_remembers_nothing(till: Till, file: str) -> None:
    assert push(till, file, "--dry-run") == ["would be created"] * 2
    assert (ids(till), till.seller.payments.razorpay_plans.pushed(SOLUTION)) == ([], {})
    push(till, file)
    till.seller.payments.razorpay_plans.remember(SOLUTION, {})
    assert push(till, file, "--dry-run") == [f"{plan} would be remembered" for plan in ids(till)]
    assert till.seller.payments.razorpay_plans.pushed(SOLUTION) == {}


@pytest.mark.parametrize("lost", [1, 2])
def test_a_push_whose_answer_was_lost_is_repeated_without_a_second_plan(till: Till, file: str, lost: int) -> None:
    """The first answer is the list of plans, the second that of the first plan."""
    original, answers = till.seller.server.answer, 0

    def losing(request):
        nonlocal answers
        answers += 1
        if answers == lost + 1:
            till.seller.server.lose_answers(1)
        return original(request)

    till.seller.server.answer = losing
    run = till("razorpay", "plans", "push", file)
    assert (run.returncode, "Razorpay gave no usable answer" in run.stderr) == (1, True)
    assert len(ids(till)) == lost
    found = push(till, file)
    assert [one.split()[0] for one in found][lost - 1 :][:1] == ["found"]
    assert len(ids(till)) == 2
    assert all(one.endswith("is there already") for one in push(till, file))


def test_a_new_price_is_a_new_plan_and_the_old_one_stays_known(till: Till, file: str, tmp_path: Path) -> None:
    push(till, file)
    mapping = till.seller.solution.to_mapping()
    mapping["plans"]["pro"]["price"]["amount"] = 59900
    done = push(till, written(tmp_path, mapping))
    assert [one.split()[0] for one in done] == ["created", ids(till)[1]]
    assert set(till.seller.payments.razorpay_plans.pushed(SOLUTION).values()) == set(ids(till))
    assert push(till, written(tmp_path, till.seller.solution.to_mapping()))[0].endswith("is there already")


def test_test_and_live_keys_have_plans_of_their_own(till: Till, file: str) -> None:
    push(till, file)
    till.change_secret(key_id="rzp_live_key")
    till.seller.server._key_id = "rzp_live_key"
    with till.seller.account() as account:
        tested = account._plans.copy()
        account._plans.clear()
    assert [one.split()[0] for one in push(till, file)] == ["created", "created"]
    item = till.seller.table.get(razorpay_plans_key(SOLUTION))
    assert item is not None
    assert set(item) == {"pk", "sk", "test", "live"}
    assert all(plan in item["test"] for plan in tested)
    assert all(plan in item["live"] for plan in ids(till))


def test_keys_of_another_account_get_plans_there(till: Till, file: str) -> None:
    push(till, file)
    with till.seller.account() as account:
        account._plans.clear()
    assert [one.split()[0] for one in push(till, file)] == ["created", "created"]
    assert set(till.seller.payments.razorpay_plans.pushed(SOLUTION).values()) == set(ids(till))


def test_a_solution_without_recurring_prices_has_nothing_to_push(till: Till, tmp_path: Path) -> None:
    mapping = till.seller.solution.to_mapping()
    mapping["plans"] = {name: plan for name, plan in mapping["plans"].items() if name not in ("pro", "max")}
    run = till("razorpay", "plans", "push", written(tmp_path, mapping))
    assert (run.returncode, run.stdout) == (0, f"{SOLUTION}: no recurring prices, so nothing to push\n")


def test_what_razorpay_refuses_names_the_plan(till: Till, file: str) -> None:
    original = till.seller.server.answer

    def refusing(request):
        if b'"max' in request.body:
            request = replace(request, body=request.body.replace(b"monthly", b"monthlyish"))
        return original(request)

    till.seller.server.answer = refusing
    run = till("razorpay", "plans", "push", file)
    assert (run.returncode, run.stdout.count("created")) == (1, 1)
    assert f"Razorpay refused the plan max of {SOLUTION}: The selected period is invalid." in run.stderr
    assert len(till.seller.payments.razorpay_plans.pushed(SOLUTION)) == 1


def test_without_keys_or_with_a_broken_file_nothing_is_pushed(till: Till, file: str) -> None:
    broken = Path(file).with_name("broken.yaml")
    broken.write_text("solution_id: x")
    run = till("razorpay", "plans", "push", file, str(broken))
    assert (run.returncode, str(broken) in run.stderr) == (1, True)
    till.without_keys()
    run = till("razorpay", "plans", "push", file)
    assert (run.returncode, "set GATEPASS_RAZORPAY_SECRET" in run.stderr) == (1, True)
    assert ids(till) == []


# ---- solutions apply -------------------------------------------------------------------------------------------------


def test_apply_refuses_a_recurring_price_without_a_plan_once_plans_were_pushed(
    till: Till, file: str, tmp_path: Path
) -> None:
    till.without_keys()
    assert till("solutions", "apply", file).returncode == 0  # not sold by Razorpay yet
    till.environment["GATEPASS_RAZORPAY_SECRET"] = till.secret_name
    push(till, file)
    assert till("solutions", "apply", file).returncode == 0
    mapping = till.seller.solution.to_mapping()
    mapping["plans"]["pro"]["price"]["amount"] = 59900
    changed = written(tmp_path, mapping)
    for more in ([], ["--dry-run"]):
        run = till("solutions", "apply", changed, *more)
        assert (run.returncode, run.stdout) == (1, "")
        assert "Razorpay has no plan for pro (₹599.00 every month) in test mode" in run.stderr
        assert f"run gatepass razorpay plans push {changed} with the test keys first" in run.stderr
    push(till, changed)
    till.without_keys()
    assert till("solutions", "apply", changed).returncode == 0


def test_once_plans_are_pushed_with_live_keys_those_count(till: Till, file: str, tmp_path: Path) -> None:
    push(till, file)
    till.change_secret(key_id="rzp_live_key")
    till.seller.server._key_id = "rzp_live_key"
    push(till, file)
    mapping = till.seller.solution.to_mapping()
    mapping["plans"]["pro"]["price"]["amount"] = 59900
    changed = written(tmp_path, mapping)
    assert "in live mode" in till("solutions", "apply", changed).stderr
    push(till, changed)
    assert till("solutions", "apply", changed).returncode == 0
