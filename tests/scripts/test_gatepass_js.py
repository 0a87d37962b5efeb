"""The make target: the published script, under the hash that its tag names."""

import base64
import hashlib
from pathlib import Path

import pytest

from gatepass import __version__
from scripts import gatepass_js


def test_the_make_target_writes_a_versioned_file_and_prints_its_hash(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gatepass_js.main([str(tmp_path / "build")])
    path, tag = capsys.readouterr().out.splitlines()
    assert path == str(tmp_path / "build" / f"gatepass-{__version__}.js")
    digest = hashlib.sha384(Path(path).read_bytes()).digest()
    assert f'integrity="sha384-{base64.b64encode(digest).decode()}"' in tag
    assert f"/gatepass-{__version__}.js" in tag
    assert " data-token-service=" in tag
