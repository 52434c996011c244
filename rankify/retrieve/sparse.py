"""Learned sparse retrieval: queries and documents as weights of terms, compared by inner product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.encoders.sparse import SparseEncoder
from rankify.indexes.changes import Beside
from rankify.indexes.manifest import versions
from rankify.indexes.term_weights import TermWeights
from rankify.retrieve.weighted_terms import WeightedTerms, refuse_options
from rankify.stages import Retriever, positive
from rankify.types import Query, Run


class Sparse(Retriever):
    """A sparse encoder's best documents over an impact index, exactly or approximately.

    SPLADE, arXiv:2109.10086; uniCOIL, arXiv:2106.14807; DeepImpact, arXiv:2104.12016; OpenSearch, arXiv:2411.04403.
    Equal scores are ordered by id.

    Args:
        corpus: what is searched.
        model: a folder or a hub id.
        folder: where the weights are kept: opened if they are there, else encoded and saved, shard by shard, so that
            after a kill only the shard in the making is encoded again. Where the corpus has changed since, only what is
            new is encoded. In memory if not given.
        weighting, pooling, queries, scale, max_length, query_length, query_prefix, document_prefix, expansion,
            revision, dtype, device, batch_tokens, backend, quantize: as for `SparseEncoder`.
        index: exact, or quantised: less memory traffic and less time, and a document may be missed (see the page on
            sparse retrieval for how many). What is found has its exact score.
        margin: how many times k documents a quantised index scores exactly; more misses less.
        shard_size: documents in a shard.
        threads: how many queries are searched at once; every core if not given.

    Raises:
        BadInput: a folder whose weights are of another encoder, or of a corpus that less than half of the documents
            are of, expansions included.
    """

    name: ClassVar[str] = "sparse"
    reads_documents = staticmethod(SparseEncoder.reads_documents)
    indexed_by: ClassVar[frozenset[str]] = frozenset({
        "weighting", "pooling", "queries", "scale", "max_length", "query_length", "query_prefix", "document_prefix",
        "expansion", "revision", "dtype", "backend", "quantize",
    })  # fmt: skip

    def __init__(
        self, corpus: Corpus, model: str, *, folder: str | None = None, weighting: str | None = None,
        pooling: str | None = None, queries: str | None = None, scale: float | None = None,
        max_length: int | None = None, query_length: int | None = None, query_prefix: str | None = None,
        document_prefix: str | None = None, expansion: str | None = None, revision: str | None = None,
        dtype: str = "float32", device: str | None = None, batch_tokens: int | None = None, index: str = "exact",
        margin: float = 1.2, shard_size: int = 16_384, threads: int | None = None,
        backend: str = "torch", quantize: str = "float32",
    ) -> None:  # fmt: skip
        self.corpus, self.model, self.folder = corpus, model, folder
        self.weighting, self.pooling, self.queries, self.scale = weighting, pooling, queries, scale
        self.max_length, self.query_length, self.expansion = max_length, query_length, expansion
        self.query_prefix, self.document_prefix, self.revision = query_prefix, document_prefix, revision
        self.dtype, self.device, self.batch_tokens = dtype, device, batch_tokens
        self.backend, self.quantize = backend, quantize
        refuse_options(self.name, index, margin, threads)
        self.index, self.margin, self.shard_size, self.threads = index, margin, positive(shard_size), threads
        self.encoder = SparseEncoder(
            model, weighting=weighting, pooling=pooling, queries=queries, scale=scale, max_length=max_length,
            query_length=query_length, query_prefix=query_prefix, document_prefix=document_prefix, expansion=expansion,
            revision=revision, dtype=dtype, device=device, batch_tokens=batch_tokens, backend=backend,
            quantize=quantize,
        )  # fmt: skip
        said = {
            "kind": "sparse", "encoder": self.encoder.identity(),
            "libraries": versions("torch", "transformers", "tokenizers"),
        }  # fmt: skip
        expanded = folder and expansion is not None
        self.weights = WeightedTerms(
            corpus, self._weigh, said=said, folder=folder, shard_size=self.shard_size, index=index, margin=margin,
            threads=threads, spec=repr(self),
            beside=Beside.of(map(self.encoder.expansion_of, corpus)) if expanded else None,
        )  # fmt: skip

    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        """The k documents with the greatest inner products with each query, among those that share a term with it."""
        vectors = self.encoder.encode_queries([query.text for query in queries])
        hits = self.weights.search(self.encoder.terms, list(vectors), positive(k))
        return Run.found(queries, self.corpus, hits)

    def counts(self) -> dict[str, float]:
        """Tokens of the queries, padding, forward passes, batches halved for want of memory."""
        return dict(self.encoder.counted)

    def _weigh(self, documents: list[Document]) -> TermWeights:
        found = self.encoder.encode_documents(documents)
        return TermWeights.of(self.encoder.terms, found.offsets, found.terms, found.weights)
