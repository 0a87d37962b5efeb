"""The web pages of the local stack: the solution's page, and a small marketplace where visitors register."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

MARKETPLACE: Final = Path(__file__).with_name("marketplace")
MARKETPLACE_PATH: Final = "/marketplace/"
TYPES: Final = {".css": "text/css", ".html": "text/html", ".js": "text/javascript"}

Event = dict[str, Any]


class Pages:
    """A handler for HTTP APIs that answers with the files of both pages, as they are at the time of the request.

    `settings` replace the contents of the `<meta>` elements of these names, and the script tag's `data-` attributes: a
    page names its API and its token service there. Without a front end, `/` is the marketplace.
    """

    def __init__(self, frontend: Path | None) -> None:
        self._folders = {MARKETPLACE_PATH: MARKETPLACE} | ({"/": frontend} if frontend else {})
        self.settings: Mapping[str, str] = {}

    def __call__(self, event: Event, _: Any) -> Event:
        """Answer an event of payload 2.0."""
        folder, _, name = str(event["rawPath"]).rpartition("/")
        if (folder, name) == ("", "") and "/" not in self._folders:
            return {"statusCode": 302, "headers": {"location": MARKETPLACE_PATH}, "body": ""}
        file = self._file(f"{folder}/", name or "index.html")
        if file is None:
            return {"statusCode": 404, "headers": {"content-type": "text/plain"}, "body": "there is no such page\n"}
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".html":
            text = self._with_settings(text)
        headers = {"content-type": f"{TYPES[file.suffix]}; charset=utf-8", "cache-control": "no-store"}
        return {"statusCode": 200, "headers": headers, "body": text}

    def _file(self, prefix: str, name: str) -> Path | None:
        """The file of that name. It is looked up among the names of its folder, so no path leads out of it."""
        folder = self._folders.get(prefix)
        files = [path for path in folder.iterdir() if path.suffix in TYPES] if folder else []
        return next((path for path in files if path.name == name), None)

    def _with_settings(self, page: str) -> str:
        for name, value in self.settings.items():
            for mark in (f'<meta name="{name}" content="', f' data-{name}="'):
                before, found, after = page.partition(mark)
                if found:
                    page = before + found + escape(value) + after[after.index('"') :]
        return page
