"""FAISS indexes: a graph (HNSW), inverted lists of short codes (IVF-PQ), or FAISS's own exact search."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Positions
from rankify.errors import Misuse, needs
from rankify.indexes.changes import Fingerprints
from rankify.indexes.faiss_file import Nodes, load_index, rows_of, save_index
from rankify.indexes.flat import Hit, ranked
from rankify.indexes.manifest import agreed
from rankify.indexes.vectors import Vectors

KINDS = ("faiss-flat", "hnsw", "ivfpq")
ROWS = 65_536  # added at once
SLACK = 16  # rows beyond those that are wanted, so that few ties at the last place need a second search
SAMPLE = 262_144  # rows that IVF-PQ learns its lists and codes from


class FaissIndex:
    """Approximate search by inner product: FAISS proposes rows, which are then scored and ordered exactly.

    HNSW: Malkov and Yashunin, arXiv:1603.09320. IVF-PQ: Jegou, Douze and Schmid, TPAMI 2011. Library: arXiv:2401.08281.

    Args:
        vectors: one row a document.
        id_ranks: each document's place in the ascending order of ids.
        kind: faiss-flat, hnsw or ivfpq.
        m: links of a node (hnsw; 32 if not given), or bytes of a code (ivfpq; a quarter of the dimension or less).
        ef_construction: how many nodes HNSW looks at when it adds one. ef_search: and when it searches; at least k.
        nlist: how many lists IVF has; 4 * sqrt(rows) if not given. nprobe: how many of them it searches.
        refine: ivfpq proposes this many times k rows.
        folder: where the finished index is, or is to be kept; its file is named after how it was built.
        known: what the documents of the rows are known by. So a kept index follows vectors that have changed: new ones
            are added to it, what is gone is passed over, and where more than a quarter has changed since it was built
            it is built afresh. If not given, there have to be as many as it was built from.

    Raises:
        Misuse: a number that does not suit the vectors.
    """

    def __init__(
        self, vectors: Vectors, id_ranks: NDArray[np.int32], *, kind: str, m: int | None = None,
        ef_construction: int = 200, ef_search: int = 128, nlist: int | None = None, nprobe: int = 64, refine: int = 4,
        folder: Path | None = None, known: Fingerprints | None = None,
    ) -> None:  # fmt: skip
        refuse_numbers(
            kind, vectors.dimension, m=m, ef_construction=ef_construction, ef_search=ef_search, nlist=nlist,
            nprobe=nprobe, refine=refine,
        )  # fmt: skip
        self.vectors, self.id_ranks, self.kind = vectors, id_ranks, kind
        self.m = m or (32 if kind == "hnsw" else _divisor(vectors.dimension))
        self.ef_construction, self.ef_search, self.nprobe, self.refine = ef_construction, ef_search, nprobe, refine
        self.nlist = nlist
        self._rows: Positions = np.arange(len(vectors))  # of each node; -1 where its document is gone
        self.known = known
        self.index = self._opened(folder / self.file_name) if folder else self._built()
        self._alive = self._selector()

    @property
    def file_name(self) -> str:
        """The name of the file that holds such an index: what was built differently has another."""
        said = {"hnsw": f"-m{self.m}-ef{self.ef_construction}", "ivfpq": f"-m{self.m}-lists{self.nlist or ''}"}
        return f"{self.kind}{said.get(self.kind, '')}.ann"

    def search(self, queries: NDArray[np.float32], k: int) -> list[Hit]:
        """The positions and scores of about the k best rows of each query, best first; fewer if fewer are proposed."""
        if not len(self.vectors) or not len(queries):
            return [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(queries)
        n = k * (self.refine if self.kind == "ivfpq" else 1) + SLACK
        return self._found(np.ascontiguousarray(queries, dtype=np.float32), k, n)

    def _found(self, queries: NDArray[np.float32], k: int, n: int) -> list[Hit]:
        """The k best of n rows that FAISS proposes; of exact search more, while the last might tie with place k."""
        n = min(n, len(self.vectors))
        scores, proposed = self.index.search(queries, n, params=self._asked(n))
        rows = [self._rows[nodes[nodes >= 0]] for nodes in proposed]
        found = [ranked(query, some, self.vectors, self.id_ranks, k) for query, some in zip(queries, rows, strict=True)]
        if self.kind != "faiss-flat" or n == len(self.vectors):
            return found
        unsure = [
            i for i, (_, best) in enumerate(found) if best[-1] - scores[i, -1] <= self._margin(queries[i], rows[i])
        ]
        for i, hit in zip(unsure, self._found(queries[unsure], k, 2 * n) if unsure else [], strict=True):
            found[i] = hit
        return found

    def _margin(self, query: NDArray[np.float32], rows: Positions) -> float:
        """By how much a product in float32 may be wrong."""
        vectors = self.vectors.take(rows)
        longest = float(np.sqrt(np.einsum("ij,ij->i", vectors, vectors).max()))
        return float(np.linalg.norm(query)) * longest * self.vectors.dimension * 2.0**-23

    def _asked(self, n: int) -> Any:
        """How the index is searched for n hits."""
        faiss, among = needs("faiss", "neural"), {"sel": self._alive} if self._alive is not None else {}
        if self.kind == "hnsw":  # nodes that are passed over are looked at too
            looked_at = -(-max(self.ef_search, n) * len(self._rows) // len(self.vectors))
            return faiss.SearchParametersHNSW(efSearch=looked_at, **among)
        if self.kind == "ivfpq":
            return faiss.SearchParametersIVF(nprobe=min(self.nprobe, self.index.nlist), **among)
        return faiss.SearchParameters(**among)

    def _selector(self) -> Any:
        """What tells FAISS which nodes may be hits; None where all may."""
        if (self._rows >= 0).all():
            return None
        return needs("faiss", "neural").IDSelectorBitmap(np.packbits(self._rows >= 0, bitorder="little"))

    def _opened(self, path: Path) -> Any:
        if not path.is_file():
            return self._saved(path)
        index, nodes = load_index(path)
        self._refuse_other(index, path)
        if self.known is None:
            return index
        change = nodes.changes(self.known)
        if nodes.outworn(change):
            return self._saved(path)
        self._rows = rows_of(change)
        if len(change.lacking):
            self._add(index, change.lacking)
            save_index(path, index, nodes.with_new(change, self.known))
        return index

    def _saved(self, path: Path) -> Any:
        index, size = self._built(), len(self.vectors)
        save_index(path, index, Nodes(np.zeros((size, 2), np.uint64) if self.known is None else self.known, size))
        return index

    def _refuse_other(self, index: Any, path: Path) -> None:
        """Raises BadInput where a file holds an index of other vectors than these."""
        faiss = needs("faiss", "neural")
        metrics = {faiss.METRIC_INNER_PRODUCT: "inner product", faiss.METRIC_L2: "L2"}
        found = {"dimension": index.d, "metric": metrics.get(index.metric_type, index.metric_type)}
        wanted = {"dimension": self.vectors.dimension, "metric": "inner product"}
        if self.known is None:
            found["rows"], wanted["rows"] = index.ntotal, len(self.vectors)
        agreed(found, wanted, str(path), "delete the file to build it again")

    def _built(self) -> Any:
        index = self._empty()
        if not index.is_trained and len(self.vectors):
            step = max(1, len(self.vectors) // SAMPLE)
            sample = self.vectors.take(np.arange(0, len(self.vectors), step))
            index.train(np.resize(sample, (max(2, len(sample)), self.vectors.dimension)))  # one row would be too few
        self._add(index, np.arange(len(self.vectors)))
        return index

    def _add(self, index: Any, positions: Positions) -> None:
        for start in range(0, len(positions), ROWS):
            index.add(np.ascontiguousarray(self.vectors.take(positions[start : start + ROWS])))

    def _empty(self) -> Any:
        """The index before it has seen a vector."""
        faiss, dimension = needs("faiss", "neural"), self.vectors.dimension
        if self.kind == "faiss-flat":
            return faiss.IndexFlatIP(dimension)
        if self.kind == "hnsw":
            index = faiss.IndexHNSWFlat(dimension, self.m, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = self.ef_construction
            return index
        size = max(1, len(self.vectors))
        bits = max(1, min(8, int(math.log2(max(2, size)))))  # no more codes than there are rows
        lists = min(self.nlist or 4 * math.isqrt(size), size)
        coarse = faiss.IndexFlatIP(dimension)
        index = faiss.IndexIVFPQ(coarse, dimension, lists, self.m, bits, faiss.METRIC_INNER_PRODUCT)
        # small collections are legal here: FAISS would print that it wants more rows for each centroid
        index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1
        return index


def refuse_numbers(kind: str, dimension: int, *, m: int | None, **others: int | None) -> None:
    """Raises Misuse for a number that a kind of index cannot be built or searched with, before anything is."""
    for name, value in {"m": m, **others}.items():
        least = 2 if name == "m" and kind.endswith("hnsw") else 1  # FAISS ends the process over a node with one link
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
            raise Misuse(f"index={kind} with {name}={value!r}: it is a whole number from {least} up")
    if kind == "ivfpq" and m is not None and dimension % m:
        raise Misuse(f"index=ivfpq with m={m}: it must divide the dimension {dimension}")


def _divisor(dimension: int) -> int:
    """The greatest divisor of a dimension that is at most a quarter of it.

    >>> _divisor(384), _divisor(10), _divisor(7)
    (96, 2, 1)
    """
    return next(m for m in range(max(1, dimension // 4), 0, -1) if dimension % m == 0)
