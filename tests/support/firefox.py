"""A headless Firefox that reaches this machine only, driven by Marionette, which it has built in.

Playwright drives Chromium here: of Debian's Firefox it wants a command that this one does not know yet
(`emulation.setMediaFeaturesOverride`). https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
"""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

from tests.support.emulators import unavailable

NAMES: Final = ("firefox-esr", "firefox")
PATIENCE: Final = 30.0
"""Seconds."""
PREFERENCES: Final = {
    "marionette.port": 0,
    # What is not on this machine goes to a proxy that is not there.
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.normandy.enabled": False,
    "extensions.update.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
}


class Firefox:
    """One window. Scripts are function bodies; elements that they return can be clicked and typed into."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket, self._ids = connection, count(1)
        self._receive()  # what it is
        self._call("WebDriver:NewSession", {"capabilities": {}})

    def _receive(self) -> Any:
        """One message: its length in bytes, a colon, and JSON."""
        head = b""
        while not head.endswith(b":"):
            head += self._read(1)
        body, length = b"", int(head[:-1])
        while len(body) < length:
            body += self._read(length - len(body))
        return json.loads(body)

    def _read(self, most: int) -> bytes:
        got = self._socket.recv(most)
        if not got:
            raise ConnectionError("Firefox has ended")
        return got

    def _call(self, command: str, parameters: dict[str, Any]) -> Any:
        message = json.dumps([0, next(self._ids), command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._receive()
        if error:
            raise AssertionError(f"{command}: {error['error']}: {error['message']}")
        return result["value"] if isinstance(result, dict) and "value" in result else result

    def open(self, url: str) -> None:
        self._call("WebDriver:Navigate", {"url": url})

    @property
    def url(self) -> str:
        return str(self._call("WebDriver:GetCurrentURL", {}))

    def run(self, script: str, *arguments: Any) -> Any:
        return self._call("WebDriver:ExecuteScript", {"script": script, "args": list(arguments)})

    def wait(self, script: str, *arguments: Any) -> Any:
        """The script's value once it is true; a page that is left meanwhile has none."""
        end, found = time.monotonic() + PATIENCE, None
        while not found:
            assert time.monotonic() < end, f"{script} at {self.url}"
            try:
                found = self.run(script, *arguments)
            except AssertionError:
                found = None
            time.sleep(0.05)
        return found

    def click(self, script: str, *arguments: Any) -> None:
        """The element that the script returns, once there is one."""
        (element,) = self.wait(script, *arguments).values()
        self._call("WebDriver:ElementClick", {"id": element})

    def press(self, text: str) -> None:
        """The link or button in the main part of the page with this text."""
        self.click(
            "return [...document.querySelectorAll('main a, main button')].find(e => e.innerText === arguments[0])", text
        )

    def fill(self, selector: str, text: str) -> None:
        (element,) = self.wait("return document.querySelector(arguments[0])", selector).values()
        self._call("WebDriver:ElementClear", {"id": element})
        self._call("WebDriver:ElementSendKeys", {"id": element, "text": text})

    def quit(self) -> None:
        self._call("Marionette:Quit", {"flags": ["eForceQuit"]})


@contextmanager
def firefox(profile: Path) -> Iterator[Firefox]:
    """Run it with a profile, which a later run can continue. Skips where there is none."""
    program = next((found for name in NAMES if (found := shutil.which(name))), "")
    if not program:
        unavailable("Firefox")
    profile.mkdir(exist_ok=True)
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("".join(lines))
    port = profile / "MarionetteActivePort"
    port.unlink(missing_ok=True)
    command = [program, "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + PATIENCE
            while not (port.exists() and port.read_text()):
                assert process.poll() is None and time.monotonic() < end, "Firefox did not start"  # noqa: PT018
                time.sleep(0.05)
            with socket.create_connection(("127.0.0.1", int(port.read_text())), timeout=PATIENCE) as connection:
                browser = Firefox(connection)
                yield browser
                browser.quit()
            process.wait(PATIENCE)
        finally:
            process.kill()
