"""The shell blocks of pages such as docs/operations.md, which tests run as they are written."""

import re

from tests.support.emulators import ROOT

SHELL = ["bash", "-euo", "pipefail", "-c"]


def shell_blocks(page: str) -> dict[str, list[str]]:
    """Those of each section of a page of docs/, by its title."""
    sections = re.split(r"^##+ ", (ROOT / "docs" / page).read_text(), flags=re.MULTILINE)
    blocks = {s.partition("\n")[0]: re.findall(r"```sh\n(.*?)```", s, re.DOTALL) for s in sections}
    return {title: found for title, found in blocks.items() if found}


def runbook() -> dict[str, str]:
    """The shell blocks of each section of docs/operations.md."""
    return {title: "\n".join(found) for title, found in shell_blocks("operations.md").items()}


def runbook_of_the_portal() -> str:
    """That of a stack with a portal."""
    return runbook()["The portal"]


def runbook_of_payments() -> dict[str, str]:
    """Those that need a seller with Razorpay's keys."""
    return {title: blocks for title, blocks in runbook().items() if re.search("gatepass (payments|razorpay) ", blocks)}
