"""The command as operators and scripts use it, on an emulator."""

import json
import re
import signal
import socket
import subprocess
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

from entitlements import base64url
from tests.support import emulators
from tests.support.command import Command
from tests.support.emulators import ROOT, free_port
from tests.support.signer import Signer

USER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def test_the_readme_s_commands_work_as_they_stand(gatepass: Command) -> None:
    assert gatepass("init").returncode == 0
    readme = (ROOT / "README.md").read_text()
    blocks = [block for block in re.findall(r"```sh\n(.*?)```", readme, re.DOTALL) if "sam deploy" not in block]
    assert len(blocks) == 2
    run = gatepass.shell(["bash", "-euo", "pipefail", "-c", "\n".join(blocks)])
    assert run.returncode == 0, run.stderr
    assert "reason      ok" in run.stdout
    assert "revoked, plan pro" in run.stdout


def test_init_twice_changes_nothing_and_the_issuer_stays(gatepass: Command) -> None:
    assert "issuer gatepass-local" in gatepass("init").stdout
    assert "nothing to do" in gatepass("init").stdout
    other = gatepass("init", "--issuer", "another")
    assert (other.returncode, "for good" in other.stderr) == (1, True)


def test_a_broken_file_changes_nothing_and_names_line_and_key(gatepass: Command, tmp_path: Path) -> None:
    gatepass("init")
    good = ROOT / "examples" / "faiss_search" / "solution.yaml"
    bad = tmp_path / "bad.yaml"
    bad.write_text(good.read_text().replace("{limits: {day: 10}}", "{limits: {day: 0}}"))
    run = gatepass("solutions", "apply", str(good), str(bad))
    line = next(n for n, text in enumerate(bad.read_text().splitlines(), 1) if "day: 0" in text)
    assert run.returncode == 1
    assert f"{bad}:{line}: plans.registered.limits.day: must be a whole number" in run.stderr
    assert json.loads(gatepass("solutions", "list", "--json").stdout) == []


def test_a_limit_by_the_hour_is_applied_and_a_window_that_is_not_known_refused(
    gatepass: Command, tmp_path: Path
) -> None:
    gatepass("init")
    file, good = tmp_path / "x.yaml", (ROOT / "examples" / "faiss_search" / "solution.yaml").read_text()
    file.write_text(good.replace("{limits: {day: 10}}", "{limits: {hour: 4, day: 10}}"))
    assert gatepass("solutions", "apply", str(file)).returncode == 0
    shown = json.loads(gatepass("solutions", "show", "faiss-search", "--json").stdout)
    assert shown["plans"]["registered"] == {"limits": {"hour": 4, "day": 10}}
    file.write_text(good.replace("{limits: {day: 10}}", "{limits: {fortnight: 4, day: 10}}"))
    run = gatepass("solutions", "apply", str(file))
    assert run.returncode == 1
    assert "plans.registered.limits.fortnight: is not a setting; known are hour, day, month, lifetime" in run.stderr


