"""`gatepass emulator`: what `sam local` needs, for as long as it runs."""

import json
import signal
import subprocess
from pathlib import Path

from tests.support.command import Command
from tests.support.emulators import ROOT, client
from tests.support.template import TEMPLATE


def test_the_functions_find_the_fixture_by_the_file(gatepass: Command, tmp_path: Path) -> None:
    file = tmp_path / "new" / "env.json"
    command = ["gatepass", "emulator", "--env-vars", str(file), "--host", "127.0.0.1"]
    with subprocess.Popen(
        command, cwd=ROOT, env=gatepass.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            while not (line := process.stdout.readline()).startswith("Ctrl-C"):
                assert line
            variables = json.loads(file.read_text())["Parameters"]
            table = client("dynamodb", variables["AWS_ENDPOINT_URL"])
            fixture = json.loads((ROOT / "events" / "fixture.json").read_text())["items"]
            assert table.scan(TableName=variables["GATEPASS_TABLE"])["Count"] == len(fixture)
            process.send_signal(signal.SIGTERM)
            assert "nothing was kept" in process.stdout.read()
        finally:
            process.kill()
    assert process.returncode == 0
    assert not file.exists()
    declared = set(TEMPLATE["Globals"]["Function"]["Environment"]["Variables"])
    declared |= set(TEMPLATE["Resources"]["TokenService"]["Properties"]["Environment"]["Variables"])
    assert variables.keys() <= declared  # sam local ignores others


def test_an_address_of_another_machine_and_a_file_that_cannot_be_written_are_refused(
    gatepass: Command, tmp_path: Path
) -> None:
    run = gatepass.shell(["gatepass", "emulator", "--env-vars", str(tmp_path / "x"), "--host", "192.0.2.1"])
    assert (run.returncode, "192.0.2.1 cannot be listened on" in run.stderr) == (1, True)
    (tmp_path / "file").write_text("")
    run = gatepass.shell(["gatepass", "emulator", "--env-vars", str(tmp_path / "file" / "x"), "--host", "127.0.0.1"])
    assert (run.returncode, "cannot be written" in run.stderr) == (1, True)
