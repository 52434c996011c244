"""Rerank by late interaction: each query token's best match among a document's tokens, summed."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from rankify.encoders.tokens import TokenEncoder
from rankify.indexes.multivector import maxsims
from rankify.rerank.encoded import reranked
from rankify.stages import Reranker
from rankify.types import Run

ROUND = 512  # documents encoded at once: bounds the token vectors in memory


class LateInteraction(Reranker):
    """MaxSim of each query with each of its documents. Equal scores keep the order of the run.

    Khattab and Zaharia, "ColBERT", arXiv:2004.12832. Every query and every distinct document of a run is encoded once,
    in batches that no query owns.

    Args:
        model: a folder or a hub id.
        query_length, document_length, expand, punctuation, query_prefix, document_prefix, revision, dtype, device,
            batch_tokens, backend, quantize: as for `TokenEncoder`.
    """

    name: ClassVar[str] = "late-interaction"

    def __init__(
        self, model: str, *, query_length: int | None = None, document_length: int | None = None,
        expand: bool | None = None, punctuation: bool | None = None, query_prefix: str | None = None,
        document_prefix: str | None = None, revision: str | None = None, dtype: str = "float32",
        device: str | None = None, batch_tokens: int | None = None,
        backend: str = "torch", quantize: str = "float32",
    ) -> None:  # fmt: skip
        self.model, self.query_length, self.document_length = model, query_length, document_length
        self.expand, self.punctuation = expand, punctuation
        self.query_prefix, self.document_prefix, self.revision = query_prefix, document_prefix, revision
        self.dtype, self.device, self.batch_tokens = dtype, device, batch_tokens
        self.backend, self.quantize = backend, quantize
        self.encoder = TokenEncoder(
            model, query_length=query_length, document_length=document_length, expand=expand, punctuation=punctuation,
            query_prefix=query_prefix, document_prefix=document_prefix, revision=revision, dtype=dtype, device=device,
            batch_tokens=batch_tokens, backend=backend, quantize=quantize,
        )  # fmt: skip
        self._counted: Counter[str] = Counter()

    def rerank(self, run: Run) -> Run:
        """Every ranking sorted by the late-interaction scores of its documents."""
        found, self._counted = reranked(run, self.encoder, maxsims, size=ROUND)
        return found

    def counts(self) -> dict[str, float]:
        """Texts encoded, their tokens, padding, forward passes, batches halved for want of memory."""
        return dict(self._counted)
