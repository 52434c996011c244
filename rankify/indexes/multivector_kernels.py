"""The compiled loop of compressed late interaction: documents scored by the centroids of their tokens."""

from __future__ import annotations

import numpy as np

from rankify.indexes.kernels import compiled


@compiled
def centroid_scores(similarities, cells, starts, documents):
    """For each query token the best centroid of a document's tokens, summed.

    Args:
        similarities: of each centroid with each query token, shape (centroids, query tokens).
        cells: the centroid of each token of the collection, one document's behind the other's.
        starts: where each document begins in `cells`, shape (documents of the collection + 1,).
        documents: which of them to score.

    Returns:
        Shape (documents,).
    """
    width = similarities.shape[1]
    best = np.empty(width, dtype=np.float32)
    found = np.empty(len(documents), dtype=np.float32)
    for i in range(len(documents)):
        best[:] = -np.inf
        for token in range(starts[documents[i]], starts[documents[i] + 1]):
            cell = cells[token]
            for j in range(width):
                best[j] = max(best[j], similarities[cell, j])
        total = np.float64(0)
        for j in range(width):
            total += best[j]
        found[i] = total
    return found
