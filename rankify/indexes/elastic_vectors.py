"""Vectors in Elasticsearch (dense_vector) or OpenSearch (knn_vector)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Positions
from rankify.errors import BadInput, RankifyError
from rankify.indexes.elastic import NEEDED, Elastic, Table, among
from rankify.indexes.flat import Hit

KINDS = ("elastic", "elastic-hnsw")
VECTOR = "vector"
ROWS = 1024  # of one request that fetches vectors
# what Elasticsearch's max_inner_product and OpenSearch's innerproduct make of a product, as scores may not be negative
SCRIPT = f"double p = dotProduct(params.query, '{VECTOR}'); return p < 0 ? 1 / (1 - p) : p + 1;"


class ElasticVectors(Table):
    """An index of vectors, as a `VectorStore`.

    Args:
        name: of the index.
        dimension: the length of a vector.
        kind: elastic looks at every vector, by a script; elastic-hnsw searches a graph.
        m, ef_construction, ef_search: as for `FaissIndex`, for elastic-hnsw.

    Raises:
        BadInput: the cluster is too old to have inner products of any vectors.
    """

    most = 10_000  # index.max_result_window
    way_out = "give another collection=, or delete that index"

    def __init__(
        self, cluster: Elastic, name: str, dimension: int, *, kind: str = "elastic", m: int | None = None,
        ef_construction: int = 200, ef_search: int = 128,
    ) -> None:  # fmt: skip
        super().__init__(cluster, name)
        needed = NEEDED.get(cluster.kind)
        if needed is None or cluster.version < needed:
            known = " or ".join(f"{name} {'.'.join(map(str, v))}" for name, v in NEEDED.items())
            raise BadInput(f"{cluster} cannot keep these vectors: it takes {known}, or later")
        self.dimension, self.exact = dimension, kind == "elastic"
        self.m, self.ef_construction, self.ef_search = m or 32, ef_construction, ef_search
        self._open = cluster.kind == "opensearch"

    def found(self) -> dict[str, Any] | None:
        mapping = self.mapping()
        if mapping is None:
            return None
        field = mapping.get("properties", {}).get(VECTOR, {})
        said = mapping.get("_meta", {}).get("rankify", {})
        length = field.get("dimension" if self._open else "dims")
        if not said and length in (None, self.dimension):
            raise BadInput(f"{self} was not made by Rankify; {self.way_out}")
        metric = field.get("method", {}).get("space_type") if self._open else field.get("similarity")
        inner = metric in (None, "innerproduct", "max_inner_product")  # None: a script says it, as in `propose`
        return {**said, "dimension": length, "metric": said.get("metric") if inner else metric}

    def create(self, said: dict[str, Any]) -> None:
        graph = {"m": self.m, "ef_construction": self.ef_construction}
        if self._open:
            method = {"name": "hnsw", "engine": "faiss", "space_type": "innerproduct", "parameters": graph}
            field = {"type": "knn_vector", "dimension": self.dimension, **({} if self.exact else {"method": method})}
            settings = {} if self.exact else {"index.knn": True, "index.knn.algo_param.ef_search": self.ef_search}
        else:
            indexed = {"similarity": "max_inner_product", "index_options": {"type": "hnsw", **graph}}
            field = {"type": "dense_vector", "dims": self.dimension, "index": not self.exact}
            field |= {} if self.exact else indexed
            # later versions would leave vectors out of what they give back
            settings = {"index.mapping.exclude_source_vectors": False} if self.cluster.version >= (9, 2) else {}
        self.make(said, {VECTOR: field}, settings)

    def put(self, positions: range, rows: NDArray[np.float32]) -> None:
        self.bulk(positions, ({VECTOR: row.tolist()} for row in rows))

    def take(self, positions: Positions) -> NDArray[np.float32]:
        wanted, places = np.unique(positions, return_inverse=True)
        found = np.empty((len(wanted), self.dimension), dtype=np.float32)
        for start in range(0, len(wanted), ROWS):
            ids = [str(p) for p in wanted[start : start + ROWS].tolist()]
            known = self.cluster.ask("POST", f"{self._path}/_mget", {"ids": ids}, _vectors)
            if missing := [id for id in ids if id not in known]:
                raise RankifyError(f"{self} has no vector at position {missing[0]}; {self.way_out}")
            found[start : start + len(ids)] = [known[id] for id in ids]
        return found[places]

    def propose(self, queries: NDArray[np.float32], k: int, within: range | None) -> list[Hit]:
        asked = [{"size": k, "_source": False, **self._asked(query.tolist(), k, within)} for query in queries]
        return [self._hit(hits) for hits in self.search(asked)]

    def _asked(self, query: list[float], k: int, within: range | None) -> dict[str, Any]:
        if self.exact:
            scored = {"query": among(within), "script": self._script(query)}
            return {"query": {"script_score": scored}}
        bounded = {} if within is None else {"filter": among(within)}
        if self._open:
            return {"query": {"knn": {VECTOR: {"vector": query, "k": k, **bounded}}}}
        candidates = min(self.most, max(self.ef_search, k))
        return {"knn": {"field": VECTOR, "query_vector": query, "k": k, "num_candidates": candidates, **bounded}}

    def _script(self, query: list[float]) -> dict[str, Any]:
        if self._open:
            params = {"field": VECTOR, "query_value": query, "space_type": "innerproduct"}
            return {"lang": "knn", "source": "knn_score", "params": params}
        return {"source": SCRIPT, "params": {"query": query}}

    @staticmethod
    def _hit(hits: list[dict[str, Any]]) -> Hit:
        scores = np.array([hit["_score"] for hit in hits], dtype=np.float64)
        products = np.where(scores >= 1, scores - 1, 1 - 1 / np.maximum(scores, 1e-30))
        return np.array([int(hit["_id"]) for hit in hits], dtype=np.int64), products.astype(np.float32)


def _vectors(answer: Any) -> dict[str, list[float]]:
    """The vectors in an answer by the ids of their documents."""
    return {one["_id"]: one["_source"][VECTOR] for one in answer["docs"] if one.get("found")}
