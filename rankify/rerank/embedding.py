"""Rerank by embeddings: the inner product of query and document vectors."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rankify.encoders.loading import encoder, passes_on
from rankify.indexes.flat import inner_products
from rankify.rerank.encoded import reranked
from rankify.stages import Reranker
from rankify.types import Run

ROUND = 16_384  # documents encoded at once: bounds the texts and vectors in memory

Vector = NDArray[np.float32]


class Embedding(Reranker):
    """A bi-encoder's score of each query with each of its documents. Equal scores keep the order of the run.

    Every query and every distinct document of a run is encoded once, in batches that no query owns.

    Args:
        model: a folder or a hub id, or a provider and its model's name, e.g. openai:text-embedding-3-small.
        pooling, normalize, max_length, query_length, query_prefix, document_prefix, query_model, instruction,
            dimensions, adapter, revision, dtype, device, batch_tokens, backend, quantize: as for `DenseEncoder`.
        options: a provider's, as for its encoder: base_url, key, batch, ...
    """

    name: ClassVar[str] = "embedding"
    passes_on = staticmethod(passes_on)

    def __init__(
        self, model: str, *, pooling: str | None = None, normalize: bool | None = None, max_length: int | None = None,
        query_length: int | None = None, query_prefix: str | None = None, document_prefix: str | None = None,
        query_model: str | None = None, instruction: str | None = None, dimensions: int | None = None,
        adapter: str | None = None, revision: str | None = None, dtype: str = "float32", device: str | None = None,
        batch_tokens: int | None = None, backend: str = "torch", quantize: str = "float32", **options: Any,
    ) -> None:  # fmt: skip
        self.model, self.pooling, self.normalize, self.max_length = model, pooling, normalize, max_length
        self.query_length, self.query_prefix, self.document_prefix = query_length, query_prefix, document_prefix
        self.query_model, self.instruction, self.dimensions = query_model, instruction, dimensions
        self.adapter, self.revision = adapter, revision
        self.dtype, self.device, self.batch_tokens = dtype, device, batch_tokens
        self.backend, self.quantize, self.options = backend, quantize, options
        self.encoder = encoder(
            model, pooling=pooling, normalize=normalize, max_length=max_length, query_length=query_length,
            query_prefix=query_prefix, document_prefix=document_prefix, query_model=query_model,
            instruction=instruction, dimensions=dimensions, adapter=adapter, revision=revision, dtype=dtype,
            device=device, batch_tokens=batch_tokens, backend=backend, quantize=quantize, **options,
        )  # fmt: skip
        self._counted: Counter[str] = Counter()

    def rerank(self, run: Run) -> Run:
        """Every ranking sorted by the inner products of its documents' vectors with its query's."""
        found, self._counted = reranked(run, self.encoder, _products, size=ROUND)
        return found

    def counts(self) -> dict[str, float]:
        """Texts encoded, their tokens, padding, forward passes, batches halved for want of memory."""
        return dict(self._counted)


def _products(query: Vector, documents: list[Vector]) -> Vector:
    return inner_products(query, np.stack(documents))
