"""`gatepass solutions apply`: a solution and the origins of its pages change together, whatever comes between."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from entitlements.items import origin_key
from entitlements.origins import origins_of
from entitlements.solution import Solution, read_solution
from gatepass.commands.solution_apply import MAX_ORIGINS, apply, require_few_origins
from gatepass.refusals import CommandError
from tests.support import emulators
from tests.support.command import Command
from tests.support.power import Power
from tests.support.signer import SOLUTION
from tests.support.table import Table, config
from token_service.repository import Repository
from token_service.usage.reports import Reports


def solution(*hosts: str, **changes: Any) -> Solution:
    return read_solution(config(return_urls=[f"https://{host}.example.com/" for host in hosts], **changes))


def stored(table: Table, solution_id: str = SOLUTION) -> tuple[str, set[str]]:
    items = table.all()
    document = next((i["document"] for i in items if i["pk"] == f"solution#{solution_id}"), "")
    return document, {
        item["pk"].removeprefix("origin#")
        for item in items
        if item["pk"].startswith("origin#") and item["sk"] == f"solution#{solution_id}"
    }


def hosts(*names: str) -> set[str]:
    return {f"https://{name}.example.com" for name in names}


@pytest.fixture
def repository(table: Table) -> Repository:
    return Repository(table.client, table.name)


BEFORE, AFTER = solution("a", "b"), solution("b", "c", name="Another name")


def test_cut_off_at_any_call_and_repeated_it_ends_in_the_file_s_state(table: Table, repository: Repository) -> None:
    power, seen = Power(table.client), []

    def setup() -> None:
        for item in table.all():
            table.client.delete_item(TableName=table.name, Key={n: {"S": item[n]} for n in ("pk", "sk")})
        apply(repository, BEFORE)

    for where in power.cuts(lambda: apply(repository, AFTER), setup):
        assert stored(table) in (
            (BEFORE.to_document(), hosts("a", "b")),
            (AFTER.to_document(), hosts("b", "c")),
        ), where
        apply(repository, AFTER)
        assert stored(table) == (AFTER.to_document(), hosts("b", "c")), where
        seen.append(where)
    assert len(seen) == 4
    assert seen[-1] == "after call 2, TransactWriteItems"


def test_what_is_applied_is_listed_once_and_by_its_id(table: Table, repository: Repository) -> None:
    other = read_solution(config(solution_id=f"{SOLUTION}-2"))
    for one in (BEFORE, other, AFTER):
        apply(repository, one)
    assert Reports(repository).solution_ids() == [SOLUTION, f"{SOLUTION}-2"]


def test_another_solution_s_origins_are_left_alone(table: Table, repository: Repository) -> None:
    apply(repository, read_solution(config(solution_id=f"{SOLUTION}-2", return_urls=["https://a.example.com/"])))
    apply(repository, BEFORE)
    apply(repository, AFTER)
    assert stored(table, f"{SOLUTION}-2")[1] == hosts("a")


@pytest.mark.parametrize("first", [BEFORE, None])
def test_whoever_applies_second_is_told_and_changes_nothing(
    table: Table, first: Solution | None, repository: Repository
) -> None:
    if first is not None:
        apply(repository, first)
    other = solution("other")

    class Meanwhile(Repository):
        def transact(self, actions: Any) -> None:
            apply(repository, other)
            super().transact(actions)

    with pytest.raises(CommandError, match=r"somebody else applied faiss-search at the same time.* run this again"):
        apply(Meanwhile(table.client, table.name), AFTER)
    assert stored(table) == (other.to_document(), hosts("other"))


def damaged(document: str) -> Callable[[Table], None]:
    return lambda table: table.put(f"solution#{SOLUTION}", "config", document=document)


@pytest.mark.parametrize("damage", [damaged("{"), lambda table: table.put(f"solution#{SOLUTION}", "config")])
def test_a_damaged_configuration_is_mended_with_its_origins(
    table: Table, repository: Repository, damage: Callable[[Table], None]
) -> None:
    apply(repository, read_solution(config(solution_id=f"{SOLUTION}-2", return_urls=["https://a.example.com/"])))
    apply(repository, BEFORE)
    damage(table)
    assert apply(repository, AFTER) is False
    assert stored(table) == (AFTER.to_document(), hosts("b", "c"))
    assert stored(table, f"{SOLUTION}-2")[1] == hosts("a")


def test_more_origins_than_a_transaction_holds_can_be_left_behind(real_table: Table) -> None:
    """A document from before there was a limit; cut off between two transactions, the rest is found again."""
    repository = Repository(real_table.client, real_table.name)
    many, wanted = (solution(*(f"{name}{n}" for n in range(count))) for name, count in (("h", 130), ("w", MAX_ORIGINS)))
    puts = [("Put", {"Item": origin_key(one, SOLUTION).wire}) for one in sorted(origins_of(many))]
    power = Power(real_table.client)

    def setup() -> None:
        real_table.put_solution(many)
        repository.transact(puts[:100])
        repository.transact(puts[100:])

    for where in power.cuts(lambda: apply(repository, wanted), setup):
        apply(repository, wanted)
        assert stored(real_table) == (wanted.to_document(), origins_of(wanted)), where
    assert power.calls == ["GetItem", *["TransactWriteItems"] * 2]


def test_a_file_with_too_many_origins_is_refused_when_it_is_applied(gatepass: Command, tmp_path: Path) -> None:
    file = tmp_path / "many.yaml"
    text = (emulators.ROOT / "examples" / "faiss_search" / "solution.yaml").read_text()
    urls = ", ".join(f"https://h{n}.example.com/" for n in range(MAX_ORIGINS))
    file.write_text(text.replace("return_urls: [http://localhost:8000/]", f"return_urls: [{urls}]"))
    run = gatepass("solutions", "apply", str(file))
    assert run.returncode == 1
    assert f"nothing was applied\n{file}: return_urls: have 41 different origins" in run.stderr
    require_few_origins(solution(*(f"h{n}" for n in range(MAX_ORIGINS))), file)
    read_solution(config(return_urls=[f"https://h{n}.example.com/" for n in range(MAX_ORIGINS + 1)]))


def test_a_new_solution_that_puts_tokens_into_queries_is_told_of_better_ways(gatepass: Command, tmp_path: Path) -> None:
    gatepass("init")
    file = tmp_path / "s.yaml"
    text = (emulators.ROOT / "examples" / "faiss_search" / "solution.yaml").read_text()
    for delivery, told in (("query", True), ("query", False), ("fragment", False)):
        lines = [line for line in text.splitlines() if not line.startswith("token_delivery")]
        file.write_text("\n".join([*lines, f"token_delivery: {delivery}"]))
        run = gatepass("solutions", "apply", str(file))
        assert run.returncode == 0, run.stderr
        assert ("fragment or code keeps them out" in run.stderr) is told
