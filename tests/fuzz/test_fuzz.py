"""The corpora, and random changes of what is in them. `make fuzz` looks further, guided by coverage."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import CORPUS, TARGETS

WORDS = [b"null", b"true", b"-1", b"1e999", b"[]", b"{}", b'""', b"\\u0000", b"\\ud800", b"\xff", b"\n", b"&a", b"*a", b"!!",
         b"gp1_", b".", b"%2F", b"..", b"$default", b"__proto__", b"9" * 30, b"[" * 200, b"\xe2\x80\xae"]  # fmt: skip


def seeds(target: str) -> list[Path]:
    return sorted((CORPUS / target).iterdir())


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_in_the_corpus_is_handled(target: str) -> None:
    assert len(seeds(target)) > 5
    for path in seeds(target):
        TARGETS[target](path.read_bytes())


def changed(data: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(data) + 1), rng.choice([0, 0, 1, 1, 2, 8, 40])
        new = rng.choice([rng.randbytes(rng.randint(0, 3)), rng.choice(WORDS), data[at : at + rng.randint(1, 60)]])
        data = data[:at] + new + data[at + length :]
    return data


@pytest.mark.long
@pytest.mark.parametrize("target", TARGETS)
def test_what_is_changed_at_random_is_handled(target: str) -> None:
    corpus = [path.read_bytes() for path in seeds(target)]

    @settings(max_examples=200 if target == "solution" else 1_000, deadline=None, database=None)
    @given(seed=st.integers(0, 2**64))
    def check(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(3):
            TARGETS[target](changed(rng.choice(corpus), rng))

    check()


@pytest.mark.long
@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=200, deadline=None, database=None)
@given(data=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_handled(target: str, data: bytes) -> None:
    TARGETS[target](data)
