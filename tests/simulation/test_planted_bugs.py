"""The simulation finds bugs that are planted on purpose, each within some seeds, and shows them again from the seed."""

import pytest

from tests.simulation.planted import BUGS, planted
from tests.simulation.run import simulate

MOST = 150
"""Seeds from 0 on: each bug is found by one of them, most of them by one of the first twenty."""
FOUND_BY = {
    "suspended_users_pass": ("operators", "no write was applied while access was active"),
    "a_repeated_write_counts_again": ("", "a request was counted twice"),
    "a_quota_has_one_more": ("", " of 4 in a day of registered"),
    "a_revocation_keeps_the_token": ("operators", "access is revoked, and there is a token"),
    "a_deletion_forgets_the_counters": ("deletions", " of 4 in a day of registered"),
    "gates_never_look_again": ("operators", "the solution is disabled"),
    "no_answer_is_a_yes": ("", "a visitor passed uncounted"),
    "a_mint_overwrites_a_revocation": ("operators", "access is revoked, and there is a token"),
    "an_order_is_handed_out_before_it_is_stored": ("sales", "no_checkout"),
    "a_payment_that_is_heard_of_again_counts_again": ("sales", "credits are left of"),
    "two_events_of_one_payment_meet": ("sales", "was applied twice"),
    "usage_is_added_without_its_mark": ("usage", "the totals are"),
}
"""What else than requests the runs have, and a part of what is reported."""


def test_every_planted_bug_is_looked_for() -> None:
    assert FOUND_BY.keys() == BUGS.keys()


@pytest.mark.long
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found_and_replayed(bug: str) -> None:
    only, reported = FOUND_BY[bug]
    with planted(bug):
        found = next((one for one in (simulate(seed, only=only) for seed in range(MOST)) if one.failure), None)
        assert found is not None, f"not found by {MOST} seeds"
        assert reported in found.failure
        again = simulate(found.seed, keep_trace=True, only=only)
    assert (again.failure, again.fingerprint) == (found.failure, found.fingerprint)
    assert simulate(found.seed, only=only).failure == ""
