"""The IP address of an anonymous visitor: where it is read, what counts as one visitor, how it is hashed."""

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from typing import Final

from entitlements import base64url

PSEUDONYM_LENGTH: Final = 16
"""Hexadecimal digits: 64 bits, by which a million visitors of a day are still told apart."""


def client_address(source_ip: str, forwarded_for: Sequence[str], trusted_proxies: int) -> str:
    """The visitor's address behind `trusted_proxies` proxies, counted from the right.

    Only the rightmost entries of X-Forwarded-For were written by trusted proxies; the client can forge everything to
    their left (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html).
    API Gateway itself appends the address it was called from, which `source_ip` repeats; an edge-optimized API appends
    CloudFront's after that.
    """
    hops = [_without_port(hop.strip()) for value in forwarded_for for hop in value.split(",") if hop.strip()]
    if source_ip in hops:
        hops = hops[: len(hops) - hops[::-1].index(source_ip)]
    else:
        hops.append(source_ip)
    # Fewer hops than proxies: use the nearest address, so that a forged address cannot get a quota of its own.
    return hops[-1 - trusted_proxies] if len(hops) > trusted_proxies else source_ip


def _without_port(hop: str) -> str:
    """Some proxies write `192.0.2.1:443` and `[2001:db8::1]:443`."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def visitor(address: str) -> str | None:
    """What counts as one visitor: an IPv4 address or an IPv6 /64, the smallest network that one customer gets
    (RFC 6177, BCP 157). None if `address` is not an IP address.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)))
    return str(ip)


def address_hash(key: bytes, visitor_name: str) -> str:
    """The keyed hash of a visitor, 43 characters. It hides the address from anyone without `key`."""
    return base64url.encode(hmac.new(key, visitor_name.encode("ascii"), hashlib.sha256).digest())


def pseudonym(address_hash: str, day: str) -> str:
    """A visitor's name in the decision log on a solution's day (`YYYYMMDD`).

    Another day, another name: who reads the log can count the visitors of a day, but not follow them to the next.
    """
    return hashlib.sha256(f"{day}|{address_hash}".encode("ascii")).hexdigest()[:PSEUDONYM_LENGTH]
