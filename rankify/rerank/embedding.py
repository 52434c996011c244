"""Rerank by embeddings: the inner product of query and document vectors."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import numpy as np

from rankify.documents import Document
from rankify.encoders.dense import Vectors
from rankify.encoders.loading import encoder, passes_on
from rankify.indexes.flat import inner_products
from rankify.stages import Reranker
from rankify.types import Ranking, Run

ROUND = 16_384  # documents encoded at once: bounds the texts in memory


class Embedding(Reranker):
    """A bi-encoder's score of each query with each of its documents. Equal scores keep the order of the run.

    Every query and every distinct document of a run is encoded once, in batches that no query owns.

    Args:
        model: a folder or a hub id, or a provider and its model's name, e.g. openai:text-embedding-3-small.
        pooling, normalize, max_length, query_length, query_prefix, document_prefix, query_model, instruction,
            dimensions, adapter, revision, dtype, device, batch_tokens: as for `DenseEncoder`.
        options: a provider's, as for its encoder: base_url, key, batch, ...
    """

    name: ClassVar[str] = "embedding"
    passes_on = staticmethod(passes_on)

    def __init__(
        self, model: str, *, pooling: str | None = None, normalize: bool | None = None, max_length: int | None = None,
        query_length: int | None = None, query_prefix: str | None = None, document_prefix: str | None = None,
        query_model: str | None = None, instruction: str | None = None, dimensions: int | None = None,
        adapter: str | None = None, revision: str | None = None, dtype: str = "float32", device: str | None = None,
        batch_tokens: int | None = None, **options: Any,
    ) -> None:  # fmt: skip
        self.model, self.pooling, self.normalize, self.max_length = model, pooling, normalize, max_length
        self.query_length, self.query_prefix, self.document_prefix = query_length, query_prefix, document_prefix
        self.query_model, self.instruction, self.dimensions = query_model, instruction, dimensions
        self.adapter, self.revision = adapter, revision
        self.dtype, self.device, self.batch_tokens = dtype, device, batch_tokens
        self.options = options
        self.encoder = encoder(
            model, pooling=pooling, normalize=normalize, max_length=max_length, query_length=query_length,
            query_prefix=query_prefix, document_prefix=document_prefix, query_model=query_model,
            instruction=instruction, dimensions=dimensions, adapter=adapter, revision=revision, dtype=dtype,
            device=device, batch_tokens=batch_tokens, **options,
        )  # fmt: skip
        self._counted: Counter[str] = Counter()

    def rerank(self, run: Run) -> Run:
        """Every ranking sorted by the inner products of its documents' vectors with its query's."""
        self._counted = Counter()
        queries = self._counting(self.encoder.encode_queries([query.text for query in run.queries]))
        places: dict[tuple[int, int], int] = {}
        wanted = [[places.setdefault(key, len(places)) for key in _keys(ranking)] for ranking in run]
        vectors = self._vectors(run, len(places), wanted)
        return Run(
            ranking.rescored(inner_products(query, vectors[rows]))
            for ranking, query, rows in zip(run, queries, wanted, strict=True)
        )

    def _vectors(self, run: Run, n: int, wanted: list[list[int]]) -> Vectors:
        """The vector of each distinct document, in the order in which they first stand in the run."""
        found = np.empty((n, self.encoder.dimension), dtype=np.float32)
        waiting: list[Document] = []
        done = 0
        for ranking, rows in zip(run, wanted, strict=True):
            for place, row in enumerate(rows):
                if row != done + len(waiting):
                    continue  # stood in the run before
                waiting.append(ranking.documents[place])
                if len(waiting) == ROUND:
                    found[done : done + ROUND] = self._counting(self.encoder.encode_documents(waiting))
                    done, waiting = done + ROUND, []
        found[done:] = self._counting(self.encoder.encode_documents(waiting))
        return found

    def _counting(self, vectors: Vectors) -> Vectors:
        self._counted.update({"texts": len(vectors), **self.encoder.counted})
        return vectors

    def counts(self) -> dict[str, float]:
        """Texts encoded, their tokens, padding, forward passes, batches halved for want of memory."""
        return dict(self._counted)


def _keys(ranking: Ranking) -> list[tuple[int, int]]:
    """What tells a ranking's documents apart from all others of the run: their store and their position there."""
    store = id(ranking.documents.store)
    return [(store, position) for position in ranking.documents.positions.tolist()]
