"""What words mean: a vector for each common English word, from a file beside this module.

`scripts/word_vectors.py` makes the file, and says where the vectors come from.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

FILE: Final = Path(__file__).with_suffix(".npz")
_ENDINGS: Final = (
    ("ies", "y"), ("s", ""), ("es", ""), ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e"),
    ("er", ""), ("er", "e"), ("est", ""), ("ly", ""),
)  # fmt: skip
_LEAST: Final = 3
"""Letters that must be left of a word."""


class WordVectors:
    """Looks up words. A word that is missing is looked up without its ending."""

    def __init__(self, file: Path = FILE) -> None:
        """Read the file: words, and one byte for each number of their vectors."""
        with np.load(file) as data:
            self._vectors: NDArray[np.int8] = data["vectors"]
            words = data["words"].tobytes().decode().split("\n")
        self._rows = {word: row for row, word in enumerate(words)}

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        return int(self._vectors.shape[1])

    def row(self, word: str) -> int | None:
        """The number of a word, or of the word that it is a form of; none if it is unknown."""
        return next((self._rows[form] for form in _forms(word) if form in self._rows), None)

    def units(self, rows: list[int]) -> NDArray[np.float32]:
        """The vectors of the words of these numbers, each of length 1."""
        vectors = self._vectors[rows].astype(np.float32)
        units: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return units


def _forms(word: str) -> Iterator[str]:
    yield word
    for ending, replacement in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST:
            yield word.removesuffix(ending) + replacement
