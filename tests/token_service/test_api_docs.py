"""docs/api.md: every route and every code is on it, and its blocks run as they stand, on `gatepass local`."""

import json
import re
import subprocess
import threading
from contextlib import ExitStack
from pathlib import Path

from tests.support.command import Command
from tests.support.emulators import ROOT
from token_service.problems import STATUS

PAGE = (ROOT / "docs" / "api.md").read_text()
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text())
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


def test_every_route_is_explained_and_has_a_request_to_copy() -> None:
    requests = "\n".join(BLOCKS).replace("$SOLUTION", "{solution_id}")
    for path, methods in DOCUMENT["paths"].items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in PAGE
            assert f'"$API{path}' in requests


def test_every_code_is_in_the_table_beside_its_status() -> None:
    rows = dict(re.findall(r"^\| ([\d, ]+) \| (.*) \|$", PAGE, re.MULTILINE))
    for code, status in STATUS.items():
        assert any(f"`{code}`" in codes for statuses, codes in rows.items() if str(status) in statuses), code


def test_the_journey_of_the_page_works_as_it_stands(gatepass: Command, tmp_path: Path) -> None:
    mailed = tmp_path / "mailed"
    command = ["gatepass", "local", "--port", "0"]
    with (
        subprocess.Popen(command, cwd=ROOT, env=gatepass.environment, stdout=subprocess.PIPE, text=True) as local,
        ExitStack() as ended,
    ):
        ended.callback(local.kill)
        output = local.stdout
        assert output is not None
        told = ""
        while not told.endswith("decision of the gate:\n"):
            told += (line := output.readline())
            assert line, told
        service = re.search(r"token service +(http://[\d.:]+)", told)
        assert service is not None

        def read_mail() -> None:
            for line in output:
                if line.startswith("mailed:"):
                    mailed.write_text(line.split()[-1])

        threading.Thread(target=read_mail, daemon=True).start()
        mailbox = f'API={service[1]}\nmailed_code() {{ sleep 2; cat "{mailed}"; }}\n'
        script = mailbox + "\necho\n".join(BLOCKS)
        run = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "account_deleted" in run.stdout
    assert '"reason":"ok"' in run.stdout
