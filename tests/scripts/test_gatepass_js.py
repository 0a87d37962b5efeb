"""The published script: small, of this version, and under the hash that its tag names."""

import base64
import gzip
import hashlib
import re
from pathlib import Path

import pytest

from gatepass import __version__
from scripts import gatepass_js

MAX_GZIPPED = 5 * 1024


def test_the_make_target_writes_a_versioned_file_and_prints_its_hash(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gatepass_js.main([str(tmp_path / "build")])
    path, tag = capsys.readouterr().out.splitlines()
    assert path == str(tmp_path / "build" / f"gatepass-{__version__}.js")
    digest = hashlib.sha384(Path(path).read_bytes()).digest()
    assert f'integrity="sha384-{base64.b64encode(digest).decode()}"' in tag
    assert f"/gatepass-{__version__}.js" in tag


def test_the_published_script_is_small() -> None:
    assert len(gzip.compress(gatepass_js.published().content, 9)) <= MAX_GZIPPED


def test_no_literal_looks_like_a_comment() -> None:
    code = gatepass_js.published().content.decode()
    assert "/*" not in code
    assert "// " not in code
    # A comment's mark in a string or a pattern would be cut out: none of the literals has one.
    literals = re.findall(r'"[^"\n]*"|`[^`]*`', code)
    assert len(literals) > 50
    assert [text for text in literals if "/*" in text or "// " in text] == []


def test_a_source_without_a_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gatepass.js").write_text("(() => {})();")
    monkeypatch.setattr(gatepass_js, "SOURCE", tmp_path / "gatepass.js")
    with pytest.raises(ValueError, match="names no version"):
        gatepass_js.published()
