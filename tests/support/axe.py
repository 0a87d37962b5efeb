"""axe-core, which finds what keeps people from using a page: https://github.com/dequelabs/axe-core"""

from typing import TYPE_CHECKING

from tests.support.emulators import ROOT, unavailable

if TYPE_CHECKING:
    from playwright.sync_api import Page

_SCRIPT = ROOT / ".tools" / "axe-core" / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: "Page") -> list[str]:
    """What it finds on the page as it is: the impact, the rule, and the first element. Skips where it is missing.

    It is evaluated by the browser's own debugger, which no policy of the page holds back.
    """
    if not _SCRIPT.exists():
        unavailable("axe-core (make tools)")
    page.evaluate(_SCRIPT.read_text())
    found: list[str] = page.evaluate(
        "async () => (await axe.run()).violations.map((one) => `${one.impact} ${one.id}: ${one.nodes[0].html}`)"
    )
    return found
