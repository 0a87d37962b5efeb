"""The groups of the user pool whose members may read usage.

Their ID tokens name them in `cognito:groups`:
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-user-groups.html
"""

from typing import Final

OPERATORS: Final = "operators"
"""They see every solution."""
OWNERS: Final = "owners-"
"""Followed by a solution's id: they see that one."""


def owners_of(solution_id: str) -> str:
    """The group of a solution's owners."""
    return f"{OWNERS}{solution_id}"
