"""The search over the corpus: what the words mean, and which words they are."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

if __package__:
    from .embedding import Embedding, words_of
    from .word_vectors import WordVectors
else:  # Lambda's root is this folder
    from embedding import Embedding, words_of  # type: ignore[import-not-found,no-redef]
    from word_vectors import WordVectors  # type: ignore[import-not-found,no-redef]

CORPUS = Path(__file__).with_name("corpus.json")
MEANING: Final = 0.5
"""The part of a score that is of meaning; the rest is lexical."""
ALIKE: Final = 0.4
"""The least cosine similarity at which two words count as alike."""
LEAST_BEST, LEAST = 0.35, 0.15
"""The least score of the best hit, and of the others. Below, only chance speaks: nonsense finds nothing."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One service that was found. `score` is at most 1."""

    id: str
    name: str
    category: str
    description: str
    score: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Meaning:
    """Scores services by how close their words are to a query's: a word of the query counts by its closest one there.

    A word that is close to words of few services counts more, as in TF-IDF.
    """

    def __init__(self, texts: list[str]) -> None:
        """Index the words of the texts, one text for each service."""
        self._vectors = WordVectors()
        rows: dict[int, int] = {}
        members = [{rows.setdefault(row, len(rows)) for row in self._rows(text)} for text in texts]
        self._has = np.zeros((len(texts), len(rows)), np.float32)
        for number, member in enumerate(members):
            self._has[number, list(member)] = 1
        self._faiss = faiss.IndexFlatIP(self._vectors.dimensions)
        self._faiss.add(self._vectors.units(list(rows)))

    def __call__(self, query: str) -> NDArray[np.float32]:
        """A score from 0 to 1 for each service."""
        scores = np.zeros(len(self._has), np.float32)
        rows = list(dict.fromkeys(self._rows(query)))
        if not rows:
            return scores
        # https://github.com/facebookresearch/faiss/wiki/Special-operations-on-indexes, "Range search"
        limits, similarities, numbers = self._faiss.range_search(self._vectors.units(rows), ALIKE)
        weights = 0.0
        for word in range(len(rows)):
            found = slice(limits[word], limits[word + 1])
            closest = np.zeros(self._has.shape[1], np.float32)
            closest[numbers[found]] = similarities[found]
            best = (self._has * closest).max(1)
            weight = float(np.log(1 + len(best) / (1 + best.sum())))
            scores += weight * best
            weights += weight
        return scores / weights

    def _rows(self, text: str) -> Iterator[int]:
        return (row for word in words_of(text) if (row := self._vectors.row(word)) is not None)


class Index:
    """The services, found by both scores."""

    def __init__(self, corpus: Path = CORPUS) -> None:
        """Read the corpus and index it. `asked` is what people may ask for, in their words; it is not shown."""
        entries: list[dict[str, str]] = json.loads(corpus.read_text(encoding="utf-8"))
        described = [f"{e['name']} {e['category']} {e['description']} {e.pop('asked')}" for e in entries]
        self._entries = entries
        self._meaning = Meaning(described)
        # The name is repeated so that a query with a service's name finds that service first.
        texts = [f"{e['name']} {text}" for e, text in zip(entries, described, strict=True)]
        self._embedding = Embedding(texts)
        vectors = self._embedding(texts)
        self._faiss = faiss.IndexFlatIP(vectors.shape[1])
        self._faiss.add(vectors)

    def __len__(self) -> int:
        return len(self._entries)

    def search(self, query: str, k: int) -> list[Hit]:
        """The best `k` services for a query, best first; none if even the best hardly fits."""
        lexical = np.zeros(len(self), np.float32)
        scores, numbers = self._faiss.search(self._embedding([query]), len(self))
        lexical[numbers[0]] = scores[0]
        total = MEANING * self._meaning(query) + (1 - MEANING) * lexical
        best = np.argsort(-total, kind="stable")[:k]
        if total[best[0]] < LEAST_BEST:
            return []
        return [
            Hit(**self._entries[number], score=round(min(float(total[number]), 1.0), 4))
            for number in best
            if total[number] >= LEAST
        ]
