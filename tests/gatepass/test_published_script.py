"""The published script: small, and of the version that its source names."""

import gzip
import re
from pathlib import Path

import pytest

from gatepass import __version__
from gatepass.published_script import PUBLISHED_NAME, published

MAX_GZIPPED = 5 * 1024


def test_the_published_script_is_small() -> None:
    assert len(gzip.compress(published().content, 9)) <= MAX_GZIPPED


def test_its_name_is_that_of_a_version_and_the_source_s_is_not() -> None:
    assert published().name == f"gatepass-{__version__}.js"
    assert PUBLISHED_NAME.fullmatch(published().name)
    assert PUBLISHED_NAME.fullmatch("gatepass.js") is None


def test_no_literal_looks_like_a_comment() -> None:
    code = published().content.decode()
    assert "/*" not in code
    assert "// " not in code
    # A comment's mark in a string or a pattern would be cut out: none of the literals has one.
    literals = re.findall(r'"[^"\n]*"|`[^`]*`', code)
    assert len(literals) > 50
    assert [text for text in literals if "/*" in text or "// " in text] == []


def test_a_source_without_a_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gatepass.js").write_text("(() => {})();")
    with pytest.raises(ValueError, match="names no version"):
        published(tmp_path / "gatepass.js")
