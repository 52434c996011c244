"""A large collection of sparse weights, resampled from real texts: learned ones are not to be had without a model.

The texts are documents and queries of NFCorpus, SciFact, Cranfield, TREC DL 2019 and Natural Questions (16,000
documents, 140,000 sentences). What a sparse encoder does is imitated with counts:

- A sentence has a weight for each of its terms, log(1 + idf), and for terms that stand beside them elsewhere:
  log(1 + idf * p), where p is how often the neighbour stands in a sentence that has the term. As in SPLADE a text's
  weight is the greatest of its parts'.
- A document is three to eight sentences: two thirds of one real document, the others of the documents most like it, so
  topics stay. Each sentence and each weight is drawn anew around its value (log-normal, 0.15 and 0.2).
- It keeps its greatest weights, about 120 (log-normal around it).
- Queries are the real ones, weighted as a sentence; one of n terms keeps 6 + 4n weights, 40 at most.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from scipy import sparse

from rankify.text.analysis import Vocabulary, english, tokenized

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
BEIR = ("nfcorpus", "scifact", "cranfield", "dl19-bm25")
ASSOCIATED, NEIGHBOURS, WEIGHTS = 24, 10, 120
SENTENCE = re.compile(r"(?<=[.!?])\s+")

Rows = tuple[Any, Any, Any]  # offsets, terms, weights


def texts() -> tuple[list[str], list[str]]:
    """The real documents, and the real queries."""
    documents, queries = [], []
    for name in BEIR:
        documents += [f"{r['title']}. {r['text']}" for r in _lines(SHARED / name / "corpus.jsonl")]
        queries += [r["text"] for r in _lines(SHARED / name / "queries.jsonl")]
    for record in _lines(SHARED / "nq-open-oracle" / "nq-open-oracle.jsonl"):
        documents.append(f"{record['ctxs'][0]['title']}. {record['ctxs'][0]['text']}")
        queries.append(record["question"])
    return list(dict.fromkeys(documents)), list(dict.fromkeys(queries))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


class Resampled:
    """Documents without end, and queries, as rows of term numbers and weights."""

    def __init__(self) -> None:
        documents, queries = texts()
        parts = [[s for s in SENTENCE.split(text) if s] for text in documents]
        vocabulary = Vocabulary()
        numbers = english().numbered(vocabulary.__getitem__)
        sentences = _matrix(*tokenized((s for part in parts for s in part), numbers))
        self.owner = np.cumsum([0, *map(len, parts)])  # where each document's sentences begin
        self.terms = len(vocabulary)
        sentences = sparse.csr_matrix(sentences, shape=(sentences.shape[0], self.terms))
        whole = _sums(sentences, self.owner)
        self.idf = np.log(len(documents) / np.maximum(np.bincount(whole.indices, minlength=self.terms), 1)) + 0.1
        self.associated = self._associations(sentences)
        self.sentences = self._weighted(sentences, np.full(sentences.shape[0], 64))
        self.neighbours = _neighbours(whole, self.idf)
        asked = _matrix(*tokenized(queries, english().known(vocabulary.get)))
        asked = sparse.csr_matrix((asked.data, asked.indices, asked.indptr), shape=(asked.shape[0], self.terms))
        asked = asked[np.diff(asked.indptr) > 1]
        self.queries = self._weighted(asked, np.minimum(6 + 4 * np.diff(asked.indptr), 40))

    def _associations(self, sentences: sparse.csr_matrix) -> Rows:
        """For each term the neighbours that say most about it, with log(1 + idf * p)."""
        together = (sentences.T @ sentences).tocsr()
        counts = np.maximum(np.bincount(sentences.indices, minlength=self.terms), 1)
        rows = np.repeat(np.arange(self.terms), np.diff(together.indptr))
        p = together.data / (counts[rows] + 2)  # two more: a term that stands once says little
        weights = np.where(together.indices == rows, 0, np.log1p(self.idf[together.indices] * p))
        return heads(together.indptr, together.indices, weights, np.full(self.terms, ASSOCIATED))

    def _weighted(self, found: sparse.csr_matrix, sizes: Any) -> Rows:
        own = np.log1p(self.idf)
        return heads(*_expanded(found.indptr.astype(np.int64), found.indices, own, *self.associated), sizes)

    def documents(self, count: int, *, size: int = 50_000, seed: int = 7) -> Iterator[Rows]:
        """`count` documents, at most `size` at a time."""
        rng = np.random.default_rng(seed)
        for start in range(0, count, size):
            n = min(size, count - start)
            picks, offsets = self._picked(rng, n)
            jitter = np.exp(rng.normal(0, 0.15, len(picks)))
            sizes = np.clip(WEIGHTS * np.exp(rng.normal(-0.03, 0.25, n)), 20, 400).astype(np.int64)
            rows = _mixed(offsets, picks, jitter, *self.sentences, self.terms)
            weights = rows[2] * np.exp(rng.normal(0, 0.2, len(rows[2])))
            yield heads(rows[0], rows[1], weights, sizes)

    def _picked(self, rng: np.random.Generator, n: int) -> tuple[Any, Any]:
        """The sentences of each of n documents."""
        lengths = rng.integers(3, 9, n)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        seeds = np.repeat(rng.integers(len(self.owner) - 1, size=n), lengths)
        near = self.neighbours[seeds, rng.integers(NEIGHBOURS, size=len(seeds))]
        chosen = np.where(rng.random(len(seeds)) < 2 / 3, seeds, near)
        first, counts = self.owner[chosen], np.diff(self.owner)[chosen]
        return first + (rng.random(len(seeds)) * counts).astype(np.int64), offsets


def _matrix(tokens: Any, offsets: Any) -> sparse.csr_matrix:
    """Which terms each text has, once each."""
    found = sparse.csr_matrix((np.ones(len(tokens), np.float32), tokens, offsets))
    found.sum_duplicates()
    found.data[:] = 1
    return found


def _sums(sentences: sparse.csr_matrix, owner: Any) -> sparse.csr_matrix:
    """Which terms each document has: its sentences together."""
    rows = np.repeat(np.arange(len(owner) - 1), np.diff(owner))
    shape = (len(owner) - 1, sentences.shape[0])
    parts = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, np.arange(len(rows)))), shape)
    found = (parts @ sentences).tocsr()
    found.data[:] = 1
    return found


def _neighbours(whole: sparse.csr_matrix, idf: Any) -> Any:
    """The documents most like each, by cosine."""
    weighted = whole.multiply(idf[None, :]).tocsr()
    weighted = sparse.diags(1 / np.maximum(np.sqrt(weighted.multiply(weighted).sum(axis=1).A1), 1e-9)) @ weighted
    found = np.empty((whole.shape[0], NEIGHBOURS), np.int64)
    for start in range(0, len(found), 1000):
        near = (weighted[start : start + 1000] @ weighted.T).toarray()
        near[np.arange(len(near)), start + np.arange(len(near))] = -1
        found[start : start + 1000] = np.argpartition(-near, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    return found


@njit(cache=True)
def heads(offsets, terms, weights, sizes):
    """The greatest weights of each row, at most so many, in the order of terms."""
    kept = np.minimum(np.diff(offsets), sizes)
    starts = np.zeros(len(offsets), np.int64)
    starts[1:] = np.cumsum(kept)
    found, values = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    for row in range(len(kept)):
        part = weights[offsets[row] : offsets[row + 1]]
        order = np.sort(np.argsort(-part)[: kept[row]])
        n = starts[row]
        for i in order:
            if part[i] > 0.02:
                found[n], values[n] = terms[offsets[row] + i], part[i]
                n += 1
        kept[row] = n - starts[row]
    tight = np.zeros(len(offsets), np.int64)
    tight[1:] = np.cumsum(kept)
    for row in range(len(kept)):  # rows move down over what was left out
        for i in range(kept[row]):
            found[tight[row] + i] = found[starts[row] + i]
            values[tight[row] + i] = values[starts[row] + i]
    return tight, found[: tight[-1]].copy(), values[: tight[-1]].copy()


@njit(cache=True)
def _mixed(offsets, picks, jitter, starts, terms, weights, width):
    """Rows that are, term by term, the greatest of the picked rows times their factors."""
    best = np.zeros(width)
    touched = np.empty(width, np.int64)
    ends = np.zeros(len(offsets), np.int64)
    room = 0
    for p in picks:
        room += starts[p + 1] - starts[p]
    found, values = np.empty(room, np.int32), np.empty(room)
    n = 0
    for row in range(len(offsets) - 1):
        seen = 0
        for j in range(offsets[row], offsets[row + 1]):
            for i in range(starts[picks[j]], starts[picks[j] + 1]):
                if best[terms[i]] == 0:
                    touched[seen] = terms[i]
                    seen += 1
                best[terms[i]] = max(best[terms[i]], weights[i] * jitter[j])
        for i in np.sort(touched[:seen]):
            found[n], values[n] = i, best[i]
            best[i] = 0
            n += 1
        ends[row + 1] = n
    return ends, found[:n], values[:n]


@njit(cache=True)
def _expanded(offsets, terms, own, starts, neighbours, strengths):
    """Rows of the terms' own weights and their neighbours'."""
    best = np.zeros(len(own))
    touched = np.empty(len(own), np.int64)
    ends = np.zeros(len(offsets), np.int64)
    room = 0
    for t in terms:
        room += 1 + starts[t + 1] - starts[t]
    found, values = np.empty(room, np.int32), np.empty(room)
    n = 0
    for row in range(len(offsets) - 1):
        seen = 0
        for j in range(offsets[row], offsets[row + 1]):
            term = terms[j]
            for i in range(starts[term] - 1, starts[term + 1]):
                to = term if i < starts[term] else neighbours[i]
                weight = own[term] if i < starts[term] else strengths[i]
                if best[to] == 0:
                    touched[seen] = to
                    seen += 1
                best[to] = max(best[to], weight)
        for i in np.sort(touched[:seen]):
            found[n], values[n] = i, best[i]
            best[i] = 0
            n += 1
        ends[row + 1] = n
    return ends, found[:n], values[:n]
