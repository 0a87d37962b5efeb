"""How the local stack runs the handlers."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gatepass.local.stack import one_at_a_time


def test_a_handler_gets_one_event_at_a_time_also_after_a_failure() -> None:
    running, most = 0, 0
    begun = threading.Event()

    def handler(event: int, _: Any) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        begun.wait(0.05)  # longer than another one takes to come in
        running -= 1
        if event == 0:
            raise ValueError
        return event

    handle = one_at_a_time(handler)
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(handle, number, None) for number in range(4)]
    assert isinstance(answers[0].exception(), ValueError)
    assert ([one.result() for one in answers[1:]], most) == ([1, 2, 3], 1)
