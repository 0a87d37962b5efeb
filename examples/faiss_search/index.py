"""The FAISS index over the corpus."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import faiss

if __package__:
    from .embedding import Embedding
else:  # Lambda's root is this folder
    from embedding import Embedding  # type: ignore[import-not-found,no-redef]

CORPUS = Path(__file__).with_name("corpus.json")


@dataclass(frozen=True, slots=True)
class Hit:
    """One service that was found. `score` is the cosine similarity, at most 1."""

    id: str
    name: str
    category: str
    description: str
    score: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Index:
    """Exact inner-product search. At this size, an approximate index has no benefit."""

    def __init__(self, corpus: Path = CORPUS) -> None:
        """Embed the corpus and index it."""
        self._entries: list[dict[str, str]] = json.loads(corpus.read_text(encoding="utf-8"))
        # The name is repeated so that a query with a service's name finds that service first.
        texts = [f"{e['name']} {e['name']} {e['category']} {e['description']}" for e in self._entries]
        self._embedding = Embedding(texts)
        vectors = self._embedding(texts)
        self._faiss = faiss.IndexFlatIP(vectors.shape[1])
        self._faiss.add(vectors)

    def __len__(self) -> int:
        return len(self._entries)

    def search(self, query: str, k: int) -> list[Hit]:
        """The best `k` services for a query, best first."""
        scores, numbers = self._faiss.search(self._embedding([query]), min(k, len(self)))
        return [
            Hit(**self._entries[number], score=round(float(score), 4))
            for score, number in zip(scores[0], numbers[0], strict=True)
            if score > 0
        ]
