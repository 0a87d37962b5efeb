"""`gatepass tokens` as operators and scripts use it."""

import json
import re

import pytest

from entitlements import base64url
from tests.support.command import Command
from tests.support.signer import Signer

USER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def test_mint_prints_the_token_alone(gatepass: Command) -> None:
    gatepass("init")
    gatepass("solutions", "apply", "examples/faiss_search/solution.yaml")
    refused = gatepass("tokens", "mint", "--user", USER, "--solution", "faiss-search")
    assert (refused.returncode, refused.stdout) == (1, "")
    gatepass("entitlements", "grant", "--user", USER, "--solution", "faiss-search")
    minted = gatepass("tokens", "mint", "--user", USER, "--solution", "faiss-search")
    assert re.fullmatch(r"gp1_\S+\n", minted.stdout)
    assert minted.stderr == ""
    inspected = json.loads(gatepass("tokens", "inspect", "-", "--json", stdin=minted.stdout).stdout)
    assert (inspected["sub"], inspected["secret_matches"]) == (USER, True)
    for _ in range(2):
        explained = gatepass("tokens", "explain", "-", "--solution", "faiss-search", "--json", stdin=minted.stdout)
        assert json.loads(explained.stdout)["used"] == "0"


def _forged(payload: bytes) -> str:
    parts = Signer().token().split(".")
    return ".".join([*parts[:2], base64url.encode(payload), parts[3]])


@pytest.mark.parametrize("payload", [b"[]", b"no json", b"[" * 1_200])
def test_inspecting_a_token_that_says_nothing_is_a_clear_refusal(gatepass: Command, payload: bytes) -> None:
    run = gatepass("tokens", "inspect", _forged(payload))
    assert (run.returncode, run.stderr.startswith("gatepass: that is not a Gatepass token")) == (1, True)


def test_explain_names_a_solution_that_there_is_not(gatepass: Command) -> None:
    gatepass("init")
    run = gatepass("tokens", "explain", "x", "--solution", "nowhere")
    assert (run.returncode, run.stdout) == (1, "")
    assert "there is no solution nowhere: gatepass solutions list shows them" in run.stderr
