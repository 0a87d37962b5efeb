"""The simulation finds bugs that are planted on purpose, each within some seeds, and shows them again from the seed."""

import pytest

from tests.simulation.planted import BUGS, planted
from tests.simulation.run import simulate

FOUND_BY = {
    "suspended_users_pass": (60, "no write was applied while access was active"),
    "a_repeated_write_counts_again": (60, "a request was counted twice"),
    "a_quota_has_one_more": (5, "of 4 in a day of registered"),
    "a_revocation_keeps_the_token": (20, "access is revoked, and there is a token"),
    "a_deletion_forgets_the_counters": (150, "of 4 in a day of registered"),
    "gates_never_look_again": (70, "the solution is disabled"),
    "no_answer_is_a_yes": (20, "a visitor passed uncounted"),
    "a_mint_overwrites_a_revocation": (30, "access is revoked, and there is a token"),
    "an_order_is_handed_out_before_it_is_stored": (90, "no_checkout"),
    "a_payment_that_is_heard_of_again_counts_again": (20, "credits are left of"),
    "two_events_of_one_payment_meet": (40, "was applied twice"),
    "usage_is_added_without_its_mark": (30, "the totals are"),
}
"""The most seeds that it takes, from 0 on, and a part of what is reported."""


def test_every_planted_bug_is_looked_for() -> None:
    assert FOUND_BY.keys() == BUGS.keys()


@pytest.mark.long
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found_and_replayed(bug: str) -> None:
    most, reported = FOUND_BY[bug]
    with planted(bug):
        found = next((one for one in map(simulate, range(most)) if one.failure), None)
        assert found is not None, f"not found by {most} seeds"
        assert reported in found.failure
        again = simulate(found.seed, keep_trace=True)
    assert (again.failure, again.fingerprint) == (found.failure, found.fingerprint)
    assert simulate(found.seed).failure == ""
