"""The compiled loops of compressed late interaction: centroid scores of documents, and vectors restored."""

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


@compiled
def restore(centroids, table, cells, codes):
    """Unit vectors: centroids with their residuals, divided by their lengths.

    Args:
        centroids: shape (centroids, dimension).
        table: what each byte at each place stands for, shape (width, 256, dimensions of a byte).
        cells: the centroid of each vector, shape (vectors,).
        codes: the residual of each vector, shape (vectors, width).

    Returns:
        Shape (vectors, dimension).
    """
    dimension, per_byte = centroids.shape[1], table.shape[2]
    found = np.empty((len(cells), dimension), dtype=np.float32)
    for i in range(len(cells)):
        cell, total = cells[i], np.float32(0)
        for place in range(codes.shape[1]):
            code = codes[i, place]
            for j in range(min(per_byte, dimension - place * per_byte)):
                value = centroids[cell, place * per_byte + j] + table[place, code, j]
                found[i, place * per_byte + j] = value
                total += value * value
        scale = np.float32(1) / np.float32(max(np.sqrt(total), 1e-12))
        for j in range(dimension):
            found[i, j] *= scale
    return found
