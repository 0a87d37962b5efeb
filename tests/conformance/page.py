"""The tables of docs/conformance.md, from the cases and the known differences.

`python -m tests.conformance.page` writes them; a test compares.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.conformance.cases import CASES
from tests.conformance.differences import KNOWN
from tests.conformance.model import ApiFormat, Case

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
MARK = "<!-- Below this line, everything is written by python -m tests.conformance.page -->\n"
BY_ID = {case.id: case for case in CASES}


def tables() -> str:
    """Both tables, with their headings."""
    return "\n".join((MARK, *_differences(), "", *_cases(), ""))


def _differences() -> Iterator[str]:
    yield "## Differences\n"
    yield "The local gateway has none. The tests hold each of these, to the word that came instead: see `tests/conformance/known/`.\n"
    yield "| target | what it does instead | cases | decided by |"
    yield "| --- | --- | --- | --- |"
    for target, known in KNOWN.items():
        for one in known:
            cases = [BY_ID[id] for id in one.cases]
            yield f"| {target} | {one.why} | {_named(cases)} | {_decided(cases)} |"


def _cases() -> Iterator[str]:
    yield "## Cases\n"
    yield "| case | APIs | what it holds | decided by |"
    yield "| --- | --- | --- | --- |"
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in CASES:
        groups.setdefault((case.name, case.says), []).append(case)
    for name in dict.fromkeys(case.name for case in CASES):
        for (_, says), cases in groups.items():
            if cases[0].name == name:
                yield f"| {name} | {_formats(cases)} | {says} | {_decided(cases)} |"


def _named(cases: Iterable[Case]) -> str:
    by_name: dict[str, list[Case]] = {}
    for case in cases:
        by_name.setdefault(case.name, []).append(case)
    by_formats: dict[str, list[str]] = {}
    for name, group in by_name.items():
        by_formats.setdefault(_formats(group), []).append(name)
    return "; ".join(f"*{formats}:* {', '.join(names)}" for formats, names in by_formats.items())


def _formats(cases: Iterable[Case]) -> str:
    formats = [case.format for case in cases]
    return ", ".join(format for format in ApiFormat if format in formats)


def _decided(cases: Iterable[Case]) -> str:
    links = {(case.decides.partition("#")[0], case.by_report): _link(case) for case in cases}
    return ", ".join(links.values())


def _link(case: Case) -> str:
    parts = case.decides.rstrip("/").split("/")
    name = (
        "#".join((parts[-3], parts[-1])) if "github.com" in parts else parts[-1].partition("#")[0].removesuffix(".html")
    )
    return f"{'by report: ' if case.by_report else ''}[{name}]({case.decides})"


def written(text: str) -> str:
    """The page with its tables as they are to be."""
    return text.partition(MARK)[0].rstrip("\n") + "\n\n" + tables()


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
