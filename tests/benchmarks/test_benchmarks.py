"""The benchmark is fair, and its one command works. Nothing is timed here."""

import hashlib
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import report
from benchmarks.bundles import BARE, OURS, OWN_WRITE, PEERS, target_python
from benchmarks.distance import AWAY_SECONDS
from benchmarks.emulator import find_emulator
from benchmarks.figures import percentile, ratio, slope
from benchmarks.stage import Stage, set_up
from benchmarks.tables import Client
from benchmarks.targets import targets
from benchmarks.world import World, altered, configuration, entitlement, event, key_ring, solution, unlimited, user_id
from tests.support.emulators import DYNAMODB_LOCAL, ROOT, unavailable

REGISTERED, PRO, SUSPENDED, SUPERSEDED, STRANDED, STRANGER = map(user_id, range(6))
CALLS = {"ours": 1, "good": 2, "conventional": 3, "jwt_only": 0}


def ask(stage: Stage, peer: str, endpoint: str) -> list[Any]:
    """What a peer answers to the same requests of the same users, on a table of its own."""
    client, table = Client(endpoint), f"t-{peer}-{secrets.token_hex(6)}"
    client.create(table)
    users = [
        entitlement(REGISTERED),
        entitlement(PRO, plan="pro"),
        entitlement(SUSPENDED, status="suspended"),
        entitlement(SUPERSEDED, jti="the-jti-of-a-newer-token"),
        entitlement(STRANDED, plan="a-plan-of-old"),
    ]
    client.write(table, [key_ring(), *configuration(stage.world.config), *users])
    token = {user: stage.world.token(peer, user) for user in map(user_id, range(6))}
    tokens = [token[REGISTERED]] * 4 + [altered(token[REGISTERED]), token[PRO], token[PRO]]
    tokens += [token[SUSPENDED], token[SUPERSEDED], token[STRANDED], token[STRANGER]]
    answers: list[Any] = stage.worker(peer, endpoint, table).ask("answers", events=[event(t) for t in tokens])
    return answers


@pytest.fixture(scope="module")
def bundles() -> Iterator[Path]:
    """For the peers, which are kept for as long as nothing that they are made of changes. Ours is made anew."""
    sources = [*ROOT.glob("requirements/bench_*.txt"), ROOT / "scripts" / "bundle.py"]
    made_of = hashlib.sha256(target_python().version.encode())
    for path in sorted([*sources, *ROOT.glob("benchmarks/peers/**/*.py")]):
        made_of.update(path.read_bytes())
    kept = ROOT / ".tools" / "bundles" / made_of.hexdigest()[:12]
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        for path in kept.iterdir():
            Path(folder, path.name).symlink_to(path)
        yield Path(folder)
        for path in Path(folder).iterdir():
            if path.stem != OURS and not path.is_symlink():
                with suppress(OSError):  # another worker kept its own
                    path.rename(kept / path.name)


def test_all_peers_answer_the_same_to_the_same_requests(dynamodb_local_endpoint: str, bundles: Path) -> None:
    with set_up(World(unlimited(solution(day_limit=3))), bundles) as stage:
        answers = {peer: ask(stage, peer, dynamodb_local_endpoint) for peer in PEERS}
    ours = answers["ours"]
    reasons = [answer if isinstance(answer, str) else answer["context"]["reason"] for answer in ours]
    assert reasons == [
        "ok", "ok", "ok", "quota_exceeded", "Unauthorized", "ok", "ok",
        "entitlement_suspended", "Unauthorized", "plan_unknown", "Unauthorized",
    ]  # fmt: skip
    assert answers["good"] == ours
    assert answers["conventional"] == ours
    # Without a database only the signature can be told, in an answer of the same shape.
    assert [answer == "Unauthorized" for answer in answers["jwt_only"]] == [n == 4 for n in range(len(ours))]
    assert all(
        answer["context"].keys() == ours[0]["context"].keys()
        for answer in answers["jwt_only"]
        if answer != "Unauthorized"
    )


@pytest.mark.usefixtures("processes")
def test_one_command_measures_everything(tmp_path: Path, bundles: Path) -> None:
    if shutil.which("java") is None or not DYNAMODB_LOCAL.is_dir():
        unavailable("DynamoDB Local (make tools, needs Java and Maven)")
    if find_emulator() is None:
        unavailable("the emulator of aws-sam-cli (make check installs it)")
    command = [sys.executable, "-m", "benchmarks", "--quick", "--results", str(tmp_path)]
    command += ["--bundles", str(bundles)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page, plot, raw = (only(tmp_path, kind) for kind in ("md", "svg", "json"))
    assert ElementTree.parse(plot).getroot().tag.endswith("}svg")  # noqa: S314 - our own figure
    data = json.loads(raw.read_text())
    page_is_whole(page.read_text(), plot.name)
    every_call_is_counted(data["warm"]["calls"])
    assert data["cold"].keys() == {*PEERS, "empty"}
    assert data["wall"].keys() == {*PEERS, BARE, OWN_WRITE}
    assert data["far"].keys() == {OURS, BARE, OWN_WRITE}
    assert min(data["far"][BARE]["p50"]) > AWAY_SECONDS * 1e3
    assert data["growth"].keys() == {"solutions", "plans", "entitlements"}
    a_missed_target_is_reported_with_distance_and_profile(data)
    for path in (page, plot, raw):
        nothing_tells_where_it_ran(path.read_text())


def only(folder: Path, kind: str) -> Path:
    (path,) = folder.glob(f"*.{kind}")
    return path


def page_is_whole(page: str, plot: str) -> None:
    for heading in ("Targets", "A warm decision", "A warm allow against DynamoDB Local", "A cold start", "Growth"):
        assert f"## {heading}" in page
    assert f"]({plot})" in page


def every_call_is_counted(calls: dict[str, dict[str, float]]) -> None:
    assert calls["allow"] == CALLS
    assert calls["allow, token not seen before"] == CALLS
    assert calls["deny a visitor by quota"] == {"ours": 0}
    assert calls["deny by quota"] == {"ours": 1, "good": 1, "conventional": 2}
    assert calls["deny by bad signature"] == dict.fromkeys(PEERS, 0)


def a_missed_target_is_reported_with_distance_and_profile(data: dict[str, Any]) -> None:
    data = data | {"zipped_bytes": data["zipped_bytes"] | {"ours": 7_500_000}}
    (bundle,) = [target for target in targets(data) if target.what.startswith("authorizer bundle")]
    assert bundle.verdict == "**missed** by 1.50 MB"
    assert "## Where the time of ours goes" in report.render(data, "plot.svg")


def nothing_tells_where_it_ran(text: str) -> None:
    assert str(ROOT) not in text
    assert f"{Path.home()}/" not in text
    assert "gatepass-bench-" not in text


def test_ratios_are_taken_round_by_round() -> None:
    found = ratio([10, 40], [1, 2])
    assert (found.median, found.low, found.high) == (15, 10, 20)


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 100), (1, 1), (0, 1)])
def test_a_percentile_is_a_value_that_was_measured(percent: int, expected: int) -> None:
    assert percentile(range(100, 0, -1), percent) == expected


def test_the_slope_of_a_line_is_its_own() -> None:
    assert slope([1, 5, 10, 20], [3, 11, 21, 41]) == pytest.approx(2)
