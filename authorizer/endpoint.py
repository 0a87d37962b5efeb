"""Finds the endpoint of DynamoDB: one set in the environment, or the Region's own."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

VARIABLES: Final = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL")

# Partitions with another DNS suffix, by the prefix of their Region names
# (https://docs.aws.amazon.com/general/latest/gr/ddb.html; a test compares every Region that botocore knows).
_DNS_SUFFIXES: Final = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "us-isof-": "csp.hci.ic.gov",
}


class InvalidEndpoint(ValueError):
    """A variable does not name an endpoint. The message names the variable and says what to write."""


def find(environment: Mapping[str, str], region: str) -> str:
    """The endpoint's URL. AWS's variables take precedence. Empty counts as unset, because `sam local` passes those."""
    for name in VARIABLES:
        if url := environment.get(name):
            return _checked(name, url)
    suffix = next((s for prefix, s in _DNS_SUFFIXES.items() if region.startswith(prefix)), "amazonaws.com")
    return f"https://dynamodb.{region}.{suffix}"


def _checked(name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.hostname.isascii()
        extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.port == 0
    except ValueError:
        good, extra = False, ""
    if not good or extra:
        raise InvalidEndpoint(f"{name} is {url!r}: write https://HOST or http://HOST:PORT, without a path")
    return url
