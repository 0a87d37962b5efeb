"""What can be used is documented, and what is documented can be used."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import pytest
import yaml

from entitlements.decision import Holder, judge
from entitlements.plans import ANONYMOUS, Plan, Price, PricingModel
from entitlements.reasons import Reason
from entitlements.rules import RULES
from entitlements.solution import DEFAULT_GRACE_DAYS, MAX_GRACE_DAYS, Solution, _Reader, read_solution
from entitlements.token import TOKEN
from entitlements.windows import LIMITABLE, WINDOWS, windows_at
from gatepass.cli import make_parser
from tests.support.table import config
from tests.support.template import TEMPLATE

ROOT = Path(__file__).parents[1]
DOCS = {path.name: path.read_text() for path in (ROOT / "docs").glob("*.md")}
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
FIGURE = ROOT / "docs" / "architecture.svg"


def test_every_reason_is_documented() -> None:
    assert {reason for reason in Reason if f"`{reason}`" not in DOCS["reference.md"]} == set()


def test_every_route_is_documented() -> None:
    events = TEMPLATE["Resources"]["TokenService"]["Properties"]["Events"].values()
    routes = {f"`{e['Properties']['Method']} {e['Properties']['Path']}`" for e in events}
    assert {route for route in routes if route not in DOCS["reference.md"]} == set()


def test_the_templates_routes_are_the_code_s() -> None:
    code = "".join(path.read_text() for path in (ROOT / "token_service" / "web" / "routes").glob("*.py"))
    found = {f"{m.upper()} {p}" for m, p in re.findall(r'@app\.(get|post|delete)\(\s*"([^"]+)"', code)}
    found |= {"GET /v1/docs", "OPTIONS /<proxy+>"}  # by a constant, and answered before any route
    events = TEMPLATE["Resources"]["TokenService"]["Properties"]["Events"].values()
    declared = {
        f"{e['Properties']['Method']} {e['Properties']['Path']}".replace("{", "<").replace("}", ">") for e in events
    }
    assert found == declared


def test_every_parameter_is_documented_and_described() -> None:
    for name, parameter in TEMPLATE["Parameters"].items():
        assert f"`{name}`" in DOCS["reference.md"]
        assert parameter["Description"]


def test_every_variable_is_documented() -> None:
    code = "".join(
        p.read_text() for d in ("authorizer", "token_service", "gatepass", "scripts") for p in (ROOT / d).rglob("*.py")
    )
    names = set(re.findall(r'"((?:GATEPASS_[A-Z_]+|AWS_[A-Z_]+|ARCHITECTURE|BUNDLE_PYTHON))"', code))
    names -= {"GATEPASS_", "AWS_IAM", "AWS_PROXY"}  # a prefix, and types of authorization and integration
    assert names
    assert {name for name in names if f"`{name}`" not in DOCS["reference.md"]} == set()


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def test_every_command_is_documented() -> None:
    for noun, parser in commands(make_parser()).items():
        assert f"`gatepass {noun}" in DOCS["reference.md"], noun
        row = next(line for line in DOCS["reference.md"].splitlines() if line.startswith(f"| `gatepass {noun}"))
        for verb in commands(parser):
            assert verb in row, f"{noun} {verb}"


def arguments(parser: argparse.ArgumentParser, *words: str) -> Iterator[tuple[tuple[str, ...], argparse.Action]]:
    """Those of every command, each with the command's words."""
    for action in parser._actions:
        if not isinstance(action, argparse._SubParsersAction):
            yield words, action
    for word, one in commands(parser).items():
        yield from arguments(one, *words, word)


def test_every_option_is_documented() -> None:
    """In the command's row, or in the page of `attach`, `detach`, and `status`."""
    everywhere = {"--help", "--version", "--table", "--json"}
    for (noun, *verbs), action in (one for one in arguments(make_parser()) if one[0]):
        row = next(line for line in DOCS["reference.md"].splitlines() if line.startswith(f"| `gatepass {noun}"))
        text = DOCS["attach.md"] if noun in ("attach", "detach", "status") else row
        for option in {one for one in action.option_strings if one.startswith("--")} - everywhere:
            assert re.search(rf"{option}\b", text), f"gatepass {' '.join([noun, *verbs])} {option}"


def test_every_argument_has_a_help() -> None:
    found = list(arguments(make_parser()))
    assert len(found) > 150
    assert [(*words, action.dest) for words, action in found if not action.help] == []


def test_every_key_of_a_solution_is_documented() -> None:
    keys = set(_Reader.KEYS) - {"origin_secret_sha256"}  # the stored form of origin_secret
    assert {key for key in keys if f"`{key}`" not in DOCS["plans.md"]} == set()


def test_every_key_of_a_plan_and_every_window_is_documented() -> None:
    assert {key for key in RULES if f"`{key}`" not in DOCS["plans.md"]} == set()
    assert {name for name in LIMITABLE if f"| `{name}` |" not in DOCS["plans.md"]} == set()
    assert {w.form[0] for w in WINDOWS if not re.search(rf"`{w.form[0]}YYYY\w*`", DOCS["operations.md"])} == set()


