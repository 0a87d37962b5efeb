"""`gatepass.js` as it is published: `gatepass-VERSION.js`, and the script tag with its hash.

It only leaves out comments and indentation, so what browsers run can be read beside its source.
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import Final, NamedTuple

from gatepass.repository_files import repository_file

SOURCE: Final[Path] = repository_file("portal") / "gatepass.js"
PUBLISHED_NAME: Final = re.compile(r"gatepass-\d+\.\d+\.\d+\.js")
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

    def tag(self, marketplace: str, token_service: str) -> str:
        """The script tag, to be completed with the page's own values. Takes URLs without a slash at the end."""
        return (
            f'<script src="{marketplace}/{self.name}" integrity="{self.integrity}" crossorigin="anonymous" '
            f'data-solution="SOLUTION" data-api="https://API" data-token-service="{token_service}" '
            f'data-marketplace="{marketplace}/"></script>'
        )


def published(source: Path = SOURCE) -> PublishedScript:
    """The script of this clone or package. Raises `ValueError` if it names no version."""
    text = source.read_text(encoding="utf-8")
    version = _VERSION.search(text)
    if version is None:
        raise ValueError(f"{source.name} names no version")
    lines = (line.strip() for line in _COMMENT.sub("", text).splitlines())
    content = "\n".join(filter(None, lines)) + "\n"
    return PublishedScript(f"gatepass-{version[1]}.js", content.encode())
