"""Signals that end a command: none is lost, and none that is ignored counts."""

import signal
from contextlib import suppress

import pytest

from gatepass.interrupts import ENDING, ending_on_signals


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_interrupts_and_is_remembered_and_then_means_what_it_did(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with ending_on_signals() as interruption:
        interruption.check()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            interruption.check()
    assert signal.getsignal(number) is before


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending_on_signals() as interruption, suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGHUP)
        interruption.check()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
