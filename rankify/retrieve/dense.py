"""Dense retrieval: queries and documents as vectors, compared by inner product."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rankify.corpus import Corpus
from rankify.documents import Documents
from rankify.encoders.loading import encoder, passes_on
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.indexes import faiss
from rankify.indexes.binary import BinaryIndex
from rankify.indexes.flat import FlatIndex
from rankify.indexes.manifest import versions
from rankify.indexes.stores import StoreIndex
from rankify.indexes.vector_folder import VectorFolder
from rankify.indexes.vectors import BITS, Vectors, as_stored, storage_of
from rankify.retrieve import dense_stores as stores
from rankify.stages import Retriever, positive
from rankify.types import Query, Ranking, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

logger = logging.getLogger(__name__)


class Dense(Retriever):
    """A bi-encoder's nearest documents: exactly, by a FAISS index, or in a database.

    Karpukhin et al., "Dense passage retrieval for open-domain question answering", arXiv:2004.04906.

    Args:
        corpus: what is searched.
        model: a folder or a hub id, or a provider and its model's name, e.g. openai:text-embedding-3-small.
        index: flat (exact), faiss-flat, hnsw, ivfpq or binary; in a database milvus or elastic (exact), milvus-hnsw or
            elastic-hnsw. All give exact scores; hnsw, ivfpq and binary may miss documents.
        folder: where the vectors are kept: opened if they are there, else encoded and saved, shard by shard, so that
            after a kill only the shard in the making is encoded again. Where the corpus has changed since, only what is
            new is encoded (on the command line by `rankify index` only). If not given, vectors are in memory, or in the
            database alone.
        pooling, normalize, max_length, query_prefix, document_prefix, revision, dtype, device, batch_tokens: as for
            `DenseEncoder`.
        storage: float32, float16 for half the space, or bits for a 32nd: of each value its sign alone.
        shard_size: documents in a shard; 16,384 if not given, or 1,024 where a provider is paid for them.
        m, ef_construction, ef_search, nlist, nprobe, refine: as for `FaissIndex`.
        candidates: how many documents index=binary scores, as for `BinaryIndex`.
        uri: where the database is: for Milvus http://host:19530 or a file in .db, by default milvus.db in the folder;
            for elastic a node of Elasticsearch or OpenSearch.
        collection: the table in it; one for each corpus and encoder if not given.
        token: the NAME of the environment variable with the database's token, API key or user:password.
        options: further ones of the encoder: query_length, query_model, instruction, dimensions and adapter as for
            `DenseEncoder`; a provider's base_url, key, dimensions, batch, ...

    Raises:
        BadInput: a folder whose vectors are of another encoder, or of a corpus that less than half of the documents
            are of, or a number the index cannot be built with.
    """

    name: ClassVar[str] = "dense"
    passes_on = staticmethod(passes_on)
    indexed_by: ClassVar[frozenset[str]] = frozenset({
        "pooling", "normalize", "max_length", "query_prefix", "document_prefix", "revision", "dtype", "storage",
        "base_url", "dimensions", "query_type", "document_type", "extra", "query_length", "query_model", "instruction",
        "adapter", "backend", "quantize",
    })  # fmt: skip

    def __init__(
        self, corpus: Corpus, model: str, *, index: str = "flat", folder: str | None = None, pooling: str | None = None,
        normalize: bool | None = None, max_length: int | None = None, query_prefix: str | None = None,
        document_prefix: str | None = None, revision: str | None = None, dtype: str = "float32",
        device: str | None = None, batch_tokens: int | None = None, storage: str = "float32",
        shard_size: int | None = None, m: int | None = None, ef_construction: int = 200, ef_search: int = 128,
        nlist: int | None = None, nprobe: int = 64, refine: int = 4, candidates: int = 1000,
        uri: str | None = None, collection: str | None = None, token: str | None = None, **options: Any,
    ) -> None:  # fmt: skip
        if index not in (known := ("flat", *faiss.KINDS, "binary", *stores.KINDS)):
            raise UnknownName.among("index of dense vectors", index, known)
        if storage == BITS and index in stores.KINDS:
            raise Misuse(f"storage={BITS} with index={index}: the database keeps float32")
        stores.refuse_places(index, folder=folder, uri=uri, collection=collection, token=token)
        self.corpus, self.model, self.index, self.folder = corpus, model, index, folder
        self.pooling, self.normalize, self.max_length = pooling, normalize, max_length
        self.query_prefix, self.document_prefix, self.revision = query_prefix, document_prefix, revision
        self.dtype, self.device, self.batch_tokens = dtype, device, batch_tokens
        self.storage, self.shard_size, self.options = storage_of(storage, BITS), shard_size, options
        self.m, self.ef_construction, self.ef_search = m, ef_construction, ef_search
        self.nlist, self.nprobe, self.refine, self.candidates = nlist, nprobe, refine, candidates
        self.uri, self.collection, self.token = uri, collection, token
        self.encoder = encoder(
            model, pooling=pooling, normalize=normalize, max_length=max_length, query_prefix=query_prefix,
            document_prefix=document_prefix, revision=revision, dtype=dtype, device=device, batch_tokens=batch_tokens,
            **options,
        )  # fmt: skip
        faiss.refuse_numbers(
            index, self.encoder.dimension, m=m, ef_construction=ef_construction, ef_search=ef_search, nlist=nlist,
            nprobe=nprobe, refine=refine, shard_size=shard_size, candidates=candidates,
        )  # fmt: skip
        self._shard = shard_size or self.encoder.shard
        self.vectors, self._index = self._searchable()

    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        """The k documents with the greatest inner products with each query."""
        return self.nearest(queries, self.encoder.encode_queries([query.text for query in queries]), k)

    def nearest(self, queries: Sequence[Query], vectors: NDArray[np.float32], k: int) -> Run:
        """The k documents with the greatest inner products with vectors that stand for the queries.

        Args:
            vectors: one for each query, shape (queries, dimension).

        Raises:
            BadInput: they have another shape, or a number in them is not finite.
        """
        if vectors.shape != (wanted := (len(queries), self.encoder.dimension)):
            raise BadInput(f"vectors of shape {vectors.shape} for queries, which are of shape {wanted}")
        if not np.isfinite(vectors).all():
            raise BadInput("a vector that stands for a query has a number that is not finite")
        hits = self._index.search(vectors, positive(k))
        return Run(
            Ranking(query, Documents(self.corpus, positions), scores)
            for query, (positions, scores) in zip(queries, hits, strict=True)
        )

    def counts(self) -> dict[str, float]:
        """Tokens of the queries, padding, forward passes, batches halved for want of memory."""
        return dict(self.encoder.counted)

    def _searchable(self) -> tuple[Vectors, FlatIndex | faiss.FaissIndex | BinaryIndex | StoreIndex]:
        """The vectors of the corpus, and the index that finds them."""
        if self.index in stores.KINDS:
            folder = Path(self.folder) if self.folder else None
            keep = (lambda: self._stored(folder)) if folder else None
            return stores.opened(self, keep, list(self._shards()), self._encode)
        vectors = self._stored(Path(self.folder)) if self.folder else self._encoded()
        return vectors, self._index_of(vectors)

    def _index_of(self, vectors: Vectors) -> FlatIndex | faiss.FaissIndex | BinaryIndex:
        ranks = self.corpus.id_ranks
        if self.index == "flat":
            return FlatIndex(vectors, ranks)
        if self.index == "binary":
            return BinaryIndex(vectors, ranks, candidates=self.candidates)
        folder = Path(self.folder) if self.folder else None
        return faiss.FaissIndex(
            vectors, ranks, kind=self.index, m=self.m, ef_construction=self.ef_construction,
            ef_search=self.ef_search, nlist=self.nlist, nprobe=self.nprobe, refine=self.refine,
            folder=folder, known=self.corpus.fingerprints if folder else None,
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
        return Vectors([as_stored(self._encode(s), self.storage) for s in self._shards()], self.encoder.dimension)

    def described(self) -> dict[str, Any]:
        """What decides the vectors, as fields of a manifest."""
        return {
            "kind": "dense", "corpus": self.corpus.hash, "documents": len(self.corpus),
            "encoder": self.encoder.identity(), "storage": self.storage,
            "libraries": versions(*self.encoder.libraries),
        }  # fmt: skip

    def _stored(self, folder: Path) -> Vectors:
        """The vectors in a folder, encoded first where they are not there yet."""
        said = {k: v for k, v in self.described().items() if k not in ("corpus", "documents")}
        where = VectorFolder(
            folder=folder, corpus=self.corpus, said=said, spec=repr(self), encode=self._encode,
            dimension=self.encoder.dimension, storage=self.storage, size=self._shard,
        )  # fmt: skip
        return where.vectors()
