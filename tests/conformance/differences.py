"""What targets do otherwise, as data. Each is held: a target that comes to agree with AWS fails the suite too."""

from tests.conformance import runner
from tests.conformance.model import Case, Target

Known = dict[str, dict[str, tuple[str, ...]]]
KNOWN: Known = {}
"""By target and case: the differences as `runner.differences` words them."""


def check(target: Target, case: Case) -> None:
    """Raise an `AssertionError` unless the target differs exactly as is known."""
    known = KNOWN.get(target.name, {}).get(case.id, ())
    found = tuple(runner.differences(target, case))
    told = f"{target.name}, {case.id}: {case.says} ({case.decides})\nfound: {list(found)}\nknown: {list(known)}"
    assert found == known, told
