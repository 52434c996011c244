"""Dense retrieval: queries and documents as vectors, compared by inner product."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rankify.corpus import Corpus
from rankify.documents import Documents
from rankify.encoders.loading import encoder, passes_on
from rankify.errors import UnknownName
from rankify.indexes import faiss
from rankify.indexes.flat import FlatIndex
from rankify.indexes.manifest import versions
from rankify.indexes.vector_folder import VectorFolder
from rankify.indexes.vectors import Vectors, storage_of
from rankify.stages import Retriever, positive
from rankify.types import Query, Ranking, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)


class Dense(Retriever):
    """A bi-encoder's nearest documents, exactly or by a FAISS index.

    Karpukhin et al., "Dense passage retrieval for open-domain question answering", arXiv:2004.04906.

    Args:
        corpus: what is searched.
        model: a folder or a hub id, or a provider and its model's name, e.g. openai:text-embedding-3-small.
        index: flat (exact), faiss-flat, hnsw or ivfpq. All give exact scores; the last two may miss documents.
        folder: where the vectors are kept: opened if they are there, else encoded and saved, shard by shard, so that
            after a kill only the shard in the making is encoded again. Where the corpus has changed since, only what is
            new is encoded (on the command line by `rankify index` only). In memory if not given.
        pooling, normalize, max_length, query_prefix, document_prefix, revision, dtype, device, batch_tokens: as for
            `DenseEncoder`.
        storage: float32, or float16 for half the space.
        shard_size: documents in a shard; 16,384 if not given, or 1,024 where a provider is paid for them.
        m, ef_construction, ef_search, nlist, nprobe, refine: as for `FaissIndex`.
        options: a provider's, as for its encoder: base_url, key, dimensions, batch, ...

    Raises:
        BadInput: a folder whose vectors are of another encoder, or of a corpus that less than half of the documents
            are of, or a number the index cannot be built with.
    """

    name: ClassVar[str] = "dense"
    passes_on = staticmethod(passes_on)
    indexed_by: ClassVar[frozenset[str]] = frozenset({
        "pooling", "normalize", "max_length", "query_prefix", "document_prefix", "revision", "dtype", "storage",
        "base_url", "dimensions", "query_type", "document_type", "extra",
    })  # fmt: skip

    def __init__(
        self, corpus: Corpus, model: str, *, index: str = "flat", folder: str | None = None, pooling: str | None = None,
        normalize: bool | None = None, max_length: int | None = None, query_prefix: str | None = None,
        document_prefix: str | None = None, revision: str | None = None, dtype: str = "float32",
        device: str | None = None, batch_tokens: int | None = None, storage: str = "float32",
        shard_size: int | None = None, m: int | None = None, ef_construction: int = 200, ef_search: int = 128,
        nlist: int | None = None, nprobe: int = 64, refine: int = 4, **options: Any,
    ) -> None:  # fmt: skip
        if index not in ("flat", *faiss.KINDS):
            raise UnknownName.among("index of dense vectors", index, ("flat", *faiss.KINDS))
        self.corpus, self.model, self.index, self.folder = corpus, model, index, folder
        self.pooling, self.normalize, self.max_length = pooling, normalize, max_length
        self.query_prefix, self.document_prefix, self.revision = query_prefix, document_prefix, revision
        self.dtype, self.device, self.batch_tokens = dtype, device, batch_tokens
        self.storage, self.shard_size, self.options = storage_of(storage), shard_size, options
        self.m, self.ef_construction, self.ef_search = m, ef_construction, ef_search
        self.nlist, self.nprobe, self.refine = nlist, nprobe, refine
        self.encoder = encoder(
            model, pooling=pooling, normalize=normalize, max_length=max_length, query_prefix=query_prefix,
            document_prefix=document_prefix, revision=revision, dtype=dtype, device=device, batch_tokens=batch_tokens,
            **options,
        )  # fmt: skip
        self._shard = positive(shard_size or self.encoder.shard)
        faiss.refuse_numbers(
            index, self.encoder.dimension, m=m, ef_construction=ef_construction, ef_search=ef_search, nlist=nlist,
            nprobe=nprobe, refine=refine,
        )  # fmt: skip
        self.vectors = self._stored(Path(folder)) if folder else self._encoded()
        self._index = self._searchable()

    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        """The k documents with the greatest inner products with each query."""
        return self.nearest(queries, self.encoder.encode_queries([query.text for query in queries]), k)

    def nearest(self, queries: Sequence[Query], vectors: NDArray[np.float32], k: int) -> Run:
        """The k documents with the greatest inner products with vectors that stand for the queries.

        Args:
            vectors: one for each query, shape (queries, dimension).
        """
        hits = self._index.search(vectors, positive(k))
        return Run(
            Ranking(query, Documents(self.corpus, positions), scores)
            for query, (positions, scores) in zip(queries, hits, strict=True)
        )

    def counts(self) -> dict[str, float]:
        """Tokens of the queries, padding, forward passes, batches halved for want of memory."""
        return dict(self.encoder.counted)

    def _searchable(self) -> FlatIndex | faiss.FaissIndex:
        ranks = self.corpus.id_ranks
        if self.index == "flat":
            return FlatIndex(self.vectors, ranks)
        return faiss.FaissIndex(
            self.vectors, ranks, kind=self.index, m=self.m, ef_construction=self.ef_construction,
            ef_search=self.ef_search, nlist=self.nlist, nprobe=self.nprobe, refine=self.refine,
            folder=Path(self.folder) if self.folder else None,
        )  # fmt: skip

    def _shards(self) -> Iterator[range]:
        """The positions of each shard."""
        for start in range(0, len(self.corpus), self._shard):
            yield range(start, min(start + self._shard, len(self.corpus)))

    def _encode(self, positions: Sequence[int]) -> Any:
        start = time.perf_counter()
        rows = self.encoder.encode_documents(list(map(self.corpus.document, positions)))
        speed = len(positions) / max(time.perf_counter() - start, 1e-9)
        logger.info("encoded documents %d to %d of %d, %.0f/s", positions[0], positions[-1], len(self.corpus), speed)
        return rows

    def _encoded(self) -> Vectors:
        """The vectors of the corpus in memory."""
        return Vectors([self._encode(s).astype(self.storage) for s in self._shards()], self.encoder.dimension)

    def _stored(self, folder: Path) -> Vectors:
        """The vectors in a folder, encoded first where they are not there yet."""
        said: dict[str, Any] = {
            "kind": "dense", "encoder": self.encoder.identity(), "storage": self.storage,
            "libraries": versions(*self.encoder.libraries),
        }  # fmt: skip
        where = VectorFolder(
            folder=folder, corpus=self.corpus, said=said, spec=repr(self), encode=self._encode,
            dimension=self.encoder.dimension, storage=self.storage, size=self._shard,
        )  # fmt: skip
        return where.vectors()
