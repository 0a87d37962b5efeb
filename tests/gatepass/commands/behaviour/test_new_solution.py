"""docs/add-a-solution.md as it is written: on the local stack, and for an API that exists."""

import re
import shutil
from pathlib import Path

import pytest

from tests.gatepass.attach.conftest import ARN, World
from tests.gatepass.commands.conftest import Till
from tests.support.command import Command
from tests.support.portal_stack import URL, PortalStack
from tests.support.runbook import SHELL, shell_blocks
from tests.support.running_stack import running_stack
from tests.support.signer import SOLUTION


@pytest.mark.usefixtures("processes")
def test_the_page_sells_a_handler_on_this_machine(gatepass: Command, tmp_path: Path) -> None:
    blocks = shell_blocks("add-a-solution.md")
    (sold,), (handler, visit) = blocks["What is sold"], blocks["On this machine"]
    made = gatepass.shell([*SHELL, f"cd '{tmp_path}'\n{sold}\n{handler}"])
    assert made.returncode == 0, made.stderr
    own = ("--app", "quotes:handler", "--solution", "quotes.yaml")
    with running_stack(gatepass, *own, cwd=tmp_path) as local:
        exports = "\n".join(line for line in local.told.splitlines() if line.startswith("export"))
        shell = Command(None, Path(shutil.which("gatepass", path=gatepass.environment["PATH"]) or "").parent)
        api = local.named("the API").rstrip("/")
        assert re.sub(r":\d+", ":8080", api) in visit  # the page names the usual port
        run = shell.shell([*SHELL, f"{exports}\nAPI={api}\n{visit}"])
    assert run.returncode == 0, run.stderr
    assert run.stdout.count('"quote"') == 4
    assert '"reason":"anonymous_quota_exceeded"' in run.stdout.replace(" ", "")


@pytest.fixture
def api(till: Till, aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    PortalStack(aws_endpoint, till.seller.table.name, AuthorizerArn=ARN)
    assert till("init").returncode == 0
    return World(aws_endpoint, monkeypatch, till.seller.table).rest_api()


def test_the_page_sells_an_api_that_exists(till: Till, api: str, tmp_path: Path) -> None:
    blocks = shell_blocks("add-a-solution.md")
    script = [f"cd '{tmp_path}'", f"API_ID={api}", *blocks["What is sold"], *blocks["For an API that exists"]]
    run = till.run.shell([*SHELL, "\n".join(script)])
    assert run.returncode == 0, run.stderr
    assert f"published {URL}/ with the solutions {SOLUTION},quotes" in run.stdout  # the other one stays
    assert "reason      ok" in run.stdout
