"""The vectors of a run's passages: an index has most of them, and only the others are encoded."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from rankify.documents import Document, Positions
from rankify.indexes.vectors import Vectors
from rankify.retrieve.dense import Dense
from rankify.types import Ranking, Run


def located(retriever: Dense, run: Run) -> tuple[list[Positions], Vectors, Counter[str]]:
    """Where the vectors of each ranking's documents stand, the vectors, and what encoding some of them took.

    The vectors are the index's, then those of documents that are not in its corpus, each encoded once; their number is
    the count `encoded`, beside those of the encoder. A document is known by its id.
    """
    corpus, index = retriever.corpus, retriever.vectors
    new: dict[Document, int] = {}

    def place(ranking: Ranking, i: int, id: Any) -> int:
        return corpus.position(id) if id in corpus else new.setdefault(ranking.documents[i], len(index) + len(new))

    places = [
        ranking.documents.positions if ranking.documents.store is corpus
        else np.array([place(ranking, i, id) for i, id in enumerate(ranking.ids)], dtype=np.int64)
        for ranking in run
    ]  # fmt: skip
    if not new:
        return places, index, Counter()
    rows = retriever.encoder.encode_documents(list(new))
    counts = Counter(encoded=len(new)) + Counter(retriever.encoder.counted)
    return places, Vectors([*index.shards, rows], index.dimension), counts
