"""`gatepass portal publish` as operators use it, on a stack with a portal on an emulator."""

import pytest

from gatepass.published_script import published
from tests.support.command import Command
from tests.support.emulators import ROOT
from tests.support.portal_stack import TOKEN_SERVICE, URL, PortalStack
from tests.support.runbook import SHELL, runbook_of_the_portal
from tests.support.signer import SOLUTION

EXAMPLE = str(ROOT / "examples" / "faiss_search" / "solution.yaml")


@pytest.fixture
def stack(gatepass: Command, moto_endpoint: str) -> PortalStack:
    stack = PortalStack(moto_endpoint, gatepass.environment["GATEPASS_TABLE"])
    assert gatepass("solutions", "apply", EXAMPLE).returncode == 0
    return stack


def test_the_pages_are_published_with_their_settings_and_the_tag_is_told(gatepass: Command, stack: PortalStack) -> None:
    run = gatepass("portal", "publish", "--portal-name", 'Shop "A"', "--contact", "help@example.com")
    assert run.returncode == 0, run.stderr
    page = stack.objects["index.html"].decode()
    for name, content in {
        "portal-name": "Shop &quot;A&quot;",
        "token-service": "",
        "solutions": SOLUTION,
        "contact": "help@example.com",
        "razorpay-script": "https://checkout.razorpay.com/v1/checkout.js",
    }.items():
        assert f'<meta name="{name}" content="{content}">' in page
    guide = stack.objects["llms.txt"].decode()
    assert f"{URL}/my-solutions" in guide
    assert f"{TOKEN_SERVICE}/v1/validate" in guide
    assert "added: index.html\n" in run.stdout
    assert f"published {URL}/" in run.stdout
    assert run.stdout.endswith(f"{published().tag(URL, TOKEN_SERVICE)}\n")
    assert stack.invalidated == ["/*"]


def test_the_environment_names_the_site_for_every_publication(gatepass: Command, stack: PortalStack) -> None:
    gatepass.environment |= {"GATEPASS_PORTAL_NAME": "Shop B", "GATEPASS_PORTAL_CONTACT": "b@example.com"}
    assert gatepass("portal", "publish").returncode == 0
    page = stack.objects["index.html"].decode()
    assert 'name="portal-name" content="Shop B"' in page
    assert 'name="contact" content="b@example.com"' in page


def test_the_blocks_of_the_operations_page_run(gatepass: Command, stack: PortalStack) -> None:
    run = gatepass.shell([*SHELL, runbook_of_the_portal()])
    assert run.returncode == 0, run.stderr
    assert "would be added: index.html\n" in run.stdout
    assert 'name="contact" content="help@example.com"' in stack.objects["index.html"].decode()


def test_a_dry_run_tells_and_changes_nothing(gatepass: Command, stack: PortalStack) -> None:
    run = gatepass("portal", "publish", "--dry-run")
    assert (run.returncode, "would be added: index.html\n" in run.stdout) == (0, True)
    assert (stack.objects, stack.invalidated) == ({}, [])


def test_a_second_run_tells_what_changed(gatepass: Command, stack: PortalStack) -> None:
    gatepass("portal", "publish")
    run = gatepass("portal", "publish", "--portal-name", "Another")
    assert [line for line in run.stdout.splitlines() if line.startswith(("added", "changed", "removed"))] == [
        "changed: llms.txt",
        "changed: index.html",
    ]


def test_only_active_solutions_are_shown(gatepass: Command, stack: PortalStack) -> None:
    run = gatepass("portal", "publish", "--solutions", "faiss-search, none-such")
    assert (run.returncode, "there is no solution none-such" in run.stderr) == (1, True)
    run = gatepass("portal", "publish", "--contact", "nobody")
    assert (run.returncode, "'nobody' is not an email address" in run.stderr) == (1, True)


def test_a_disabled_solution_is_left_out_and_refused_by_name(
    gatepass: Command, stack: PortalStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("off") / "off.yaml"
    text = (ROOT / "examples" / "faiss_search" / "solution.yaml").read_text()
    file.write_text(text.replace("status: active", "status: disabled"))
    assert "disabled" in file.read_text()
    assert gatepass("solutions", "apply", str(file)).returncode == 0
    run = gatepass("portal", "publish")
    assert (run.returncode, "there is no active solution" in run.stderr) == (1, True)
    run = gatepass("portal", "publish", "--solutions", SOLUTION)
    assert (run.returncode, f"{SOLUTION} cannot be shown" in run.stderr) == (1, True)
    assert stack.objects == {}


def test_without_a_portal_the_parameter_is_named(gatepass: Command, moto_endpoint: str) -> None:
    PortalStack(moto_endpoint, gatepass.environment["GATEPASS_TABLE"], portal=False)
    run = gatepass("portal", "publish")
    assert (run.returncode, "deploy the stack with Portal=true" in run.stderr) == (1, True)
    gatepass.environment["GATEPASS_TABLE"] += "-of-no-stack"
    gatepass("init")
    run = gatepass("portal", "publish")
    assert (run.returncode, "deploy the stack with Portal=true" in run.stderr) == (1, True)


def test_a_stack_that_cannot_be_read_is_named_with_the_right_that_is_missing(
    gatepass: Command, stack: PortalStack
) -> None:
    stack.formation.delete_stack(StackName=stack.name)
    run = gatepass("portal", "publish")
    assert run.returncode == 1
    assert f"the outputs of the stack {stack.name}, which name its portal, cannot be read" in run.stderr
    assert "cloudformation:DescribeStacks" in run.stderr
