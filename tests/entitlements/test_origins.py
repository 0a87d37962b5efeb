"""One rule for web origins: as browsers write them."""

import pytest

from entitlements.origins import origin_of, origins_of
from entitlements.solution import read_solution
from gatepass.attach.responses import cors_origins
from tests.support.table import config


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://finder.example.com/app?q=1#there", "https://finder.example.com"),
        ("HTTPS://Finder.Example.COM/", "https://finder.example.com"),
        ("https://finder.example.com:443/", "https://finder.example.com"),
        ("https://finder.example.com:8443/", "https://finder.example.com:8443"),
        ("http://localhost:80/", "http://localhost"),
        ("http://localhost:443/", "http://localhost:443"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
        ("http://[::1]/", "http://[::1]"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def test_cors_redirects_and_attach_agree() -> None:
    solution = read_solution(
        config(
            frontend_url="https://Finder.Example.com:443/app", return_urls=["http://[::1]:8000/", "http://[::1]:8000/x"]
        )
    )
    assert origins_of(solution) == {"https://finder.example.com", "http://[::1]:8000"}
    assert cors_origins(solution) == sorted(origins_of(solution))