PRICING = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##)", DOCS["plans.md"], re.DOTALL | re.MULTILINE))
"""The sections of docs/plans.md on each pricing model."""


def test_every_pricing_model_has_a_section_and_a_row() -> None:
    assert set(PRICING) == set(get_args(PricingModel))
    assert {model for model in PRICING if f"| [`{model}`](#{model}) |" not in DOCS["plans.md"]} == set()
    assert {key for key in Price._fields if f"`{key}`" not in DOCS["plans.md"]} == set()


def documented(model: str) -> tuple[Solution, list[Plan]]:
    """The solution of a section, and its plans of that model."""
    [block] = re.findall(r"```yaml\n(.*?)```", PRICING[model], re.DOTALL)
    solution = read_solution(config(**yaml.safe_load(block)))
    return solution, [plan for plan in solution.plans.values() if plan.model == model and plan.name != ANONYMOUS]


@pytest.mark.parametrize("model", PRICING)
def test_a_section_shows_a_plan_of_its_model_and_its_price_as_people_read_it(model: str) -> None:
    _, plans = documented(model)
    assert plans
    assert set(re.findall(r"“(.*?)”", PRICING[model])) == {p.readable_price for p in plans if p.readable_price}


NOW = 1_795_478_400  # 2026-11-24T00:00:00Z


def decided(solution: Solution, **item: object) -> tuple[str, str]:
    windows = windows_at(NOW, solution.timezone)
    item = {"status": "active", "jti": "x", "total": 0} | item
    used = {windows.open[name].counter: value for name in LIMITABLE if (value := item.pop(name, None)) is not None}
    decision = judge(Holder("u", "x"), item | used, solution, windows, 1, NOW)
    return decision.plan, decision.reason.value


def test_each_example_ends_as_its_section_says() -> None:
    free, [registered] = documented("free")
    assert free.default_plan == registered.name
    assert decided(free, plan="registered", day=9) == ("registered", "ok")
    assert decided(free, plan="registered", day=10) == ("registered", "quota_exceeded")
    once, [forever] = documented("once")
    assert decided(once, plan=forever.name, month=9_999) == ("forever", "ok")
    assert decided(once, plan=forever.name, month=10_000) == ("forever", "quota_exceeded")
    for model in ("days", "recurring"):
        solution, plans = documented(model)
        for plan in plans:
            assert decided(solution, plan=plan.name, day=10, paid_until=NOW + 1) == (plan.name, "ok")
            assert decided(solution, plan=plan.name, day=9, paid_until=NOW) == ("registered", "ok")
            assert decided(solution, plan=plan.name, day=10, paid_until=NOW) == ("registered", "quota_exceeded")
    prepaid, [pack] = documented("prepaid")
    assert decided(prepaid, plan=pack.name, total=199, granted=200) == ("pack-100", "ok")
    assert decided(prepaid, plan=pack.name, total=200, granted=200) == ("pack-100", "quota_exceeded")


def test_the_documented_grace_is_the_default_and_outlasts_every_retry() -> None:
    assert documented("recurring")[0].grace_days == DEFAULT_GRACE_DAYS == read_solution(config()).grace_days
    assert f"0 to {MAX_GRACE_DAYS} (default {DEFAULT_GRACE_DAYS})" in DOCS["plans.md"]


def test_the_documented_expression_for_scanners_finds_what_the_code_reads() -> None:
    documented = re.search(r"`(gp1_\[.*)`", DOCS["security.md"])
    assert documented is not None
    assert re.sub(r"\(\?P<\w+>|\(|\)", "", TOKEN.pattern) == documented[1]


