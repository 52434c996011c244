"""The quantised index: coarse sums say which documents may be the best, exact scores say which of these are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rankify.errors import BadInput, Misuse
from rankify.hits import Hits
from rankify.indexes.impact import SparseQueries, searched
from rankify.indexes.term_weights import TermWeights, Vocabulary, forward, inverted

TERMS = 32_768  # of a query, at most
LEAST = 16  # documents that are scored exactly besides, however few are asked for


class QuantisedIndex:
    """Postings of three bytes each, and the documents' rows of weights for exact scores.

    A weight is a number from 1 to 255, in parts of its term's greatest weight; sums are of 16 bits. The `margin * k`
    documents with the greatest sums have their exact scores computed, and the best k of them are returned: what is
    found has its exact score and place, but a document whose sum came out too low is missed.

    Args:
        shards: the documents' weighted terms.
        vocabulary: of the shards.
        id_ranks: each document's place in the ascending order of ids, which is the order of equal scores.
        margin: how many times k documents are scored exactly, 1 at least.

    Raises:
        Misuse: a margin below 1.
    """

    def __init__(
        self, shards: Sequence[TermWeights], vocabulary: Vocabulary, id_ranks: NDArray[np.int32], *, margin: float
    ) -> None:
        from rankify.indexes import coarse, kernels

        self.margin, self.id_ranks = margin_of(margin), id_ranks
        self.by_rank = np.empty_like(id_ranks)
        self.by_rank[id_ranks] = np.arange(len(id_ranks), dtype=np.int32)
        offsets, documents, weights = inverted(shards, vocabulary)
        self._bounds = kernels.maxima(offsets, weights, np.float32(0))
        blocks = -(-len(id_ranks) // coarse.BLOCK)
        begins = np.empty((len(offsets) - 1, blocks + 1), np.int64)
        places, codes = np.empty(len(documents), np.uint16), np.empty(len(documents), np.uint8)
        coarse.quantise(offsets, documents, weights, self._bounds, places, codes, begins)
        self._postings = begins, places, codes
        del documents, weights  # before as much memory again is needed
        offsets, terms, weights = forward(shards, vocabulary)
        numbers = np.empty(2 * len(terms), np.int32)
        coarse.pack(offsets, terms, weights, numbers, numbers.view(np.float32))
        self._rows = offsets, numbers, numbers.view(np.float32)

    def search(self, queries: SparseQueries, k: int, *, threads: int | None = None) -> list[Hits]:
        """The best documents of each query by exact score, among those with the greatest sums.

        Args:
            threads: how many search at once; every core of the machine if not given.

        Raises:
            BadInput: a query has more terms than sums of 16 bits can tell apart.
        """
        if (longest := int(np.diff(queries.offsets).max(initial=0))) > TERMS:
            raise BadInput(f"a query of {longest:,} terms; a quantised index takes {TERMS:,}: search with index=exact")
        return searched(self._found, self.by_rank, queries, k, threads)

    def _found(
        self, queries: SparseQueries, first: int, last: int, k: int, room: NDArray[np.int64], counts: NDArray[np.int64]
    ) -> None:
        from rankify.indexes import coarse

        most = min(int(np.ceil(self.margin * k)) + LEAST, len(self.id_ranks))
        asked = queries.offsets, queries.terms, queries.weights
        coarse.search(
            self._postings, self._bounds, self._rows, self.id_ranks, asked, first, last, k, most, room, counts
        )


def margin_of(margin: float) -> float:
    """The margin, if it leaves k documents.

    Raises:
        Misuse: it is below 1.
    """
    if not 1 <= margin < np.inf:
        raise Misuse(f"margin={margin}: how many times the documents asked for are scored exactly, 1 at least")
    return margin
