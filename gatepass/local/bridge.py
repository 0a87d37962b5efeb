"""The address at which containers reach this machine."""

import ipaddress
import socket
import struct
import sys
from typing import Final, NamedTuple

from gatepass.local.emulator import LOOPBACK
from gatepass.refusals import CommandError

BRIDGES: Final = ("docker0", "podman0", "cni-podman0")
"""The interface of an engine's default network, in which `sam local` runs its containers.
https://docs.docker.com/engine/network/drivers/bridge/"""
DESKTOP: Final = "host.docker.internal"
"""Docker Desktop's name for this machine; it reaches what listens on the loopback address.
https://docs.docker.com/desktop/features/networking/"""
_SIOCGIFADDR: Final = 0x8915  # netdevice(7)
_IFREQ_BYTES, _ADDRESS = 40, slice(20, 24)


class Reach(NamedTuple):
    """Where to listen, and how containers call that."""

    listen: str
    name: str


def reach(given: str | None) -> Reach:
    """What `--host` says, or else the address of the engine's bridge. Raises `CommandError` if there is none."""
    if given:
        try:
            ipaddress.ip_address(given)
        except ValueError:
            return Reach(LOOPBACK, given)
        return Reach(given, given)
    if sys.platform != "linux":
        return Reach(LOOPBACK, DESKTOP)
    address = next(filter(None, map(_address, BRIDGES)), None)
    if address is None:
        raise CommandError(
            f"no container engine was found ({', '.join(BRIDGES)}): start it, or give --host ADDRESS, an address of "
            f"this machine that containers reach; with Docker Desktop, --host {DESKTOP}"
        )
    return Reach(address, address)


def _address(interface: str) -> str | None:
    """The IPv4 address of an interface, if there is such an interface with an address."""
    import fcntl  # Windows has none

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe, _SIOCGIFADDR, struct.pack(f"{_IFREQ_BYTES}s", interface.encode()))
        except OSError:
            return None
    return socket.inet_ntoa(answer[_ADDRESS])