def anchors(page: Path) -> set[str]:
    """Those of its headings, as GitHub makes them; a heading that is repeated has a number, beginning with 1.

    https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links
    """
    text = re.sub(r"^( *)```.*?^\1```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    found = list[str]()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        words = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading)
        found.append(re.sub(r"[^\w -]", "", words.lower()).replace(" ", "-"))
    return {f"{one}-{found[:at].count(one)}" if one in found[:at] else one for at, one in enumerate(found)}


PAGES = [
    *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md"), ROOT / "benchmarks/README.md"
]  # fmt: skip


def test_links_between_documents_lead_to_a_file_and_a_heading_of_it() -> None:
    followed = 0
    for path in PAGES:
        for target, anchor in re.findall(r"\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]+))?\)", path.read_text()):
            page = path.parent / target if target else path
            assert page.exists(), f"{path.name}: {target}"
            if anchor:
                assert anchor in anchors(page), f"{path.name}: {target}#{anchor}"
                followed += 1
    assert followed > 100


def test_no_page_deploys_with_guided() -> None:
    """It writes all parameters into samconfig.toml, and every later deployment sends them again."""
    blocks = [block for page in PAGES for block in re.findall(r"```\w+\n(.*?)```", page.read_text(), re.DOTALL)]
    deploying = [block for block in blocks if "sam deploy" in block]
    assert len(deploying) > 5
    assert [block for block in deploying if "--guided" in block] == []


def test_the_readme_states_the_newest_measurement() -> None:
    text = (ROOT / "README.md").read_text()
    newest = max((ROOT / "benchmarks" / "results").glob("20*.md"))
    assert f"](benchmarks/results/{newest.name})" in text
    warm, cold = (
        float(re.search(rf"^\| CPU of a {what} against good \|.*?\| ([\d.]+) \(", newest.read_text(), re.M)[1])  # type: ignore[index]
        for what in ("warm allow", "cold start")
    )
    assert "less than a tenth of the CPU" in text
    assert warm > 10
    assert "a cold start a quarter" in text
    assert 3.5 < cold < 4.5


def test_the_paths_that_contributors_are_shown_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    found = set(re.findall(r"`((?:authorizer|docs|entitlements|gatepass|tests|token_service)/[\w./-]*)`", text))
    assert len(found) > 15
    assert {path for path in found if not (ROOT / path).exists()} == set()


def test_what_the_threat_model_names_is_there() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", DOCS["security.md"]))
    assert len(named) > 10
    assert {name for name in named if f"def {name}(" not in tests} == set()
    files = [
        str(path.relative_to(ROOT))
        for folder in ("authorizer", "docs", "entitlements", "examples", "gatepass", "tests", "token_service")
        for path in (ROOT / folder).rglob("*.*")
    ]
    named = set(re.findall(r"`([\w/]+\.(?:py|js|md))`", DOCS["security.md"]))
    assert {name for name in named if not any(f"/{file}".endswith(f"/{name}") for file in files)} == set()


def test_the_checklist_names_tests_and_pages_that_exist() -> None:
    rows = [line.split("|") for line in DOCS["checklist.md"].splitlines() if line.startswith("| ")]
    proofs = [cells[3] for cells in rows if cells[3].strip() not in ("proof", "---")]
    assert len(proofs) >= 20
    for proof in proofs:
        named = re.findall(r"`([\w/]+\.py)`", proof)
        assert named or "](" in proof, proof
        assert [path for path in named if not (ROOT / "tests" / path).is_file()] == []
    code = (ROOT / "tests" / "portal" / "behaviour" / "test_journey.py").read_text()
    counted = re.search(r"== \((\d+), (\d+)\)", code)
    assert counted is not None
    assert f"needs {counted[1]} clicks" in DOCS["checklist.md"]


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_status_context_alternatives_and_consequences(path: Path) -> None:
    headings = ["Status", "Context", "Decision", "Alternatives considered", "Consequences"]
    _, *sections = re.split(r"^## ", path.read_text(), flags=re.MULTILINE)
    assert [section.partition("\n")[0] for section in sections] == headings
    assert all(section.partition("\n")[2].strip() for section in sections)
    assert re.search(r"^(Accepted|Superseded), \d{4}-\d\d-\d\d\b", sections[0], re.MULTILINE)
    assert re.search(r"^- \*\*", sections[3], re.MULTILINE)


def test_the_index_lists_every_decision_with_its_status() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    rows = {
        file: (title, status) for title, file, status in re.findall(r"^\| \[(.+)\]\((.+)\) \| (\w+) \|$", index, re.M)
    }
    found = {}
    for path in DECISIONS:
        text = path.read_text()
        status = re.search(r"^## Status\n\n(\w+)", text, re.MULTILINE)
        assert status is not None
        found[path.name] = (text.partition("\n")[0].removeprefix("# "), status[1].lower())
    assert rows == found


def test_the_glossary_lists_each_word_once_in_order() -> None:
    words = re.findall(r"^\| `?([^|`]+)`? \| ", DOCS["glossary.md"], re.MULTILINE)[2:]
    assert len(words) > 40
    assert words == sorted(set(words), key=str.lower)


def test_the_figure_names_parts_that_the_pages_describe() -> None:
    figure = ElementTree.parse(FIGURE).getroot()  # noqa: S314 - our own figure
    svg = "{http://www.w3.org/2000/svg}"
    names = [text.text or "" for text in figure.iter(f"{svg}text") if text.get("class") == "name"]
    assert len(names) > 5
    pages = "\n".join(
        line
        for line in (DOCS["architecture.md"] + DOCS["glossary.md"]).splitlines()
        if "](architecture.svg)" not in line
    )
    assert [name for name in names if name.lower() not in pages.lower()] == []
    assert figure.find(f"{svg}title") is not None
    assert figure.find(f"{svg}desc") is not None
    assert int(figure.get("width", "0")) <= 900


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_a_page_shows_the_figure_and_links_the_glossary(page: str) -> None:
    targets = re.findall(r"\]\(([^)]+)\)", (ROOT / page).read_text())
    assert any(target.endswith("architecture.svg") for target in targets)
    assert any(target.endswith("glossary.md") for target in targets)
