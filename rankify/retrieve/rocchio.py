"""Rocchio: BM25 once more, with the query moved towards the best documents and away from the worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from rankify.documents import Document
from rankify.retrieve.bm25 import BM25
from rankify.retrieve.term_feedback import TermFeedback, TermVectors, Weights, pruned, unit
from rankify.types import Ranking


class Rocchio(TermFeedback):
    """BM25's second search with Rocchio's feedback, as Anserini runs it.

    Rocchio, "Relevance feedback in information retrieval", in: The SMART Retrieval System, 1971; the weights are those
    of Manning, Raghavan and Schuetze, chapter 9. Query and documents are vectors of counts of length 1. The mean of the
    best documents is cut to its greatest terms and brought to length 1; the new query is alpha times the query, plus
    beta times that mean, less gamma times that of the last documents of the run, where `negative` asks for it. Terms
    whose weight is not above 0 are left out. Of equal terms those are kept that come first in the alphabet.

    `bm25 % 1000 >> rocchio(bm25) % 1000`. The run may come from elsewhere, e.g. from a reranker.

    Args:
        retriever: searches again, analyses texts, and knows how common a term is.
        terms, documents: how many of each are kept, and how many of each ranking count as relevant.
        alpha, beta: how much the query and the relevant documents count.
        negative: whether the last documents of each ranking count as not relevant.
        bottom_terms, bottom_documents, gamma: the same for those, if so.
        filter_terms: whether a term of the documents must be made of the letters a to z and digits.
        max_df: the share of the documents above which a term is too common to be added.

    Raises:
        Misuse: an option out of range.
    """

    name: ClassVar[str] = "rocchio"

    def __init__(
        self, retriever: BM25, *, terms: int = 10, documents: int = 10, alpha: float = 1.0, beta: float = 0.75,
        negative: bool = False, bottom_terms: int = 10, bottom_documents: int = 10, gamma: float = 0.15,
        filter_terms: bool = False, max_df: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__(retriever, filter_terms=filter_terms, max_df=max_df)
        self.terms, self.documents, self.alpha, self.beta, self.gamma = terms, documents, alpha, beta, gamma
        self.negative, self.bottom_terms, self.bottom_documents = negative, bottom_terms, bottom_documents
        self._whole(terms=terms, documents=documents, bottom_terms=bottom_terms, bottom_documents=bottom_documents)
        self._weights(alpha=alpha, beta=beta, gamma=gamma)

    def learnt_from(self, ranking: Ranking) -> list[Sequence[Document]]:
        best = list(ranking.head(self.documents).documents)
        last = ranking.documents[-self.bottom_documents :]
        return [best, list(last)[::-1]] if self.negative else [best]

    def expanded(
        self,
        query: Mapping[str, int],
        ranking: Ranking,  # noqa: ARG002  its scores do not count
        documents: Sequence[Sequence[Document]],
        vectors: TermVectors,
    ) -> dict[str, float]:
        own = unit(np.array(list(query.values()), np.float32), 2)
        moved = dict(zip(query, np.float32(self.alpha) * own, strict=True))
        shares = [(self.beta, self.terms), (-self.gamma, self.bottom_terms)][: len(documents)]
        for (share, terms), some in zip(shares, documents, strict=True):
            names, counts = vectors.counts(some)
            for name, weight in zip(names, np.float32(share) * mean(counts, terms=terms), strict=True):
                if weight:
                    moved[name] = moved.get(name, np.float32(0)) + weight
        return {name: float(weight) for name, weight in moved.items() if weight > 0}


def mean(counts: Weights, *, terms: int) -> Weights:
    """The mean of the documents' unit vectors, all but its greatest terms 0, as a unit vector.

    Every step is in float32, in the order of the documents, as Anserini computes it.

    Args:
        counts: how often each document has each term, shape (documents, terms); columns in the order of equal terms.

    >>> [round(v, 4) for v in mean(np.array([[3, 4, 0], [0, 1, 0]], np.float32), terms=2).tolist()]
    [0.3162, 0.9487, 0.0]
    """
    sums = np.zeros(counts.shape[1], np.float32)
    norms = np.sqrt((counts.astype(np.float64) ** 2).sum(axis=1)).astype(np.float32)
    for row, norm in zip(counts, norms, strict=True):
        if norm > 0:  # a document may have no term that can be feedback
            sums += row / norm
    return unit(pruned(sums / np.float32(len(counts)), terms), 2)
