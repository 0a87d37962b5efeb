"""The settings of what goes wrong."""

import pytest

from gatepass.local.razorpay import Faults, SigningSecret


def test_nothing_goes_wrong_by_itself():
    assert Faults().as_json() == {
        "times": 1, "late_seconds": 0.0, "shuffle": False, "refund_first": False, "signed_with": "as_it_was",
        "lose_answers": 0, "html_errors": 0, "too_many_requests": 0, "slow_seconds": 0.0,
    }  # fmt: skip


def test_changes_come_from_json():
    changed = Faults().changed({"times": 2, "late_seconds": 1, "shuffle": True, "signed_with": "wrong"})
    assert changed == Faults(times=2, late_seconds=1.0, shuffle=True, signed_with=SigningSecret.WRONG)
    assert changed.changed({"times": 1}).shuffle


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"twice": True}, "twice is not a fault: use times"),
        ({"times": 0}, "times must be between 1 and 10"),
        ({"times": 11}, "times must be between 1 and 10"),
        ({"times": True}, "times must be of type int"),
        ({"times": "2"}, "times must be of type int"),
        ({"shuffle": 1}, "shuffle must be of type bool"),
        ({"late_seconds": -1}, "late_seconds must be between 0"),
        ({"late_seconds": float("nan")}, "late_seconds must be between 0"),
        ({"signed_with": "mine"}, "mine"),
    ],
)
def test_a_wrong_change_is_named(changes, words):
    with pytest.raises(ValueError, match=words):
        Faults().changed(changes)
