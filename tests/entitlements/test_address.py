"""Whose word an address is, what counts as one visitor, and how it is hidden."""

import hashlib

import pytest

from entitlements.address import address_hash, client_address, pseudonym, visitor


@pytest.mark.parametrize(
    ("forwarded", "proxies", "expected"),
    [
        ([], 0, "9.9.9.9"),
        (["1.1.1.1"], 0, "9.9.9.9"),
        (["6.6.6.6, 1.1.1.1, 9.9.9.9"], 1, "1.1.1.1"),
        (["6.6.6.6, 1.1.1.1"], 1, "1.1.1.1"),
        (["6.6.6.6", "1.1.1.1, 2.2.2.2, 9.9.9.9"], 2, "1.1.1.1"),
        ([], 1, "9.9.9.9"),
        (["9.9.9.9"], 3, "9.9.9.9"),
        # an edge-optimized API, where CloudFront stands last
        (["6.6.6.6, 1.1.1.1, 9.9.9.9, 64.252.1.1"], 1, "1.1.1.1"),
        (["9.9.9.9, 1.1.1.1, 9.9.9.9"], 1, "1.1.1.1"),
        (["1.1.1.1:443, 9.9.9.9"], 1, "1.1.1.1"),
        (["[2001:db8::1]:443, 9.9.9.9"], 1, "2001:db8::1"),
        (["2001:db8::1, 9.9.9.9"], 1, "2001:db8::1"),
    ],
)
def test_only_hops_that_trusted_proxies_wrote_are_believed(forwarded: list[str], proxies: int, expected: str) -> None:
    assert client_address("9.9.9.9", forwarded, proxies) == expected


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::1", "2001:db8:1:2::/64"),
        ("test-invoke-source-ip", None),
        ("", None),
        ("198.51.100.007", None),
    ],
)
def test_a_visitor_is_an_ipv4_address_or_an_ipv6_network(address: str, name: str | None) -> None:
    assert visitor(address) == name


def test_the_hash_depends_on_the_key() -> None:
    assert address_hash(b"1" * 32, "198.51.100.7") != address_hash(b"2" * 32, "198.51.100.7")
    assert "198" not in address_hash(b"1" * 32, "198.51.100.7")


def test_a_pseudonym_is_of_one_address_and_one_day() -> None:
    """The bytes are fixed: other programs count visitors by them."""
    of_day = pseudonym("a" * 43, "20261124")
    assert of_day == hashlib.sha256(b"20261124|" + b"a" * 43).hexdigest()[:16]
    others = {pseudonym("a" * 43, "20261125"), pseudonym("b" * 43, "20261124")}
    assert len(others | {of_day}) == 3
