"""Writes `gatepass.js` as it is published: `gatepass-VERSION.js`, and the script tag with its hash.

It only leaves out comments and indentation, so what browsers run can be read beside its source.
"""

import argparse
import base64
import hashlib
import re
import sys
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCE: Final = ROOT / "portal" / "gatepass.js"
_VERSION: Final = re.compile(r"/\* gatepass\.js (\d+\.\d+\.\d+):")
# The source has no string or pattern that contains `/*`, or `//` before a space: a test holds that.
_COMMENT: Final = re.compile(r"/\*.*?\*/|(?:^|(?<= ))// [^\n]*", re.DOTALL | re.MULTILINE)


class PublishedScript(NamedTuple):
    """A version of the script: its file name, and the bytes that its hash is of."""

    name: str
    content: bytes

    @property
    def integrity(self) -> str:
        """The value of the attribute `integrity` (https://www.w3.org/TR/SRI/), by SHA-384."""
        return "sha384-" + base64.b64encode(hashlib.sha384(self.content).digest()).decode()

    @property
    def tag(self) -> str:
        """The script tag, to be completed with the page's own values."""
        return (
            f'<script src="https://MARKETPLACE/{self.name}" integrity="{self.integrity}" crossorigin="anonymous" '
            'data-solution="SOLUTION" data-api="https://API" data-marketplace="https://MARKETPLACE/"></script>'
        )


def published() -> PublishedScript:
    """The script of this clone. Raises `ValueError` if it names no version."""
    source = SOURCE.read_text(encoding="utf-8")
    version = _VERSION.search(source)
    if version is None:
        raise ValueError(f"{SOURCE.name} names no version")
    lines = (line.strip() for line in _COMMENT.sub("", source).splitlines())
    content = "\n".join(filter(None, lines)) + "\n"
    return PublishedScript(f"gatepass-{version[1]}.js", content.encode())


def main(arguments: list[str] | None = None) -> None:
    """Write the file and print its tag."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write the file")
    folder = parser.parse_args(arguments).folder
    script = published()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / script.name).write_bytes(script.content)
    sys.stdout.write(f"{folder / script.name}\n{script.tag}\n")


if __name__ == "__main__":
    main()