@pytest.mark.parametrize("text", ["", "a: [", "a: 1\na: 2\n", "just text", "\x00", "plans: &x {b: *x}"])
def test_a_file_that_is_no_solution_is_refused(gatepass: Command, tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    run = gatepass("solutions", "apply", str(file))
    assert run.returncode == 1
    assert str(file) in run.stderr
    assert "Traceback" not in run.stderr


def test_mint_prints_the_token_alone(gatepass: Command) -> None:
    gatepass("init")
    gatepass("solutions", "apply", "examples/faiss_search/solution.yaml")
    refused = gatepass("tokens", "mint", "--user", USER, "--solution", "faiss-search")
    assert (refused.returncode, refused.stdout) == (1, "")
    gatepass("entitlements", "grant", "--user", USER, "--solution", "faiss-search")
    minted = gatepass("tokens", "mint", "--user", USER, "--solution", "faiss-search")
    assert re.fullmatch(r"gp1_\S+\n", minted.stdout)
    assert minted.stderr == ""
    inspected = json.loads(gatepass("tokens", "inspect", "-", "--json", stdin=minted.stdout).stdout)
    assert (inspected["sub"], inspected["secret_matches"]) == (USER, True)
    for _ in range(2):
        explained = gatepass("tokens", "explain", "-", "--solution", "faiss-search", "--json", stdin=minted.stdout)
        assert json.loads(explained.stdout)["used"] == "0"


def test_the_fixture_seeds_an_emulator_and_nothing_else(gatepass: Command) -> None:
    assert gatepass("init", "--fixture", "events/fixture.json").returncode == 0
    listed = json.loads(gatepass("entitlements", "list", "--solution", "faiss-search", "--json").stdout)
    assert len(listed) == 7
    gatepass.environment["AWS_ENDPOINT_URL"] = "https://dynamodb.us-east-1.amazonaws.com"
    refused = gatepass("init", "--fixture", "events/fixture.json")
    assert (refused.returncode, "refused on AWS" in refused.stderr) == (1, True)


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


@pytest.mark.parametrize("user", ["someone@example.com", USER.upper(), "x"])
def test_a_user_is_named_by_id_alone(gatepass: Command, user: str) -> None:
    run = gatepass("entitlements", "grant", "--user", user, "--solution", "faiss-search")
    assert (run.returncode, "Cognito sub" in run.stderr) == (1, True)


def test_the_demo_ends_by_itself_and_well(gatepass: Command) -> None:
    run = gatepass("demo")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "30 of 30 steps" in run.stdout
    assert "\x1b" not in run.stdout


def test_the_local_stack_answers_and_ends_on_an_interrupt(gatepass: Command) -> None:
    command = ["gatepass", "local", "--port", "0"]
    with (
        subprocess.Popen(command, cwd=ROOT, env=gatepass.environment, stdout=subprocess.PIPE, text=True) as local,
        ExitStack() as ended,
    ):
        assert local.stdout is not None
        ended.callback(local.kill)  # a failure below must not wait for a stack that nobody ends
        told = ""
        while not told.endswith("decision of the gate:\n"):
            told += (line := local.stdout.readline())
            assert line, told
        api = re.search(r"the API +(\S+)", told)
        service = re.search(r"token service +(http://[\d.:]+)", told)
        assert api is not None
        assert service is not None
        with urllib.request.urlopen(api[1], b'{"query": "message queue"}', timeout=30) as answer:
            assert "SQS" in json.load(answer)["hits"][0]["name"]
        assert local.stdout.readline().startswith("ok_anonymous")
        ask = json.dumps({"solution_id": "faiss-search", "method": "POST", "path": "/search", "spend": False}).encode()
        with urllib.request.urlopen(f"{service[1]}/v1/validate", ask, timeout=30) as answer:
            assert json.load(answer)["used"] == 1
        with urllib.request.urlopen(f"{service[1]}/.well-known/jwks.json", timeout=30) as answer:
            assert len(json.load(answer)["keys"]) == 1
        local.send_signal(signal.SIGINT)
        assert "nothing was kept" in local.stdout.read()
    assert local.returncode == 0


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGHUP])
def test_no_emulator_outlives_the_local_stack(gatepass: Command, signal_: int) -> None:
    with subprocess.Popen(
        ["gatepass", "local", "--port", "0"], cwd=ROOT, env=gatepass.environment, stdout=subprocess.PIPE, text=True
    ) as local:
        assert local.stdout is not None
        while not (line := local.stdout.readline()).startswith("Ctrl-C"):
            assert line
        children = Path(f"/proc/{local.pid}/task/{local.pid}/children").read_text().split()
        local.send_signal(signal_)
        assert "nothing was kept" in local.stdout.read()
    assert children
    assert not any(Path("/proc", child).exists() for child in children)


def test_a_proxy_of_the_shells_is_none_of_the_local_stacks_business(gatepass: Command) -> None:
    gatepass.environment |= {"http_proxy": "http://127.0.0.1:9", "no_proxy": "", "NO_PROXY": ""}
    run = gatepass("demo")
    assert run.returncode == 0, run.stderr


