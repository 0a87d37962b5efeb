"""`gatepass solutions` as operators use it, on an emulator."""

import json
import re
import uuid
from pathlib import Path

import pytest
import yaml

from tests.support import emulators
from tests.support.command import Command
from tests.support.emulators import ROOT
from tests.support.portal_stack import URL, PortalStack


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


def test_every_example_of_the_documentation_can_be_applied_and_shown_with_its_prices(
    gatepass: Command, tmp_path: Path
) -> None:
    gatepass("init")
    page = (ROOT / "docs" / "plans.md").read_text()
    examples = re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(examples) == 5
    files = []
    for number, example in enumerate(examples):
        files.append(str(tmp_path / f"{number}.yaml"))
        rest = {"solution_id": f"example-{number}", "name": "x", "marketplace_url": "https://example.com/"}
        Path(files[-1]).write_text(yaml.safe_dump(rest) + example)
    run = gatepass("solutions", "apply", *files)
    assert (run.returncode, run.stdout.count("applied example-")) == (0, 5), run.stderr
    shown = gatepass("solutions", "show", "example-3").stdout
    assert "# pro: ₹499.00 every month\n# team: $5.00 every 3 months\n" in shown
    Path(files[3]).write_text(shown)
    assert gatepass("solutions", "apply", files[3], "--dry-run").stdout == "would apply example-3\n"


def test_a_price_that_razorpay_refuses_is_named_by_its_line(gatepass: Command, tmp_path: Path) -> None:
    gatepass("init")
    file, good = tmp_path / "x.yaml", (ROOT / "examples" / "faiss_search" / "solution.yaml").read_text()
    file.write_text(good.replace("interval: month", "interval: day"))
    run = gatepass("solutions", "apply", str(file))
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "interval: day" in text)
    assert run.returncode == 1
    assert f"{file}:{line}: plans.pro.price.every: must be at least 7 with interval: day" in run.stderr


@pytest.mark.parametrize("text", ["", "a: [", "a: 1\na: 2\n", "just text", "\x00", "plans: &x {b: *x}"])
def test_a_file_that_is_no_solution_is_refused(gatepass: Command, tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    run = gatepass("solutions", "apply", str(file))
    assert run.returncode == 1
    assert str(file) in run.stderr
    assert "Traceback" not in run.stderr


def test_the_same_solution_twice_is_refused(gatepass: Command) -> None:
    file = "examples/faiss_search/solution.yaml"
    run = gatepass("solutions", "apply", file, file)
    assert (run.returncode, "nothing was applied" in run.stderr) == (1, True)


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


def test_applying_shows_what_changes_and_a_dry_run_changes_nothing(gatepass: Command, tmp_path: Path) -> None:
    gatepass("init")
    text = (ROOT / "examples" / "faiss_search" / "solution.yaml").read_text()
    file = tmp_path / "solution.yaml"
    file.write_text(text)
    assert gatepass("solutions", "apply", str(file), "--dry-run").stdout == "would apply faiss-search\n"
    assert gatepass("solutions", "list", "--json").stdout == "[]\n"
    assert gatepass("solutions", "apply", str(file)).stdout.startswith("applied faiss-search")
    assert gatepass("solutions", "apply", str(file)).stdout.startswith("applied faiss-search")  # no difference
    file.write_text(text.replace("day: 10", "day: 20"))
    before = gatepass("solutions", "show", "faiss-search").stdout
    dry = gatepass("solutions", "apply", str(file), "--dry-run").stdout
    assert gatepass("solutions", "show", "faiss-search").stdout == before
    assert re.search(r"^-\s+day: 10\n\+\s+day: 20$", dry, re.MULTILINE)
    assert dry.endswith("would apply faiss-search\n")
    done = gatepass("solutions", "apply", str(file)).stdout
    assert done.startswith(dry.removesuffix("would apply faiss-search\n"))
    assert "day: 20" in gatepass("solutions", "show", "faiss-search").stdout


def test_users_whose_plan_is_removed_are_counted(gatepass: Command, tmp_path: Path) -> None:
    gatepass("init")
    whole = yaml.safe_load((ROOT / "examples" / "faiss_search" / "solution.yaml").read_text())
    file = tmp_path / "solution.yaml"
    file.write_text(yaml.safe_dump(whole))
    gatepass("solutions", "apply", str(file))
    for number, plan in enumerate(["pro", "pro", "registered"]):
        user = str(uuid.UUID(int=number))
        gatepass("entitlements", "grant", "--user", user, "--solution", "faiss-search", "--plan", plan)
    del whole["plans"]["pro"]
    file.write_text(yaml.safe_dump(whole))
    for more in (["--dry-run"], []):
        run = gatepass("solutions", "apply", str(file), *more)
        assert run.returncode == 0
        assert "2 user(s) of faiss-search have the plan pro, which this removes" in run.stderr
        assert "registered" not in run.stderr


@pytest.mark.parametrize("named", [["faiss-search"], []])
def test_an_api_is_unlinked_with_or_without_its_solution(gatepass: Command, named: list[str]) -> None:
    gatepass("init")
    gatepass("solutions", "apply", str(ROOT / "examples" / "faiss_search" / "solution.yaml"))
    gatepass("solutions", "link", "faiss-search", "abc123")
    wrong = gatepass("solutions", "unlink", "another-one", "abc123")
    assert (wrong.returncode, "is not linked to another-one" in wrong.stderr) == (1, True)
    assert gatepass("solutions", "unlink", *named, "abc123").stdout.startswith("unlinked abc123 from faiss-search")
    again = gatepass("solutions", "unlink", *named, "abc123")
    assert (again.returncode, "is not linked to" in again.stderr) == (1, True)


def without_marketplace(tmp_path: Path) -> tuple[Path, str]:
    """The first solution's file without its `marketplace_url`, and the line that it had."""
    text = (ROOT / "examples" / "faiss_search" / "solution.yaml").read_text()
    (line,) = re.findall(r"^marketplace_url:.*\n", text, re.MULTILINE)
    file = tmp_path / "no-marketplace.yaml"
    file.write_text(text.replace(line, ""))
    return file, line


def test_the_marketplace_of_a_solution_that_names_none_is_the_stacks_portal(
    gatepass: Command, moto_endpoint: str, tmp_path: Path
) -> None:
    PortalStack(moto_endpoint, gatepass.environment["GATEPASS_TABLE"])
    file, line = without_marketplace(tmp_path)
    run = gatepass("solutions", "apply", str(file))
    assert (run.returncode, f"it is the stack's portal, {URL}/" in run.stderr) == (0, True), run.stderr
    shown = json.loads(gatepass("solutions", "show", "faiss-search", "--json").stdout)
    assert shown["marketplace_url"] == f"{URL}/"
    file.write_text(file.read_text() + line)
    run = gatepass("solutions", "apply", str(file))
    assert (run.returncode, "portal" in run.stderr) == (0, False)


@pytest.mark.parametrize("stack", [True, False])
def test_without_a_portal_a_solution_must_name_its_marketplace(
    gatepass: Command, moto_endpoint: str, tmp_path: Path, stack: bool
) -> None:
    if stack:
        PortalStack(moto_endpoint, gatepass.environment["GATEPASS_TABLE"], portal=False)
    else:
        gatepass("init")
    file, _ = without_marketplace(tmp_path)
    run = gatepass("solutions", "apply", str(file))
    assert run.returncode == 1
    assert f"{file}:1: marketplace_url: is missing: give the URL of the marketplace" in run.stderr
