"""docs/api.md: whole, true, and a journey that runs as it stands."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from entitlements.refusals import Code
from tests.support.emulators import ROOT
from token_service.web import openapi

PAGE = (ROOT / "docs" / "api.md").read_text()
SECTIONS = {
    match[1]: re.findall(r"```sh\n(.*?)```", match[2], re.DOTALL)
    for match in re.finditer(r"^### `([A-Z]+ [^`]+)`\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE)
}
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
RESPONSES = {
    f"{method.upper()} {path}": set(operation["responses"])
    for path, methods in json.loads(openapi.generated())["paths"].items()
    for method, operation in methods.items()
}
NOBODYS_CODE = {"POST /v1/codes/exchange": {"400"}, "GET /v1/usage": {"403"}}
"""The page's solution hands out tokens: its example shows what a code gets that was not issued. Its user is in no group,
and the example shows what that gets.
"""
UNDESCRIBED = {"GET /v1/openapi.json": {"200"}, "GET /v1/docs": {"200"}, "OPTIONS /{proxy+}": {"204"}}
"""The description itself, and what browsers ask."""


def matches(route: str, called: str) -> bool:
    return re.fullmatch(re.sub(r"{[^}]+}", "[^?]+", route), called) is not None


def test_every_route_has_a_section() -> None:
    assert SECTIONS.keys() == RESPONSES.keys() | UNDESCRIBED.keys()


@pytest.mark.parametrize("route", SECTIONS)
def test_every_section_begins_with_one_curl_of_its_route(route: str) -> None:
    block = SECTIONS[route][0]
    assert len(re.findall(r"\bcurl --fail-with-body -sS ", block)) == block.count("curl") == 1
    method, _, path = route.partition(" ")
    asked = re.search(r"-X (\w+)", block)
    assert method == (asked[1] if asked else "POST" if " -d " in block else "GET")
    called = re.search(r'"\$API(/[^"?]*)', block)
    assert called is not None
    assert matches(path, called[1])


def test_every_code_has_its_row_with_its_status() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \| .+ \|$", PAGE, re.MULTILINE)
    assert {code: int(status) for code, status in rows} == {c.value: c.http_status for c in Code if c.is_public}
    assert len(rows) == len({code for code, _ in rows})


class Local:
    """`gatepass local`, and what it shows."""

    def __init__(self, output: Path, process: "subprocess.Popen[bytes]") -> None:
        self.output, self.process = output, process

    def find(self, pattern: str) -> list[str]:
        return re.findall(pattern, self.output.read_text())

    def wait_for(self, pattern: str, number: int, alive: Callable[[], bool]) -> str:
        """The number-th match of a pattern in what it shows."""
        end = time.monotonic() + 90
        while len(found := self.find(pattern)) < number:
            assert time.monotonic() < end, f"no {pattern}: {self.output.read_text()}"
            assert alive(), "the page's blocks ended before"
            time.sleep(0.1)
        return found[number - 1]


@pytest.fixture
def local(processes: None, tmp_path: Path) -> Iterator[Local]:
    output = tmp_path / "local.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "gatepass", "local", "--port", "0"], cwd=ROOT, stdout=file, stderr=file
        )
    try:
        yield Local(output, process)
    finally:
        process.terminate()
        process.wait(30)


# Every curl of the page tells what it asked and what it got; the page's own -w, further right, would win.
WATCHED = r"""
curl() { command curl -w '%{stderr}%{method} %{url} %{http_code}\n' "$@"; }
"""


def test_the_page_runs_from_top_to_bottom(local: Local, tmp_path: Path) -> None:
    url = local.wait_for(r"token service +(http\S+)/v1/docs", 1, lambda: local.process.poll() is None)
    razorpay = local.wait_for(r"export GATEPASS_RAZORPAY_URL=(\S+)", 1, lambda: local.process.poll() is None)
    seen, shown = tmp_path / "seen.txt", tmp_path / "shown.txt"
    with seen.open("w") as errors, shown.open("w") as output:
        page = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", WATCHED + "\n".join(BLOCKS)],
            env=os.environ | {"API": url, "RAZORPAY": razorpay, "NO_PROXY": "127.0.0.1"},
            cwd=tmp_path, stdin=subprocess.PIPE, stdout=output, stderr=errors, text=True,
        )  # fmt: skip
    assert page.stdin is not None
    try:
        # The reader of the mails: registered, sent again, forgotten. The second replaces the first.
        for number in (2, 3):
            code = local.wait_for(r"the code is (\w+)", number, lambda: page.poll() is None)
            page.stdin.write(f"{code}\n")
            page.stdin.flush()
        assert page.wait(90) == 0, seen.read_text() + shown.read_text()
    finally:
        page.kill()
        page.wait()
        page.stdin.close()
    answers = re.findall(r"^([A-Z]+) (http\S+) (\d{3})$", seen.read_text(), re.MULTILINE)
    calls = [(f"{method} {asked.removeprefix(url).partition('?')[0]}", status) for method, asked, status in answers]
    for route, documented in (RESPONSES | UNDESCRIBED).items():
        got = {status for called, status in calls if matches(route, called)}
        assert got, route
        wanted = NOBODYS_CODE.get(route, {status for status in documented if status.startswith("2")})
        assert got <= wanted, route
    text = shown.read_text()
    assert re.search(r"\b303 http://localhost:8000/\?token=gp1_\S+$", text, re.MULTILINE)
    assert re.search(r"^X-Gatepass-Reason: ok\s*$", text, re.MULTILINE)
    assert re.search(r"^Access-Control-Allow-Origin: http://localhost:8000\s*$", text, re.MULTILINE)
    assert '"status":"account_deleted"' in text
