"""The command as operators and scripts use it, on an emulator."""

import argparse
import re
from pathlib import Path

import pytest

from gatepass.cli import MODULES, _kids_last, make_parser
from tests.support.command import Command
from tests.support.emulators import ROOT, free_port
from tests.support.signer import USER


def test_the_readme_s_commands_work_as_they_stand(gatepass: Command) -> None:
    assert gatepass("init").returncode == 0
    readme = (ROOT / "README.md").read_text()
    blocks = [block for block in re.findall(r"```sh\n(.*?)```", readme, re.DOTALL) if "sam deploy" not in block]
    assert len(blocks) == 2
    run = gatepass.shell(["bash", "-euo", "pipefail", "-c", "\n".join(blocks)])
    assert run.returncode == 0, run.stderr
    assert "reason      ok" in run.stdout
    assert "revoked, plan pro" in run.stdout


def test_wrong_use_exits_2_and_missing_settings_exit_1(gatepass: Command) -> None:
    assert gatepass("solutions").returncode == 2
    assert gatepass("entitlements", "grant", "--user", USER).returncode == 2
    del gatepass.environment["GATEPASS_TABLE"]
    run = gatepass("init")
    assert (run.returncode, "GATEPASS_TABLE" in run.stderr) == (1, True)


def test_no_network_is_a_clear_refusal(tmp_path: Path) -> None:
    away = Command(f"http://127.0.0.1:{free_port()}", tmp_path, GATEPASS_TABLE="t")
    run = away("entitlements", "list", "--solution", "faiss-search")
    assert run.returncode == 1
    assert run.stderr.startswith("gatepass: DynamoDB gave no answer")
    assert "Traceback" not in run.stderr


def test_a_key_id_that_begins_with_a_hyphen_is_no_option() -> None:
    kid = "-" + "a" * 42
    assert _kids_last(["keys", "revoke", kid, "--reason", "x"]) == ["keys", "revoke", "--reason", "x", "--", kid]
    assert _kids_last(["keys", "drain", kid[:8], "--json"]) == ["keys", "drain", "--json", "--", kid[:8]]
    assert _kids_last(["keys", "list", "--json"]) == ["keys", "list", "--json"]


def test_the_bare_command_shows_its_help(gatepass: Command) -> None:
    run = gatepass.shell(["gatepass"])
    assert (run.returncode, run.stdout) == (2, "")
    assert "entitlements" in run.stderr


def test_the_table_may_be_named_before_or_after_the_command(gatepass: Command) -> None:
    gatepass("init")
    table = gatepass.environment.pop("GATEPASS_TABLE")
    for command in (["solutions", "list"], ["keys", "list"], ["init"]):
        assert gatepass("--table", table, *command).returncode == 0
        assert gatepass(*command, "--table", table).returncode == 0
        assert gatepass("--table", "another", *command, "--table", table).returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        ["solutions", "list"],
        ["entitlements", "list", "--solution", "faiss-search"],
        ["tokens", "explain", "x", "--solution", "faiss-search"],
        ["keys", "list"],
        ["tokens", "mint", "--user", USER, "--solution", "faiss-search"],
    ],
)
def test_a_table_that_there_is_not_is_named_with_its_region(gatepass: Command, command: list[str]) -> None:
    run = gatepass("--table", "nowhere", *command)
    assert (run.returncode, run.stderr) == (
        1, "gatepass: there is no table nowhere in the Region us-east-1 of this account\n"
    )  # fmt: skip


def test_each_command_has_a_parser_of_its_own_and_one_place_in_the_help() -> None:
    together = _commands(make_parser())
    assert together.keys() == MODULES.keys()
    for name, parser in together.items():
        assert _commands(make_parser(name))[name].format_help() == parser.format_help()


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (nouns,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(nouns.choices)
