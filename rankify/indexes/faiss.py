"""FAISS indexes: a graph (HNSW), inverted lists of short codes (IVF-PQ), or FAISS's own exact search."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.errors import BadInput, Misuse, needs
from rankify.indexes.flat import Hit, ranked
from rankify.indexes.manifest import agreed
from rankify.indexes.vectors import Vectors
from rankify.io.files import writing

KINDS = ("faiss-flat", "hnsw", "ivfpq")
ROWS = 65_536  # added at once
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

    Raises:
        Misuse: a number that does not suit the vectors.
    """

    def __init__(
        self, vectors: Vectors, id_ranks: NDArray[np.int32], *, kind: str, m: int | None = None,
        ef_construction: int = 200, ef_search: int = 128, nlist: int | None = None, nprobe: int = 64, refine: int = 4,
        folder: Path | None = None,
    ) -> None:  # fmt: skip
        refuse_numbers(
            kind, vectors.dimension, m=m, ef_construction=ef_construction, ef_search=ef_search, nlist=nlist,
            nprobe=nprobe, refine=refine,
        )  # fmt: skip
        self.vectors, self.id_ranks, self.kind = vectors, id_ranks, kind
        self.m = m or (32 if kind == "hnsw" else _divisor(vectors.dimension))
        self.ef_construction, self.ef_search, self.nprobe, self.refine = ef_construction, ef_search, nprobe, refine
        self.nlist = min(nlist or 4 * math.isqrt(max(1, len(vectors))), max(1, len(vectors)))
        self.index = self._opened(folder / self.file_name) if folder else self._built()

    @property
    def file_name(self) -> str:
        """The name of the file that holds such an index: what was built differently has another."""
        said = {"hnsw": f"-m{self.m}-ef{self.ef_construction}", "ivfpq": f"-m{self.m}-lists{self.nlist}"}
        return f"{self.kind}{said.get(self.kind, '')}.faiss"

    def search(self, queries: NDArray[np.float32], k: int) -> list[Hit]:
        """The positions and scores of about the k best rows of each query, best first; fewer if fewer are proposed."""
        n = min(len(self.vectors), k * (self.refine if self.kind == "ivfpq" else 1))
        if n == 0 or not len(queries):
            return [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(queries)
        faiss = needs("faiss", "neural")
        if self.kind == "hnsw":
            faiss.ParameterSpace().set_index_parameter(self.index, "efSearch", max(self.ef_search, n))
        elif self.kind == "ivfpq":
            faiss.ParameterSpace().set_index_parameter(self.index, "nprobe", min(self.nprobe, self.nlist))
        _, proposed = self.index.search(np.ascontiguousarray(queries, dtype=np.float32), n)
        return [
            ranked(query, row[row >= 0].astype(np.int64), self.vectors, self.id_ranks, k)
            for query, row in zip(queries, proposed, strict=True)
        ]

    def _opened(self, path: Path) -> Any:
        faiss = needs("faiss", "neural")
        if not path.is_file():
            with writing(path, binary=True) as file:
                faiss.write_index(self._built(), faiss.PyCallbackIOWriter(file.write))
        try:
            index = faiss.read_index(str(path))
        except RuntimeError as error:
            raise BadInput(f"cannot read {path}: {str(error).splitlines()[-1]}; delete it to build it again") from None
        self._refuse_other(index, path)
        return index

    def _refuse_other(self, index: Any, path: Path) -> None:
        """Raises BadInput where a file holds an index of other vectors than these."""
        faiss = needs("faiss", "neural")
        metrics = {faiss.METRIC_INNER_PRODUCT: "inner product", faiss.METRIC_L2: "L2"}
        found = {
            "dimension": index.d,
            "metric": metrics.get(index.metric_type, index.metric_type),
            "rows": index.ntotal,
        }
        wanted = {"dimension": self.vectors.dimension, "metric": "inner product", "rows": len(self.vectors)}
        agreed(found, wanted, str(path), "delete it to build it again")

    def _built(self) -> Any:
        index = self._empty()
        if not index.is_trained and len(self.vectors):
            step = max(1, len(self.vectors) // SAMPLE)
            sample = self.vectors.take(np.arange(0, len(self.vectors), step))
            index.train(np.resize(sample, (max(2, len(sample)), self.vectors.dimension)))  # one row would be too few
        for _, rows in self.vectors.blocks(ROWS):
            index.add(np.ascontiguousarray(rows))
        return index

    def _empty(self) -> Any:
        """The index before it has seen a vector."""
        faiss, dimension = needs("faiss", "neural"), self.vectors.dimension
        if self.kind == "faiss-flat":
            return faiss.IndexFlatIP(dimension)
        if self.kind == "hnsw":
            index = faiss.IndexHNSWFlat(dimension, self.m, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = self.ef_construction
            return index
        bits = max(1, min(8, int(math.log2(max(2, len(self.vectors))))))  # no more codes than there are rows
        coarse = faiss.IndexFlatIP(dimension)
        index = faiss.IndexIVFPQ(coarse, dimension, self.nlist, self.m, bits, faiss.METRIC_INNER_PRODUCT)
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
