"""Late-interaction retrieval: queries and documents as token vectors, compared by MaxSim."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rankify.corpus import Corpus
from rankify.documents import Documents
from rankify.encoders.tokens import TokenEncoder
from rankify.errors import Misuse, UnknownName
from rankify.indexes.manifest import versions
from rankify.indexes.multivector import MultiVectorIndex, MultiVectors
from rankify.indexes.multivector_codes import BITS, TRAINED_ON, Codec, centroids_for
from rankify.indexes.multivector_compressed import CompressedIndex, refuse_numbers
from rankify.indexes.multivector_folder import TokenFolder
from rankify.indexes.vectors import storage_of
from rankify.stages import Retriever, positive
from rankify.types import Query, Ranking, Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankify.encoders.tokens import Matrices

logger = logging.getLogger(__name__)

INDEXES = ("exact", "compressed")
ESTIMATED_BY = 256  # documents that tell how many tokens a collection has


class LateInteraction(Retriever):
    """The documents whose tokens match each query's best, by ColBERT or any other encoder's token vectors.

    Khattab and Zaharia, "ColBERT", arXiv:2004.12832. Compressed: Santhanam et al., "ColBERTv2", arXiv:2112.01488, and
    "PLAID", arXiv:2205.09707.

    Args:
        corpus: what is searched.
        model: a folder or a hub id.
        index: exact (every document's score), or compressed (a few bits a dimension; may miss documents).
        folder: where the vectors are kept: opened if they are there, else encoded and saved, shard by shard, so that
            after a kill only the shard in the making is encoded again. Where the corpus has changed since, only what is
            new is encoded. In memory if not given.
        query_length, document_length, expand, punctuation, query_prefix, document_prefix, revision, dtype, device,
            batch_tokens, backend, quantize: as for `TokenEncoder`.
        storage: what exact vectors are kept as: float16, or float32 for twice the space.
        bits: what a dimension of a compressed vector takes: 1, 2 or 4.
        nlist: how many centroids; a power of two below 4 * sqrt(tokens) if not given.
        nprobe: how many centroids' documents each query token proposes.
        refine: how many times the documents asked for are scored by their restored vectors, and 256 at least.
        shard_size: documents in a shard.

    Raises:
        BadInput: a folder whose vectors are of another encoder or index, or of a corpus that less than half of the
            documents are of.
        Misuse: a number the index cannot be built or searched with.
    """

    name: ClassVar[str] = "late-interaction"
    indexed_by: ClassVar[frozenset[str]] = frozenset({
        "index", "query_length", "document_length", "expand", "punctuation", "query_prefix", "document_prefix",
        "revision", "dtype", "storage", "bits", "nlist", "backend", "quantize",
    })  # fmt: skip

    def __init__(
        self, corpus: Corpus, model: str, *, index: str = "exact", folder: str | None = None,
        query_length: int | None = None, document_length: int | None = None, expand: bool | None = None,
        punctuation: bool | None = None, query_prefix: str | None = None, document_prefix: str | None = None,
        revision: str | None = None, dtype: str = "float32", device: str | None = None, batch_tokens: int | None = None,
        storage: str = "float16", bits: int = 2, nlist: int | None = None, nprobe: int = 8, refine: int = 4,
        shard_size: int = 2048, backend: str = "torch", quantize: str = "float32",
    ) -> None:  # fmt: skip
        if index not in INDEXES:
            raise UnknownName.among("index of token vectors", index, INDEXES)
        if bits not in BITS or isinstance(bits, bool):
            raise Misuse(f"bits={bits!r}: a dimension takes {', '.join(map(str, BITS))} bits")
        refuse_numbers(nprobe=nprobe, refine=refine, **({} if nlist is None else {"nlist": nlist}))
        self.corpus, self.model, self.index, self.folder = corpus, model, index, folder
        self.query_length, self.document_length, self.expand = query_length, document_length, expand
        self.punctuation, self.query_prefix, self.document_prefix = punctuation, query_prefix, document_prefix
        self.revision, self.dtype, self.device, self.batch_tokens = revision, dtype, device, batch_tokens
        self.backend, self.quantize = backend, quantize
        self.storage, self.bits, self.nlist = storage_of(storage), bits, nlist
        self.nprobe, self.refine, self.shard_size = nprobe, refine, positive(shard_size)
        self.encoder = TokenEncoder(
            model, query_length=query_length, document_length=document_length, expand=expand, punctuation=punctuation,
            query_prefix=query_prefix, document_prefix=document_prefix, revision=revision, dtype=dtype, device=device,
            batch_tokens=batch_tokens, backend=backend, quantize=quantize,
        )  # fmt: skip
        self._index = self._searchable()

    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        """The k documents with the greatest sums over each query's tokens of their best match in the document."""
        matrices = self.encoder.encode_queries([query.text for query in queries]).split()
        hits = self._index.search(matrices, positive(k))
        return Run(
            Ranking(query, Documents(self.corpus, positions), scores)
            for query, (positions, scores) in zip(queries, hits, strict=True)
        )

    def counts(self) -> dict[str, float]:
        """Tokens of the queries, padding, forward passes, batches halved for want of memory."""
        return dict(self.encoder.counted)

    def _searchable(self) -> MultiVectorIndex | CompressedIndex:
        """The index of the corpus; what is not there yet is encoded."""
        held = TokenFolder(
            folder=Path(self.folder) if self.folder else None, corpus=self.corpus, said=self._said(), spec=repr(self),
            size=self.shard_size, encode=self._encoded, storage=self.storage,
            learn=self._learnt if self.index == "compressed" else None,
        ).opened()  # fmt: skip
        if held.codec is None or held.lists is None:
            return MultiVectorIndex(MultiVectors(held.parts["vectors"], held.lengths), self.corpus.id_ranks)
        cells = np.concatenate([np.empty(0, held.codec.cell_type), *held.parts["cells"].shards])
        return CompressedIndex(
            held.codec, cells, held.parts["codes"], held.lengths, held.lists, self.corpus.id_ranks,
            nprobe=self.nprobe, refine=self.refine,
        )  # fmt: skip

    def _said(self) -> dict[str, Any]:
        """What decides the vectors, as fields of a manifest."""
        own = {"storage": self.storage} if self.index == "exact" else {"bits": self.bits, "nlist": self.nlist}
        return {
            "kind": self.name, "index": self.index, "encoder": self.encoder.identity(), **own,
            "libraries": versions("torch", "transformers", "tokenizers"),
        }  # fmt: skip

    def _encode(self, positions: Sequence[int]) -> Matrices:
        start = time.perf_counter()
        found = self.encoder.encode_documents([self.corpus.document(position) for position in positions])
        speed = len(positions) / max(time.perf_counter() - start, 1e-9)
        logger.info("encoded %d of %d documents, %.0f/s", len(positions), len(self.corpus), speed)
        return found

    def _encoded(self, positions: Sequence[int]) -> tuple[NDArray[np.float32], NDArray[np.integer]]:
        """The vectors of some documents' tokens, and how many tokens each has."""
        found = self._encode(positions)
        return found.vectors, found.lengths

    def _learnt(self) -> Codec:
        """A codec, learnt from the tokens of documents drawn at random."""
        sample, nlist = self._sample()
        return Codec.trained(sample, centroids=nlist, bits=self.bits)

    def _sample(self) -> tuple[NDArray[np.float32], int]:
        """Vectors to learn from, shape (tokens, dimension), and how many centroids they are for."""
        drawn = np.random.default_rng(0).permutation(len(self.corpus)).tolist()
        if not drawn:
            return self.encoder.encode_passages([""]).vectors, 1
        some = self._encode(drawn[:ESTIMATED_BY])
        mean = float(some.lengths.mean())
        nlist = self.nlist or centroids_for(int(mean * len(drawn)))
        more = drawn[ESTIMATED_BY : int(nlist * TRAINED_ON / mean) + 1]
        parts = [self._encode(more[i : i + self.shard_size]).vectors for i in range(0, len(more), self.shard_size)]
        return np.concatenate([some.vectors, *parts]), nlist
