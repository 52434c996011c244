"""Scores of documents that a decoder reads together with their query: a vector each, compared by cosine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rankify.encoders.batching import Scheduler
from rankify.encoders.checkpoint import Checkpoint
from rankify.encoders.heads import applied, linear_of
from rankify.encoders.listwise_prompts import Block, Blocks
from rankify.encoders.texts import padded
from rankify.errors import BadInput, Misuse

Vectors = NDArray[np.float32]


class ListwiseScorer:
    """Scores of documents in the company of the others: last but not late interaction, arXiv:2509.25085.

    The states behind each document and behind the query, which stands last and so has seen all, go through two linear
    layers; a document's score is the cosine of its vector with the query's. A query with several blocks of documents
    has the mean of its vectors there, each weighted by (1 + the best cosine of its block) / 2.

    Args:
        model: a folder or a hub id.
        instruction: what the documents are wanted for, in words.
        block: the most documents that are read together.
        query_length, document_length: the most tokens of each text.
        batch_tokens: the tokens of one batch, padding included; what suits the device if not given.
        revision, dtype, device: as for `Checkpoint.load`.

    Raises:
        BadInput: the model has no such layers or tokens.
        Misuse: texts of these lengths are more than the model reads.
    """

    def __init__(
        self, model: str, *, instruction: str | None = None, block: int = 125, query_length: int = 512,
        document_length: int = 2048, batch_tokens: int | None = None, revision: str | None = None,
        dtype: str = "float32", device: str | None = None,
    ) -> None:  # fmt: skip
        self.checkpoint = Checkpoint.load(model, revision=revision, dtype=dtype, device=device)
        if not {"projector.0.weight", "projector.2.weight"} <= self.checkpoint.unread:
            raise BadInput(f"model {model!r} has no projector: it is none of jina-reranker-v3's kind")
        self.head = [
            linear_of(self.checkpoint, "projector.0", "ReLU"), linear_of(self.checkpoint, "projector.2"),
        ]  # fmt: skip
        context = self.checkpoint.limit
        if min(block, query_length, document_length) < 1 or 2 * query_length + document_length > context:
            raise Misuse(
                f"block={block}, query_length={query_length}, document_length={document_length}: all are 1 or more, "
                f"and two queries and a document have to fit into the {context:,} tokens that model {model!r} reads"
            )
        self.blocks = Blocks(
            tokenizer=self.checkpoint.tokenizer, context=context, block=block, query_length=query_length,
            document_length=document_length, instruction=instruction or "",
        )  # fmt: skip
        self.ids = self.blocks.ids
        self.budget = self.checkpoint.budget(batch_tokens)
        self.counted = Scheduler(self.budget).counted

    def scores(self, queries: Sequence[str], documents: Sequence[Sequence[str]]) -> list[NDArray[np.float64]]:
        """The scores of each query's documents; blocks of all queries share batches."""
        blocks = self.blocks.of(queries, documents)
        vectors = self._vectors(blocks)
        own: list[list[Vectors]] = [[] for _ in queries]
        for block, found in zip(blocks, vectors, strict=True):
            own[block.query].append(found)
        return [_cosines(parts) for parts in own]

    def _vectors(self, blocks: Sequence[Block]) -> list[Vectors]:
        """The vectors of each block's documents and, last, of its query; shape (documents + 1, dim)."""
        found: list[Vectors] = [np.empty((0, 0), dtype=np.float32)] * len(blocks)

        def batch(places: NDArray[np.int64]) -> NDArray[np.float32]:
            for place, vectors in zip(places.tolist(), self._forward([blocks[p] for p in places]), strict=True):
                found[place] = vectors
            return np.zeros(len(places), dtype=np.float32)

        scheduler = Scheduler(self.budget)
        scheduler.run([len(block.tokens) for block in blocks], batch)
        self.counted = scheduler.counted
        return found

    def _forward(self, blocks: Sequence[Block]) -> list[Vectors]:
        import torch

        inputs = padded([block.tokens for block in blocks], self.checkpoint.pad, self.checkpoint.device)
        with torch.inference_mode():
            states = self.checkpoint.network(**inputs, use_cache=False).last_hidden_state
            found = []
            for row, ids, block in zip(states, inputs["input_ids"], blocks, strict=True):
                document, query = ((ids == token).nonzero()[:, 0] for token in self.ids)
                if (len(document), len(query)) != (block.documents, 1):
                    raise BadInput(
                        f"model {self.checkpoint.model!r} has a tokenizer that reads {len(document)} documents and "
                        f"{len(query)} queries where {block.documents} and 1 were written"
                    )
                found.append(applied(self.head, row[torch.cat([document, query])].float()).cpu().numpy())
        return found


def _cosines(parts: Sequence[Vectors]) -> NDArray[np.float64]:
    """The scores of a query's documents, from the vectors of its blocks, each with the query's own last."""
    if not parts:
        return np.empty(0)
    blocks = [part.astype(np.float64) for part in parts]
    weights = [float((1 + _cosine(block[-1], block[:-1]).max()) / 2) for block in blocks]
    query = np.average([block[-1] for block in blocks], axis=0, weights=weights)
    return _cosine(query, np.concatenate([block[:-1] for block in blocks]))


def _cosine(vector: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = others @ vector / (np.linalg.norm(vector) * np.linalg.norm(others, axis=1))
    return found
