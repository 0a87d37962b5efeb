"""The page is uploaded with the settings of its stack, and only when they are all there."""

import re
from pathlib import Path

import pytest

from examples.faiss_search import publish
from examples.faiss_search.publish import FRONTEND, UnpublishableError, page

PAGE = (FRONTEND / "index.html").read_text()
OUTPUTS = {
    "ApiUrl": "https://api.example.com/prod",
    "TokenServiceUrl": "https://tokens.example.com",
    "PortalUrl": 'https://portal.example.com/?a=1&b="2"',
}


def test_the_page_has_the_outputs_as_its_settings_and_is_otherwise_the_same() -> None:
    made = page(PAGE, OUTPUTS)
    assert 'data-api="https://api.example.com/prod"' in made
    assert 'data-token-service="https://tokens.example.com"' in made
    assert 'data-marketplace="https://portal.example.com/?a=1&amp;b=&quot;2&quot;"' in made
    assert 'data-solution="faiss-search"' in made
    settings = re.compile(r' data-(api|token-service|marketplace)="[^"]*"')
    assert settings.sub("", made) == settings.sub("", PAGE)


@pytest.mark.parametrize("missing", OUTPUTS)
def test_a_missing_output_is_named(missing: str) -> None:
    with pytest.raises(UnpublishableError, match=f"no output {missing}: deploy"):
        page(PAGE, {name: value for name, value in OUTPUTS.items() if name != missing})


@pytest.mark.parametrize("text", ["", PAGE.replace("data-api=", "data-ipa="), PAGE * 2])
def test_a_page_without_its_settings_is_refused(text: str) -> None:
    with pytest.raises(UnpublishableError, match="must have one data-api"):
        page(text, OUTPUTS)


def test_the_command_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "outputs_of", lambda stack: {"PageUrl": stack})
    with pytest.raises(SystemExit, match=r"publish.py: no output ApiUrl"):
        publish.main(["finder"])


def test_the_command_says_that_no_region_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(SystemExit, match=r"You must specify a region. Set AWS_REGION"):
        publish.main(["finder"])
