"""jina-reranker-v3: a decoder reads a query's documents together and gives a vector for each."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from rankify.encoders.listwise import ListwiseScorer
from rankify.encoders.texts import passage
from rankify.rerank.pair_scores import finite, rounds
from rankify.stages import Reranker
from rankify.types import Run

ROUND = 8192  # documents whose texts and tokens are in memory at once


class JinaRerankerV3(Reranker):
    """Cosines of each document's vector with its query's, where all of them have been read together.

    Last but not late interaction, arXiv:2509.25085. A score depends on the other documents of the block and on their
    order. Equal scores keep the order of the run.

    Args:
        model: a folder or a hub id.
        instruction: what the documents are wanted for, in words.
        block: the most documents that are read together; fewer take less memory.
        query_length: the most tokens of a query.
        document_length: the most tokens of a document.
        batch_tokens: the tokens of one batch, padding included; what suits the device if not given.
        revision: a branch, tag or commit on the hub.
        dtype: float32, bfloat16 or float16.
        device: cpu, cuda, cuda:0, ...; a GPU if there is one.
    """

    name: ClassVar[str] = "jina-reranker-v3"

    def __init__(
        self, model: str, *, instruction: str | None = None, block: int = 125, query_length: int = 512,
        document_length: int = 2048, batch_tokens: int | None = None, revision: str | None = None,
        dtype: str = "float32", device: str | None = None,
    ) -> None:  # fmt: skip
        self.model, self.instruction, self.block = model, instruction, block
        self.query_length, self.document_length, self.batch_tokens = query_length, document_length, batch_tokens
        self.revision, self.dtype, self.device = revision, dtype, device
        self.scorer = ListwiseScorer(
            model, instruction=instruction, block=block, query_length=query_length, document_length=document_length,
            batch_tokens=batch_tokens, revision=revision, dtype=dtype, device=device,
        )  # fmt: skip
        self._counted: Counter[str] = Counter()

    def rerank(self, run: Run) -> Run:
        """Every ranking sorted by the model's scores."""
        self._counted = Counter()
        ranked = []
        for part in rounds(run, ROUND):
            texts = [[passage(document) for document in ranking.documents] for ranking in part]
            scores = self.scorer.scores([ranking.query.text for ranking in part], texts)
            self._counted.update({"documents": sum(map(len, texts)), **self.scorer.counted})
            ranked += [ranking.rescored(finite(self, own)) for ranking, own in zip(part, scores, strict=True)]
        return Run(ranked)

    def counts(self) -> dict[str, float]:
        """Documents scored, tokens read, padding, forward passes, batches halved for want of memory."""
        return dict(self._counted)
