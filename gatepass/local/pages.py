"""The web pages of the local stack: the solution's page, the portal, and the inbox with the mails of Cognito."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from gatepass.portal import (
    GUIDE,
    PAGE,
    PORTAL,
    TYPES,
    VENDOR,
    security_policy,
    with_addresses,
    with_folder,
    with_settings,
)

PORTAL_PATH: Final = "/portal/"
INBOX_PATH: Final = "/inbox/"
INBOX: Final = Path(__file__).with_name("inbox")

Event = dict[str, Any]


class Pages:
    """A handler for HTTP APIs that answers with the files of all three, as they are at the time of the request.

    `settings` replace the contents of the `<meta>` elements of these names, and a script tag's `data-` attributes: a
    page names its API and its token service there. Without a front end, `/` is the portal. `mails` returns the mails of
    the inbox, oldest first.
    """

    def __init__(self, frontend: Path | None, mails: Callable[[], Sequence[Mapping[str, str]]]) -> None:
        self._folders = {PORTAL_PATH: PORTAL, f"{PORTAL_PATH}{VENDOR}/": PORTAL / VENDOR, INBOX_PATH: INBOX}
        self._folders |= {"/": frontend} if frontend else {}
        self._mails = mails
        self.settings: Mapping[str, str] = {}

    def __call__(self, event: Event, _: Any) -> Event:
        """Answer an event of payload 2.0."""
        folder, _, name = str(event["rawPath"]).rpartition("/")
        prefix = f"{folder}/"
        if prefix == "/" and not name and "/" not in self._folders:
            return {"statusCode": 302, "headers": {"location": PORTAL_PATH}, "body": ""}
        if (prefix, name) == (INBOX_PATH, "mails.json"):
            return {"statusCode": 200, "headers": _headers("application/json"), "body": json.dumps(self._mails())}
        if prefix.startswith(PORTAL_PATH) and "." not in name:
            prefix, name = PORTAL_PATH, PAGE
        file = self._file(prefix, name or PAGE)
        if file is None and (prefix, name) == ("/", GUIDE):  # where programs look for it, unless it is the solution's
            file = self._file(PORTAL_PATH, GUIDE)
        if file is None:
            return {"statusCode": 404, "headers": {"content-type": "text/plain"}, "body": "there is no such page\n"}
        text = file.read_text(encoding="utf-8")
        headers = _headers(TYPES[file.suffix])
        if file.suffix == ".html":
            text = with_settings(text, self.settings)
            if prefix == PORTAL_PATH:
                text = with_folder(text, PORTAL_PATH)
                headers["content-security-policy"] = security_policy(
                    self.settings["token-service"], self.settings["razorpay-script"]
                )
        if file.name == GUIDE and file.parent == PORTAL:
            portal, token_service = self.settings["portal"], self.settings["token-service"]
            text = with_addresses(text, self.settings["portal-name"], portal, token_service)
        return {"statusCode": 200, "headers": headers, "body": text}

    def _file(self, prefix: str, name: str) -> Path | None:
        """The file of that name. It is looked up among the names of its folder, so no path leads out of it."""
        folder = self._folders.get(prefix)
        files = [path for path in folder.iterdir() if path.suffix in TYPES] if folder else []
        return next((path for path in files if path.name == name), None)


def _headers(media_type: str) -> dict[str, str]:
    return {"content-type": f"{media_type}; charset=utf-8", "cache-control": "no-store"}
