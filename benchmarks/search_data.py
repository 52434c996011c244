"""What the search benchmark searches: real collections, and a large one made of numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
VOCABULARY, LENGTH, QUERIES, WORDS = 200_000, 60, 1000, 5


def collection(name: str) -> tuple[list[str], list[str], list[str]]:
    """(ids, texts, queries): `zipf-1000000`, or a BEIR folder of the shared data with its test queries."""
    if name.startswith("zipf-"):
        return zipf(int(name.removeprefix("zipf-")))
    folder = SHARED / name
    records = [json.loads(line) for line in (folder / "corpus.jsonl").open(encoding="utf-8")]
    asked = {line.split("\t")[0] for line in (folder / "qrels" / "test.tsv").open(encoding="utf-8")}
    queries = [json.loads(line) for line in (folder / "queries.jsonl").open(encoding="utf-8")]
    texts = [f"{r['title']}\n{r['text']}" for r in records]
    return [r["_id"] for r in records], texts, [q["text"] for q in queries if q["_id"] in asked]


def zipf(documents: int, seed: int = 7) -> tuple[list[str], list[str], list[str]]:
    """Documents of 60 words each, drawn from 200,000 words by Zipf's law; a query is 5 words of a random document."""
    rng = np.random.default_rng(seed)
    words = np.array([spelled(rank) for rank in range(VOCABULARY)], dtype=object)
    shares = np.cumsum(1 / np.arange(1, VOCABULARY + 1))
    texts: list[str] = []
    for start in range(0, documents, 50_000):
        drawn = rng.random((min(50_000, documents - start), LENGTH)) * shares[-1]
        texts += map(" ".join, words[np.searchsorted(shares, drawn)].tolist())
    places = rng.integers(documents, size=QUERIES)
    queries = [" ".join(rng.choice(texts[place].split(), WORDS, replace=False)) for place in places]
    return [f"d{i}" for i in range(documents)], texts, queries


def spelled(number: int) -> str:
    """A word of letters for a number, three letters or more: consonant, vowel, consonant, ..."""
    letters = ""
    number += 2000  # no word shorter than four letters, so none is a stop word
    while number:
        alphabet = "aeiou" if len(letters) % 2 else "bcdfghjklmnpqrtvwxz"
        number, place = divmod(number, len(alphabet))
        letters += alphabet[place]
    return letters
