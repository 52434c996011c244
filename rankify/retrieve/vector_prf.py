"""Vector feedback: a dense search once more, with queries moved towards the vectors of the best passages."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from rankify.errors import UnknownName
from rankify.retrieve.dense import Dense
from rankify.retrieve.passage_vectors import located
from rankify.retrieve.second_search import SecondSearch
from rankify.types import Run

Method = Literal["rocchio", "average"]
Vectors = NDArray[np.float32]


class VectorPRF(SecondSearch):
    """A dense retriever's second search with vector pseudo-relevance feedback.

    Li, Mourad, Zhuang, Koopman and Zuccon, arXiv:2108.11044. With q the query's vector and d those of its best
    passages, the second search is for alpha * q + beta * mean(d) (`rocchio`), or for the mean of q and all d
    (`average`). No passage is encoded anew, and no model is trained.

    `dense:MODEL % 1000 >> vector-prf(dense:MODEL) % 1000`. The run may come from elsewhere, e.g. from BM25 or a
    reranker, whose passages are then learnt from; those that are not in the retriever's corpus are encoded.

    Args:
        retriever: encodes the queries, has the passages' vectors and searches again.
        method: rocchio or average.
        passages: how many of each ranking are learnt from; as the paper's experiments are reproduced in Pyserini 5
            for `rocchio` and 3 for `average`, if not given.
        alpha, beta: of `rocchio`: how much the query and the mean of the passages count.

    Raises:
        UnknownName: a method that there is not.
        Misuse: an option out of range.
    """

    name: ClassVar[str] = "vector-prf"
    over = Dense

    def __init__(
        self, retriever: Dense, *, method: Method = "rocchio", passages: int | None = None, alpha: float = 0.4,
        beta: float = 0.6,
    ) -> None:  # fmt: skip
        super().__init__(retriever)
        if method not in DEPTHS:
            raise UnknownName.among("method of vector-prf", method, DEPTHS)
        self.method, self.passages, self.alpha, self.beta = method, passages, alpha, beta
        self._depth = DEPTHS[method] if passages is None else passages
        self._whole(passages=self._depth)
        self._weights(alpha=alpha, beta=beta)

    def apply(self, run: Run) -> Run:
        heads = Run(ranking.head(self._depth) for ranking in run)
        vectors = self.retriever.encoder.encode_queries([query.text for query in heads.queries])
        refined = sum(len(ranking) > 0 for ranking in heads)
        self._counted = Counter({"refined": refined, "kept": len(heads) - refined, **self.retriever.encoder.counted})
        places, known, encoded = located(self.retriever, heads)
        self._counted.update(encoded)
        moved = [self._moved(v, known.take(p)) if len(p) else v for v, p in zip(vectors, places, strict=True)]
        rows = np.stack(moved) if moved else vectors
        found: Run = self.retriever.nearest(heads.queries, rows, self.depth or self.retriever.depth)
        return found

    def _moved(self, query: Vectors, passages: Vectors) -> Vectors:
        """The vector of the second search; sums are in float64.

        Args:
            query: shape (dimension,).
            passages: shape (passages, dimension), one at least.
        """
        if self.method == "average":
            return np.asarray(np.vstack([query, passages]).mean(axis=0, dtype=np.float64), np.float32)
        mean = passages.mean(axis=0, dtype=np.float64)
        return np.asarray(self.alpha * query.astype(np.float64) + self.beta * mean, np.float32)


DEPTHS = {"rocchio": 5, "average": 3}  # passages, as the paper's authors run them
