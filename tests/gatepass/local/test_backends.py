"""One's own handler: what is wrong with it is said before anything starts to serve."""

from pathlib import Path

import pytest

from gatepass.local.backends import own
from gatepass.refusals import CommandError


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("app", "", "write MODULE:HANDLER"),
        ("app:", "", "write MODULE:HANDLER"),
        ("broken_one:handler", "import nothing_of_the_kind", "No module named 'nothing_of_the_kind'"),
        ("broken_two:handler", "def handler(", "SyntaxError"),
        ("broken_three:handler", "1 / 0", "broken_three.py:1"),
        ("lacking:handler", "handler = 5", "lacking has no function handler"),
        ("lacking_too:handler", "", "lacking_too has no function handler"),
    ],
)
def test_a_handler_that_cannot_be_had_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, text: str, expected: str
) -> None:
    (tmp_path / f"{name.partition(':')[0]}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CommandError, match=rf"--app {name}: .*{expected}"):
        own(name, tmp_path / "solution.yaml").load()
