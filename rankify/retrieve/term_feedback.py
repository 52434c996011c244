"""Feedback by terms: the documents of a first search say with which terms BM25 searches once more."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Document
from rankify.errors import Misuse
from rankify.indexes.impact import SparseQueries
from rankify.retrieve.bm25 import BM25, contents
from rankify.retrieve.second_search import SecondSearch
from rankify.text.analysis import analyzer as text_analyzer
from rankify.text.analysis import tokenized
from rankify.types import Ranking, Run

Weights = NDArray[np.float32]

PLAIN = re.compile("[a-z0-9]+")
LENGTHS = range(2, 21)  # letters of a term that may be feedback
TOGETHER = 512  # queries whose documents' terms are in memory at once


class TermVectors:
    """How often documents have each term that may be feedback.

    A term of one letter, or of more than 20, is none, nor is one that many documents have: that stands for a list of
    stop words.

    Args:
        bm25: whose analyzer and whose document frequencies.
        documents: of which vectors may be asked for.
        plain: whether a term must be made of the letters a to z and digits.
        max_df: the share of the documents above which a term is too common, compared in float32.
    """

    def __init__(self, bm25: BM25, documents: Iterable[Document], *, plain: bool, max_df: float) -> None:
        distinct = list(dict.fromkeys(documents))
        names, known = list(bm25.postings.terms), bm25.postings.terms
        numbers = text_analyzer(bm25.analyzer).numbered(lambda term: known.get(term, len(names)))
        found = SparseQueries.counted(*tokenized(map(contents, distinct), numbers))
        frequencies = bm25.postings.document_frequencies.astype(np.float32)
        total = np.float32(max(bm25.postings.nonempty_documents, 1))
        used = {
            number: name
            for number in np.unique(found.terms).tolist()
            if number < len(names)  # else it is a term of a document that the index does not have
            and len(name := names[number]) in LENGTHS
            and not (plain and not PLAIN.fullmatch(name))
            and frequencies[number] / total <= np.float32(max_df)
        }
        spans = zip(found.offsets[:-1].tolist(), found.offsets[1:].tolist(), strict=True)
        terms, counts = found.terms.tolist(), found.weights.tolist()
        self._known = {
            document: {used[terms[i]]: counts[i] for i in range(start, end) if terms[i] in used}
            for document, (start, end) in zip(distinct, spans, strict=True)
        }

    def counts(self, documents: Sequence[Document]) -> tuple[list[str], Weights]:
        """The terms of some documents, ascending, and how often each document has each, shape (documents, terms)."""
        rows = [self._known[document] for document in documents]
        names = sorted({name for row in rows for name in row})
        places = {name: place for place, name in enumerate(names)}
        found = np.zeros((len(rows), len(names)), np.float32)
        for line, row in zip(found, rows, strict=True):
            line[[places[name] for name in row]] = list(row.values())
        return names, found


class TermFeedback(SecondSearch):
    """Feedback whose second search is BM25's, for the terms of the query and of the best documents, with weights."""

    over = BM25

    def __init__(self, retriever: BM25, *, filter_terms: bool, max_df: float) -> None:
        super().__init__(retriever)
        if not 0 < max_df <= 1:
            raise Misuse(f"{self.name} with max_df={max_df!r}: it is a share of the documents, above 0 and at most 1")
        self.filter_terms, self.max_df = filter_terms, max_df

    @abstractmethod
    def learnt_from(self, ranking: Ranking) -> list[Sequence[Document]]:
        """The documents of a ranking that are learnt from; the first ones are those that count as relevant."""

    @abstractmethod
    def expanded(
        self, query: Mapping[str, int], ranking: Ranking, documents: Sequence[Sequence[Document]], vectors: TermVectors
    ) -> dict[str, float]:
        """The terms to search for, with their weights.

        Args:
            query: the query's terms and how often it has each.
            documents: what `learnt_from` gave, one or more of them.
        """

    def queries(self, run: Run) -> list[dict[str, float]]:
        """What is searched for in place of each query: terms with weights above 0."""
        parts = (run[start : start + TOGETHER] for start in range(0, len(run), TOGETHER))
        return [terms for part in parts for terms in self._queries(part)]

    def _queries(self, run: Run) -> list[dict[str, float]]:
        analyse = text_analyzer(self.retriever.analyzer)
        learnt = [self.learnt_from(ranking) for ranking in run]
        vectors = TermVectors(
            self.retriever, (d for own in learnt for some in own for d in some), plain=self.filter_terms,
            max_df=self.max_df,
        )  # fmt: skip
        return [
            self.expanded(terms, ranking, own, vectors) if own[0] else {term: float(n) for term, n in terms.items()}
            for ranking, own in zip(run, learnt, strict=True)
            for terms in [Counter(analyse(ranking.query.text))]
        ]

    def apply(self, run: Run) -> Run:
        refined = sum(len(ranking) > 0 for ranking in run)
        self._counted = Counter({"refined": refined, "kept": len(run) - refined})
        asked = _sparse(self.queries(run), self.retriever.postings.terms)
        found: Run = self.retriever.search(run.queries, asked, self.depth or self.retriever.depth)
        return found


def _sparse(queries: Sequence[Mapping[str, float]], numbers: Mapping[str, int]) -> SparseQueries:
    """Terms with weights by their numbers, of those that the index has."""
    known = [
        sorted((numbers[term], weight) for term, weight in query.items() if term in numbers and weight > 0)
        for query in queries
    ]
    offsets = np.cumsum([0, *map(len, known)])
    pairs = [pair for query in known for pair in query]
    terms, weights = np.array([n for n, _ in pairs], np.int32), np.array([w for _, w in pairs], np.float32)
    return SparseQueries(offsets.astype(np.int64), terms, weights)


def pruned(values: Weights, most: int) -> Weights:
    """The greatest values of each row, the others 0; of equal ones the first are kept.

    >>> pruned(np.array([1, 3, 2, 2], np.float32), 2).tolist()
    [0.0, 3.0, 2.0, 0.0]
    """
    best = np.argsort(-values, axis=-1, kind="stable")[..., :most]
    kept = np.zeros_like(values)
    np.put_along_axis(kept, best, np.take_along_axis(values, best, -1), -1)
    return kept


def unit(values: Weights, order: int) -> Weights:
    """Values divided by their L1 or L2 norm, in float64 and then back in float32; zeros stay.

    >>> unit(np.array([3, 1], np.float32), 1).tolist()
    [0.75, 0.25]
    """
    wide = values.astype(np.float64)
    norm = np.linalg.norm(wide, order)
    return (wide / norm).astype(np.float32) if norm else values