def _forged(payload: bytes) -> str:
    parts = Signer().token().split(".")
    return ".".join([*parts[:2], base64url.encode(payload), parts[3]])


@pytest.mark.parametrize("payload", [b"[]", b"no json", b"[" * 1_200])
def test_inspecting_a_token_that_says_nothing_is_a_clear_refusal(gatepass: Command, payload: bytes) -> None:
    run = gatepass("tokens", "inspect", _forged(payload))
    assert (run.returncode, run.stderr.startswith("gatepass: that is not a Gatepass token")) == (1, True)


@pytest.mark.parametrize("url", ["foo", "http://["])
def test_an_endpoint_that_is_none_is_a_clear_refusal(gatepass: Command, url: str) -> None:
    gatepass.environment["AWS_ENDPOINT_URL"] = url
    run = gatepass("init")
    assert (run.returncode, "write http://HOST:PORT" in run.stderr, "Traceback" in run.stderr) == (1, True, False)


def test_keys_are_not_made_on_aws_for_an_emulated_table(gatepass: Command) -> None:
    endpoint = gatepass.environment.pop("AWS_ENDPOINT_URL")
    gatepass.environment["AWS_ENDPOINT_URL_DYNAMODB"] = endpoint
    run = gatepass("init")
    assert (run.returncode, "both emulated" in run.stderr) == (1, True)


def test_a_damaged_key_ring_is_named_and_left_alone(gatepass: Command) -> None:
    gatepass("init")
    client = emulators.client("dynamodb", gatepass.environment["AWS_ENDPOINT_URL"])
    item = {"pk": {"S": "keyring"}, "sk": {"S": "current"}, "version": {"N": "1"}}
    client.put_item(TableName=gatepass.environment["GATEPASS_TABLE"], Item=item)
    run = gatepass("init")
    assert (run.returncode, "key ring is damaged" in run.stderr) == (1, True)


@pytest.mark.parametrize("text", ['{"items": [1]}', '{"items": 5}', "[]", "{}"])
def test_a_fixture_that_is_none_is_a_clear_refusal(gatepass: Command, tmp_path: Path, text: str) -> None:
    (tmp_path / "fixture.json").write_text(text)
    run = gatepass("init", "--fixture", str(tmp_path / "fixture.json"))
    assert (run.returncode, "cannot be read as a fixture" in run.stderr) == (1, True)


def test_the_same_solution_twice_is_refused(gatepass: Command) -> None:
    file = "examples/faiss_search/solution.yaml"
    run = gatepass("solutions", "apply", file, file)
    assert (run.returncode, "nothing was applied" in run.stderr) == (1, True)


def test_a_port_in_use_is_a_clear_refusal(gatepass: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        run = gatepass("local", "--port", str(taken.getsockname()[1]))
    assert (run.returncode, "give --port" in run.stderr) == (1, True)


def test_applying_a_solution_lets_its_pages_call_and_no_longer_those_it_dropped(
    gatepass: Command, tmp_path: Path
) -> None:
    gatepass("init")
    file = tmp_path / "s.yaml"
    text = (ROOT / "examples" / "faiss_search" / "solution.yaml").read_text()
    client = emulators.client("dynamodb", gatepass.environment["AWS_ENDPOINT_URL"])

    def origins() -> set[str]:
        items = client.scan(TableName=gatepass.environment["GATEPASS_TABLE"])["Items"]
        return {item["pk"]["S"] for item in items if item["pk"]["S"].startswith("origin#")}

    file.write_text(text.replace("[http://localhost:8000/]", "[https://a.example.com/x, https://b.example.com:8443/]"))
    gatepass("solutions", "apply", str(file))
    assert origins() == {
        "origin#http://localhost:8000",
        "origin#https://a.example.com",
        "origin#https://b.example.com:8443",
    }
    file.write_text(text)
    gatepass("solutions", "apply", str(file))
    assert origins() == {"origin#http://localhost:8000"}
