"""The suite on the local gateway."""

import pytest

from tests.conformance.cases import CASES
from tests.conformance.differences import check
from tests.conformance.model import Case, Target


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_local_gateway_answers_as_the_suite_says(target: Target, case: Case) -> None:
    check(target, case)
