"""The files that a publication consists of."""

import hashlib
import re

from gatepass.portal import PORTAL, VENDOR
from gatepass.portal_files import portal_files
from gatepass.published_script import published

SETTINGS = {"portal-name": "Shop\n# A", "token-service": "", "solutions": "one", "contact": ""}
FILES = portal_files(SETTINGS, "https://portal.example.com", "https://tokens.example.com")
BY_NAME = {file.name: file for file in FILES}


def test_every_file_of_the_portal_is_one_of_them_and_the_script_only_by_its_version() -> None:
    sources = {path.relative_to(PORTAL).as_posix() for path in PORTAL.rglob("*") if path.is_file()}
    assert set(BY_NAME) == sources - {"gatepass.js", "vendor/SHA256SUMS"} | {published().name}


def test_what_others_wrote_is_what_they_published_with_its_licence() -> None:
    """uPlot's files as npm has them: https://www.npmjs.com/package/uplot"""
    sums = dict(line.split()[::-1] for line in (PORTAL / VENDOR / "SHA256SUMS").read_text().splitlines())
    vendored = {
        name.removeprefix("vendor/"): one.content for name, one in BY_NAME.items() if name.startswith("vendor/")
    }
    assert {name: hashlib.sha256(content).hexdigest() for name, content in vendored.items()} == sums
    assert sums["uplot-1.6.32.min.js"] == "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"
    assert vendored["uplot-1.6.32.min.js"].startswith(b"/*! https://github.com/leeoniya/uPlot (v1.6.32) */")
    assert b"The MIT License" in vendored["uplot-LICENSE.txt"]
    scripts = [name for name in vendored if name.endswith(".js")]
    assert scripts == [f"{name}.js" for name in re.findall(r"vendor/(\S+)`", (PORTAL / "chart.js").read_text())]


def test_the_page_is_the_last_and_versions_alone_are_immutable() -> None:
    assert FILES[-1].name == "index.html"
    assert [file.name for file in FILES if file.versioned] == [published().name]


def test_each_is_published_as_what_it_is() -> None:
    kinds = {"css": "text/css", "html": "text/html", "js": "text/javascript", "txt": "text/plain"}
    assert {file.content_type for file in FILES} == {f"{kind}; charset=utf-8" for kind in kinds.values()}
    assert all(file.content_type.startswith(kinds[file.name.rpartition(".")[2]]) for file in FILES)


def test_the_guide_has_the_form_that_programs_expect() -> None:
    """A title, a summary, prose without headings, then sections of nothing but links (https://llmstxt.org)."""
    text = BY_NAME["llms.txt"].content.decode()
    assert "{" not in re.sub(r"`[^`]*`", "", text)
    title, _, rest = text.partition("\n\n")
    assert title == "# Shop # A"
    assert rest.startswith("> ")
    prose, *sections = re.split(r"^## ", rest, flags=re.MULTILINE)
    assert "\n#" not in prose
    for section in sections:
        lines = section.strip().splitlines()[2:]
        assert lines
        assert all(
            re.fullmatch(r"- \[[^\]]+\]\(https://(portal|tokens)\.example\.com/\S*\): .+", line) for line in lines
        )


def test_the_guide_names_routes_and_reasons_that_there_are() -> None:
    from entitlements.reasons import Reason
    from tests.support.template import TEMPLATE

    text = BY_NAME["llms.txt"].content.decode()
    events = TEMPLATE["Resources"]["TokenService"]["Properties"]["Events"].values()
    routes = {(one["Properties"]["Method"], one["Properties"]["Path"]) for one in events}
    named = set(re.findall(r"`(GET|POST) https://tokens\.example\.com(/[^`]+)`", text))
    assert len(named) >= 5
    assert named <= routes
    reasons = set(re.findall(r"`([a-z]+_[a-z_]+)`", text))
    assert len(reasons) >= 5
    assert reasons - {"solution_id", "id_token"} <= {reason.value for reason in Reason}
