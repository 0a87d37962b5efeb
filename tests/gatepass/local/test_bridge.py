"""Where containers reach this machine."""

import sys

import pytest

from gatepass.local import bridge
from gatepass.local.bridge import Reach, reach
from gatepass.refusals import CommandError


def test_an_address_is_listened_on_and_a_name_is_the_engines_own() -> None:
    assert reach("10.0.0.7") == Reach("10.0.0.7", "10.0.0.7")
    assert reach("host.docker.internal") == Reach("127.0.0.1", "host.docker.internal")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems run engines in a virtual machine")
def test_the_address_of_the_first_bridge_that_is_there_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "BRIDGES", ("none0", "lo"))
    assert reach(None) == Reach("127.0.0.1", "127.0.0.1")
    monkeypatch.setattr(bridge, "BRIDGES", ("none0",))
    with pytest.raises(CommandError, match=r"no container engine was found \(none0\)"):
        reach(None)
