"""Rerank by weights of terms: the inner product of a sparse encoder's query and document."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import numpy as np

from rankify.encoders.sparse import SparseEncoder
from rankify.encoders.sparse_vectors import Row
from rankify.rerank.encoded import reranked
from rankify.stages import Reranker
from rankify.types import Run

ROUND = 512  # documents encoded at once: bounds the texts in memory


class Sparse(Reranker):
    """A sparse encoder's score of each query with each of its documents. Equal scores keep the order of the run.

    SPLADE, arXiv:2109.10086. Every query and every distinct document of a run is encoded once, in batches that no query
    owns. Scores are those of the retriever of this name.

    Args:
        model: a folder or a hub id.
        weighting, pooling, queries, scale, max_length, query_length, query_prefix, document_prefix, expansion,
            revision, dtype, device, batch_tokens, backend, quantize: as for `SparseEncoder`.
    """

    name: ClassVar[str] = "sparse"
    reads_documents = staticmethod(SparseEncoder.reads_documents)

    def __init__(
        self, model: str, *, weighting: str | None = None, pooling: str | None = None, queries: str | None = None,
        scale: float | None = None, max_length: int | None = None, query_length: int | None = None,
        query_prefix: str | None = None, document_prefix: str | None = None, expansion: str | None = None,
        revision: str | None = None, dtype: str = "float32", device: str | None = None, batch_tokens: int | None = None,
        backend: str = "torch", quantize: str = "float32",
    ) -> None:  # fmt: skip
        self.model, self.weighting, self.pooling, self.queries, self.scale = model, weighting, pooling, queries, scale
        self.max_length, self.query_length, self.expansion = max_length, query_length, expansion
        self.query_prefix, self.document_prefix, self.revision = query_prefix, document_prefix, revision
        self.dtype, self.device, self.batch_tokens = dtype, device, batch_tokens
        self.backend, self.quantize = backend, quantize
        self.encoder = SparseEncoder(
            model, weighting=weighting, pooling=pooling, queries=queries, scale=scale, max_length=max_length,
            query_length=query_length, query_prefix=query_prefix, document_prefix=document_prefix, expansion=expansion,
            revision=revision, dtype=dtype, device=device, batch_tokens=batch_tokens, backend=backend,
            quantize=quantize,
        )  # fmt: skip
        self._counted: Counter[str] = Counter()

    def rerank(self, run: Run) -> Run:
        """Every ranking sorted by the inner products of its documents' weights with its query's."""
        found, self._counted = reranked(run, self.encoder, _products, size=ROUND)
        return found

    def counts(self) -> dict[str, float]:
        """Texts encoded, their tokens, padding, forward passes, batches halved for want of memory."""
        return dict(self._counted)


def _products(query: Row, documents: list[Row]) -> list[float]:
    return [product(query, document) for document in documents]


def product(query: Row, document: Row) -> float:
    """The inner product of two rows, weights multiplied as float32 and summed as float64.

    >>> product((np.array([1, 4]), np.array([2.0, 3.0])), (np.array([0, 4]), np.array([5.0, 0.5])))
    1.5
    """
    _, ours, theirs = np.intersect1d(query[0], document[0], assume_unique=True, return_indices=True)
    return float((query[1][ours] * document[1][theirs]).sum(dtype=np.float64))
