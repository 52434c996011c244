"""Dense retrieval: queries and documents as vectors, compared by inner product."""

from __future__ import annotations

import logging
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rankify.corpus import Corpus
from rankify.documents import Documents
from rankify.encoders.dense import DenseEncoder
from rankify.errors import UnknownName
from rankify.indexes import faiss
from rankify.indexes.building import building
from rankify.indexes.flat import FlatIndex
from rankify.indexes.manifest import Manifest, versions
from rankify.indexes.stores import StoreIndex
from rankify.indexes.vectors import Vectors, open_shards, save_shard, shard_path, storage_of
from rankify.retrieve import dense_stores as stores
from rankify.stages import Retriever, positive
from rankify.types import Query, Ranking, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

UNFINISHED = "unfinished.json"


class Dense(Retriever):
    """A bi-encoder's nearest documents: exactly, by a FAISS index, or in a database.

    Karpukhin et al., "Dense passage retrieval for open-domain question answering", arXiv:2004.04906.

    Args:
        corpus: what is searched.
        model: a folder or a hub id.
        index: flat (exact), faiss-flat, hnsw or ivfpq; in a database milvus (exact) or milvus-hnsw. All give exact
            scores; hnsw and ivfpq may miss documents.
        folder: where the vectors are kept: opened if they are there, else encoded and saved, shard by shard, so that
            after a kill only the shard in the making is encoded again. If not given, vectors are in memory, or in the
            database alone.
        pooling, normalize, max_length, query_prefix, document_prefix, revision, dtype, device, batch_tokens: as for
            `DenseEncoder`.
        storage: float32, or float16 for half the space.
        shard_size: documents in a shard.
        m, ef_construction, ef_search, nlist, nprobe, refine: as for `FaissIndex`.
        uri: where the database is: for Milvus http://host:19530 or a file in .db, by default milvus.db in the folder.
        collection: the table in it; one for each corpus and encoder if not given.
        token: the NAME of the environment variable with the database's token; MILVUS_TOKEN if not given.

    Raises:
        BadInput: a folder whose vectors are of another corpus or encoder, or a number the index cannot be built with.
    """

    name: ClassVar[str] = "dense"
    indexed_by: ClassVar[frozenset[str]] = frozenset({
        "pooling", "normalize", "max_length", "query_prefix", "document_prefix", "revision", "dtype", "storage",
    })  # fmt: skip

    def __init__(
        self, corpus: Corpus, model: str, *, index: str = "flat", folder: str | None = None, pooling: str | None = None,
        normalize: bool | None = None, max_length: int | None = None, query_prefix: str | None = None,
        document_prefix: str | None = None, revision: str | None = None, dtype: str = "float32",
        device: str | None = None, batch_tokens: int | None = None, storage: str = "float32", shard_size: int = 16_384,
        m: int | None = None, ef_construction: int = 200, ef_search: int = 128, nlist: int | None = None,
        nprobe: int = 64, refine: int = 4, uri: str | None = None, collection: str | None = None,
        token: str | None = None,
    ) -> None:  # fmt: skip
        if index not in (known := ("flat", *faiss.KINDS, *stores.KINDS)):
            raise UnknownName.among("index of dense vectors", index, known)
        stores.refuse_places(index, folder=folder, uri=uri, collection=collection, token=token)
        self.corpus, self.model, self.index, self.folder = corpus, model, index, folder
        self.pooling, self.normalize, self.max_length = pooling, normalize, max_length
        self.query_prefix, self.document_prefix, self.revision = query_prefix, document_prefix, revision
        self.dtype, self.device, self.batch_tokens = dtype, device, batch_tokens
        self.storage, self.shard_size = storage_of(storage), positive(shard_size)
        self.m, self.ef_construction, self.ef_search = m, ef_construction, ef_search
        self.nlist, self.nprobe, self.refine = nlist, nprobe, refine
        self.uri, self.collection, self.token = uri, collection, token
        self.encoder = DenseEncoder(
            model, pooling=pooling, normalize=normalize, max_length=max_length, query_prefix=query_prefix,
            document_prefix=document_prefix, revision=revision, dtype=dtype, device=device, batch_tokens=batch_tokens,
        )  # fmt: skip
        faiss.refuse_numbers(
            index, self.encoder.dimension, m=m, ef_construction=ef_construction, ef_search=ef_search, nlist=nlist,
            nprobe=nprobe, refine=refine,
        )  # fmt: skip
        self.vectors, self._index = self._searchable()

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

    def _searchable(self) -> tuple[Vectors, FlatIndex | faiss.FaissIndex | StoreIndex]:
        """The vectors of the corpus, and the index that finds them."""
        if self.index in stores.KINDS:
            kept = self._stored(Path(self.folder)) if self.folder else None
            return stores.opened(self, kept, list(self._shards()), self._encode)
        vectors = self._stored(Path(self.folder)) if self.folder else self._encoded()
        return vectors, self._index_of(vectors)

    def _index_of(self, vectors: Vectors) -> FlatIndex | faiss.FaissIndex:
        ranks = self.corpus.id_ranks
        if self.index == "flat":
            return FlatIndex(vectors, ranks)
        return faiss.FaissIndex(
            vectors, ranks, kind=self.index, m=self.m, ef_construction=self.ef_construction,
            ef_search=self.ef_search, nlist=self.nlist, nprobe=self.nprobe, refine=self.refine,
            folder=Path(self.folder) if self.folder else None,
        )  # fmt: skip

    def _shards(self) -> Iterator[range]:
        """The positions of each shard."""
        for start in range(0, len(self.corpus), self.shard_size):
            yield range(start, min(start + self.shard_size, len(self.corpus)))

    def _encode(self, positions: range) -> Any:
        start = time.perf_counter()
        rows = self.encoder.encode_documents(list(islice(map(self.corpus.document, positions), len(positions))))
        speed = len(positions) / max(time.perf_counter() - start, 1e-9)
        logger.info("encoded documents %d to %d of %d, %.0f/s", positions[0], positions[-1], len(self.corpus), speed)
        return rows

    def _encoded(self) -> Vectors:
        """The vectors of the corpus in memory."""
        return Vectors([self._encode(s).astype(self.storage) for s in self._shards()], self.encoder.dimension)

    def described(self) -> dict[str, Any]:
        """What decides the vectors, as fields of a manifest."""
        return {
            "kind": "dense", "corpus": self.corpus.hash, "documents": len(self.corpus),
            "encoder": self.encoder.identity(), "storage": self.storage,
            "libraries": versions("torch", "transformers", "tokenizers"),
        }  # fmt: skip

    def _stored(self, folder: Path) -> Vectors:
        """The vectors in a folder, encoded first where they are not there yet."""
        said = self.described()
        if not Manifest.there(folder):
            with building(folder, own="*" if (folder / UNFINISHED).is_file() else ""):
                self._build(folder, said)
        shards = Manifest.check(folder, **said)["shards"]
        return open_shards(folder, shards, self.encoder.dimension, self.storage)

    def _build(self, folder: Path, said: dict[str, Any]) -> None:
        """Encodes the shards that are not there yet; the manifest comes last and makes the index finished."""
        sizes = [len(s) for s in self._shards()]
        if (folder / UNFINISHED).is_file():
            Manifest.check(folder, file=UNFINISHED, **said, shards=sizes)
        else:
            Manifest.write(folder, file=UNFINISHED, **said, shards=sizes, spec=repr(self))
        for number, positions in enumerate(self._shards()):
            if not shard_path(folder, number).is_file():
                save_shard(folder, number, self._encode(positions), self.storage)
        Manifest.write(folder, **said, shards=sizes, spec=repr(self))
        (folder / UNFINISHED).unlink()
