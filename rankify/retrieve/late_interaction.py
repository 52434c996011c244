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
from rankify.indexes.building import building
from rankify.indexes.manifest import Manifest, versions
from rankify.indexes.multivector import MultiVectorIndex, MultiVectors, Rows
from rankify.indexes.multivector_arrays import Arrays
from rankify.indexes.multivector_codes import BITS, TRAINED_ON, Codec, centroids_for
from rankify.indexes.multivector_compressed import CompressedIndex, inverted, refuse_numbers
from rankify.indexes.vectors import storage_of
from rankify.stages import Retriever, positive
from rankify.types import Query, Ranking, Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankify.encoders.tokens import Matrices

logger = logging.getLogger(__name__)

INDEXES = ("exact", "compressed")
UNFINISHED = "unfinished.json"
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
            after a kill only the shard in the making is encoded again. In memory if not given.
        query_length, document_length, expand, punctuation, query_prefix, document_prefix, revision, dtype, device,
            batch_tokens: as for `TokenEncoder`.
        storage: what exact vectors are kept as: float16, or float32 for twice the space.
        bits: what a dimension of a compressed vector takes: 1, 2 or 4.
        nlist: how many centroids; a power of two below 4 * sqrt(tokens) if not given.
        nprobe: how many centroids' documents each query token proposes.
        refine: how many times the documents asked for are scored by their restored vectors, and 256 at least.
        shard_size: documents in a shard.

    Raises:
        BadInput: a folder whose vectors are of another corpus, encoder or index.
        Misuse: a number the index cannot be built or searched with.
    """

    name: ClassVar[str] = "late-interaction"
    indexed_by: ClassVar[frozenset[str]] = frozenset({
        "index", "query_length", "document_length", "expand", "punctuation", "query_prefix", "document_prefix",
        "revision", "dtype", "storage", "bits", "nlist",
    })  # fmt: skip

    def __init__(
        self, corpus: Corpus, model: str, *, index: str = "exact", folder: str | None = None,
        query_length: int | None = None, document_length: int | None = None, expand: bool | None = None,
        punctuation: bool | None = None, query_prefix: str | None = None, document_prefix: str | None = None,
        revision: str | None = None, dtype: str = "float32", device: str | None = None, batch_tokens: int | None = None,
        storage: str = "float16", bits: int = 2, nlist: int | None = None, nprobe: int = 8, refine: int = 4,
        shard_size: int = 2048,
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
        self.storage, self.bits, self.nlist = storage_of(storage), bits, nlist
        self.nprobe, self.refine, self.shard_size = nprobe, refine, positive(shard_size)
        self.encoder = TokenEncoder(
            model, query_length=query_length, document_length=document_length, expand=expand, punctuation=punctuation,
            query_prefix=query_prefix, document_prefix=document_prefix, revision=revision, dtype=dtype, device=device,
            batch_tokens=batch_tokens,
        )  # fmt: skip
        self._index = self._searchable(*(self._stored(Path(folder)) if folder else self._filled(Arrays())))

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

    def _searchable(self, arrays: Arrays, shards: int) -> MultiVectorIndex | CompressedIndex:
        ranks, lengths = self.corpus.id_ranks, np.concatenate(arrays.shards("lengths", shards))
        if self.index == "exact":
            return MultiVectorIndex(MultiVectors(Rows(arrays.shards("vectors", shards)), lengths), ranks)
        return CompressedIndex(
            _codec(arrays), np.concatenate(arrays.shards("cells", shards)), Rows(arrays.shards("codes", shards)),
            lengths, (arrays.get("list-starts"), arrays.get("lists")), ranks, nprobe=self.nprobe, refine=self.refine,
        )  # fmt: skip

    def _shards(self) -> list[range]:
        """The positions of each shard; an empty corpus has one empty shard."""
        n, size = len(self.corpus), self.shard_size
        return [range(start, min(start + size, n)) for start in range(0, max(1, n), size)]

    def _encode(self, positions: Sequence[int]) -> Matrices:
        start = time.perf_counter()
        found = self.encoder.encode_documents([self.corpus.document(position) for position in positions])
        speed = len(positions) / max(time.perf_counter() - start, 1e-9)
        logger.info("encoded %d of %d documents, %.0f/s", len(positions), len(self.corpus), speed)
        return found

    def _stored(self, folder: Path) -> tuple[Arrays, int]:
        """The arrays in a folder, and of how many shards; encoded first where they are not there yet."""
        own = {"storage": self.storage} if self.index == "exact" else {"bits": self.bits, "nlist": self.nlist}
        said: dict[str, Any] = {
            "kind": self.name, "index": self.index, "corpus": self.corpus.hash, "documents": len(self.corpus),
            "encoder": self.encoder.identity(), **own, "libraries": versions("torch", "transformers", "tokenizers"),
        }  # fmt: skip
        if not Manifest.there(folder):
            with building(folder, own="*" if (folder / UNFINISHED).is_file() else ""):
                self._build(folder, said)
        return Arrays(folder), len(Manifest.check(folder, **said)["shards"])

    def _build(self, folder: Path, said: dict[str, Any]) -> None:
        """Encodes the shards that are not there yet; the manifest comes last and makes the index finished."""
        sizes = [len(s) for s in self._shards()]
        if (folder / UNFINISHED).is_file():
            Manifest.check(folder, file=UNFINISHED, **said, shards=sizes)
        else:
            Manifest.write(folder, file=UNFINISHED, **said, shards=sizes, spec=repr(self))
        self._filled(Arrays(folder))
        Manifest.write(folder, **said, shards=sizes, spec=repr(self))
        (folder / UNFINISHED).unlink()

    def _filled(self, arrays: Arrays) -> tuple[Arrays, int]:
        """The arrays with everything that was not among them; a shard's lengths come last and make it whole."""
        shards = self._shards()
        codec = self._trained(arrays) if self.index == "compressed" else None
        for number, positions in enumerate(shards):
            if arrays.there("lengths", number):
                continue
            found = self._encode(positions)
            if codec is None:
                arrays.put("vectors", found.vectors.astype(self.storage), number)
            else:
                for name, array in zip(("cells", "codes"), codec.compressed(found.vectors), strict=True):
                    arrays.put(name, array, number)
            arrays.put("lengths", found.lengths.astype(np.int32), number)
        if codec is not None and not arrays.there("lists"):
            cells, lengths = (arrays.shards(name, len(shards)) for name in ("cells", "lengths"))
            starts, lists = inverted(cells, lengths, len(codec.centroids))
            arrays.put("list-starts", starts)
            arrays.put("lists", lists)
        return arrays, len(shards)

    def _trained(self, arrays: Arrays) -> Codec:
        """The codec: there already, or learnt from the tokens of documents drawn at random."""
        if not arrays.there("values"):
            sample, nlist = self._sample()
            codec = Codec.trained(sample, centroids=nlist, bits=self.bits)
            arrays.put("centroids", codec.centroids)
            arrays.put("cutoffs", codec.cutoffs)
            arrays.put("values", codec.values)
        return _codec(arrays)

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


def _codec(arrays: Arrays) -> Codec:
    """The codec among some arrays."""
    centroids, cutoffs, values = (np.array(arrays.get(name)) for name in ("centroids", "cutoffs", "values"))
    return Codec(centroids, cutoffs, values)
