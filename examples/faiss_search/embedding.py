"""An embedding that needs no download: TF-IDF over words and letter trigrams, reduced by latent semantic analysis.

Deerwester et al., "Indexing by latent semantic analysis", 1990.
"""

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BUCKETS: Final = 16_384
DIMENSIONS: Final = 96
TRIGRAM_WEIGHT: Final = 0.35
"""Trigrams find other forms of a word. At full weight, they would outweigh its meaning."""
_STOP_WORDS: Final = (
    "a an and are as at be by for from how i in into is it its of on or own so that the their them they this to use "
    "using want when where which with without you your aws amazon service services"
)

_STOP: Final = frozenset(_STOP_WORDS.split())

Vectors = NDArray[np.float32]


def _features(text: str) -> Iterable[tuple[str, float]]:
    for word in re.findall(r"[a-z0-9]+", text.lower()):
        if word in _STOP:
            continue
        yield "w:" + _stem(word), 1.0
        padded = f"^{word}$"
        for start in range(len(padded) - 2):
            yield "t:" + padded[start : start + 3], TRIGRAM_WEIGHT


def _stem(word: str) -> str:
    for ending in ("ing", "ers", "es", "er", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


class Embedding:
    """Maps a text to a unit vector, deterministically. It is fitted on a corpus."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Fit on the texts of the corpus."""
        counts = np.stack([self._count(text) for text in texts])
        self._idf = np.log((1 + len(texts)) / (1 + (counts > 0).sum(axis=0))) + 1
        _, _, basis = np.linalg.svd(_unit(counts * self._idf), full_matrices=False)
        self._basis = basis[: min(DIMENSIONS, len(texts))].T

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """One unit vector for each text, float32; a text without a known feature is all zero."""
        weighted = np.stack([self._count(text) for text in texts]) * self._idf
        vectors: Vectors = np.ascontiguousarray(_unit(_unit(weighted) @ self._basis), dtype=np.float32)
        return vectors

    @staticmethod
    def _count(text: str) -> NDArray[np.float64]:
        row = np.zeros(BUCKETS)
        found: Counter[str] = Counter()
        for name, weight in _features(text):
            found[name] += weight  # type: ignore[assignment]
        for name, weight in found.items():
            row[zlib.crc32(name.encode()) % BUCKETS] += np.sqrt(weight)
        return row


def _unit(rows: NDArray[Any]) -> NDArray[Any]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms == 0, 1, norms)
