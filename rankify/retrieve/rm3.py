"""RM3: BM25 once more, with the terms of a relevance model of the best documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from rankify.documents import Document
from rankify.errors import BadInput, Misuse
from rankify.retrieve.bm25 import BM25
from rankify.retrieve.term_feedback import TermFeedback, TermVectors, Weights, pruned, unit
from rankify.types import Ranking


class RM3(TermFeedback):
    """BM25's second search with RM3, the relevance model mixed with the query, as Anserini runs it.

    Lavrenko and Croft, "Relevance-based language models", SIGIR 2001; mixed with the query by Abdul-Jaleel et al.,
    "UMass at TREC 2004: Novelty and HARD". Each of the best documents is cut to the terms that it has most often, whose
    counts become shares of 1; the shares, each document's times its score, are added up; of the sums the greatest are
    kept and become shares of 1, and so do the counts of the query's terms. The new query is the mean of the two, and
    weighs its terms accordingly. Of equal terms those are kept that come first in the alphabet.

    `bm25 % 1000 >> rm3(bm25) % 1000`. The run may come from elsewhere, e.g. from a reranker, whose documents are then
    learnt from, and whose scores are those that count.

    Args:
        retriever: searches again, analyses texts, and knows how common a term is.
        terms: how many terms a document, and then the relevance model, keeps.
        documents: how many of each ranking are learnt from.
        query_weight: how much the query counts in the mean, 0 to 1.
        weighted: whether a document counts with its score, which must be above 0; or all count alike.
        filter_terms: whether a term of the documents must be made of the letters a to z and digits.
        max_df: the share of the documents above which a term is too common to be added.

    Raises:
        Misuse: an option out of range.
        BadInput: a document's score is not above 0 and `weighted` is set.
    """

    name: ClassVar[str] = "rm3"

    def __init__(
        self, retriever: BM25, *, terms: int = 10, documents: int = 10, query_weight: float = 0.5,
        weighted: bool = True, filter_terms: bool = True, max_df: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__(retriever, filter_terms=filter_terms, max_df=max_df)
        self.terms, self.documents, self.query_weight, self.weighted = terms, documents, query_weight, weighted
        self._whole(terms=terms, documents=documents)
        if not 0 <= query_weight <= 1:
            raise Misuse(f"rm3 with query_weight={query_weight!r}: it is from 0 to 1")

    def learnt_from(self, ranking: Ranking) -> list[Sequence[Document]]:
        return [list(ranking.head(self.documents).documents)]

    def expanded(
        self, query: Mapping[str, int], ranking: Ranking, documents: Sequence[Sequence[Document]], vectors: TermVectors
    ) -> dict[str, float]:
        names, counts = vectors.counts(documents[0])
        model = relevance_model(counts, self._scores(ranking), terms=self.terms)
        own = unit(np.array(list(query.values()), np.float32), 1)
        share = np.float32(self.query_weight)
        mixed = dict(zip(query, (share * own).astype(np.float64).tolist(), strict=True))
        for name, weight in zip(names, ((1.0 - float(share)) * model.astype(np.float64)).tolist(), strict=True):
            mixed[name] = mixed.get(name, 0.0) + weight
        return {name: weight for name, weight in mixed.items() if weight > 0}

    def _scores(self, ranking: Ranking) -> Weights:
        scores = ranking.head(self.documents).scores.astype(np.float32)
        if not self.weighted:
            return np.ones_like(scores)
        if not (np.isfinite(scores).all() and (scores > 0).all()):
            raise BadInput(
                f"query {ranking.query.id!r}: rm3 weighs documents by scores above 0, unlike {scores.min():.4g}; "
                "learn from them alike with weighted=false"
            )
        return scores


def relevance_model(counts: Weights, scores: Weights, *, terms: int) -> Weights:
    """How likely each term is in what the documents have in common: shares of 1, all but `terms` of them 0.

    Every step is in float32, in the order of the documents, as Anserini computes it.

    Args:
        counts: how often each document has each term, shape (documents, terms); columns in the order of equal terms.
        scores: shape (documents,).

    >>> counts, scores = np.array([[2, 1, 1], [0, 4, 0]], np.float32), np.array([2, 1], np.float32)
    >>> relevance_model(counts, scores, terms=2).tolist()  # the first document is cut to 2/3 and 1/3
    [0.4444444477558136, 0.5555555820465088, 0.0]
    """
    kept = pruned(counts, terms)
    sums = np.zeros(counts.shape[1], np.float32)
    for row, norm, score in zip(kept, kept.sum(axis=1), scores, strict=True):
        if norm > 0:  # a document may have no term that can be feedback
            sums += row / norm * score
    return unit(pruned(sums, terms), 1)
