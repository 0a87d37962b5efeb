"""What is known of each target. A target that comes to agree with AWS fails the suite too, so that the list stays true."""

from collections.abc import Mapping

from tests.conformance import runner
from tests.conformance.known import ministack, sam_local
from tests.conformance.model import Case, Difference, Target

KNOWN: Mapping[str, tuple[Difference, ...]] = {
    "local gateway": (),
    "sam local": sam_local.DIFFERENCES,
    "MiniStack": ministack.DIFFERENCES,
}


def known(target: str, case: Case) -> list[str]:
    """All that the target is known to do otherwise in the case."""
    return [text for one in KNOWN[target] for text in one.cases.get(case.id, ())]


def check(target: Target, case: Case) -> None:
    """Raise an `AssertionError` unless the target differs exactly as is known."""
    found, expected = runner.differences(target, case), known(target.name, case)
    told = f"{target.name}, {case.id}: {case.says} ({case.decides})\nfound: {found}\nknown: {expected}"
    assert found == expected, told
