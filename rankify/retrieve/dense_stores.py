"""Where dense vectors are kept in a database: which one, under what name, and what it has to say of itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from rankify.errors import Misuse
from rankify.indexes import elastic_vectors, milvus
from rankify.indexes.elastic import Elastic, table_name
from rankify.indexes.stores import StoredRows, StoreIndex, VectorStore, fill, there
from rankify.indexes.vectors import Vectors, as_stored

if TYPE_CHECKING:
    from rankify.retrieve.dense import Dense

KINDS = (*milvus.KINDS, *elastic_vectors.KINDS)


def refuse_places(index: str, *, folder: str | None, **places: str | None) -> None:
    """Raises Misuse for a place that an index cannot be at, before anything is encoded."""
    given = {name: value for name, value in places.items() if value is not None}
    if index not in KINDS and given:
        name = min(given)
        raise Misuse(f"index={index} is in no database, so {name}= says nothing; use index={' or '.join(KINDS)}")
    if index in elastic_vectors.KINDS:
        if not places["uri"]:
            raise Misuse(f"index={index} needs the uri= of Elasticsearch or OpenSearch, e.g. http://localhost:9200")
        table_name(places["collection"] or "rankify")
    if index in milvus.KINDS:
        if not folder and not places["uri"]:
            raise Misuse(f"index={index} needs folder=, where Milvus Lite keeps its file, or the uri= of a server")
        milvus.place(places["uri"] or "milvus.db")
        milvus.token_name(places["token"])
        milvus.collection_name(places["collection"] or "rankify")


def opened(
    dense: Dense, keep: Callable[[], Vectors] | None, shards: Sequence[range], encode: Callable[[range], Any]
) -> tuple[Vectors, StoreIndex]:
    """The vectors of a corpus and their index in a database, put there first if need be.

    Args:
        keep: gives the vectors, where they are kept on this machine too; else they are encoded on their way.
    """
    said = {**dense.described(), "dimension": dense.encoder.dimension, "metric": "inner product"}
    kept = keep() if keep and not dense.uri else None  # before Milvus Lite has its file in the same folder
    store, about = _store(dense, said)
    said["index"] = about
    if keep and kept is None:
        there(store, said)  # what is wrong with it is said before anything is encoded
        kept = keep()

    def rows(positions: range) -> Any:
        if kept is not None:
            return kept.take(np.arange(positions.start, positions.stop))
        return as_stored(encode(positions), dense.storage).astype(np.float32)

    fill(store, said, shards, rows)
    if dense.uri is None and isinstance(store, milvus.Milvus):  # the folder's own, whose corpus may have changed
        store.forget_others(dense.corpus.hash)
    vectors = (
        kept
        if kept is not None
        else Vectors([cast(Any, StoredRows(store, len(dense.corpus)))], dense.encoder.dimension)
    )
    return vectors, StoreIndex(store, vectors, dense.corpus.id_ranks)


def _store(dense: Dense, said: dict[str, Any]) -> tuple[VectorStore, dict[str, Any]]:
    """The database's table, and how it is indexed there."""
    graph = {"m": dense.m or 32, "ef_construction": dense.ef_construction} if dense.index.endswith("hnsw") else {}
    about = {"kind": dense.index, **graph}
    number = _short({**said, "index": about})
    how: dict[str, Any] = {
        "kind": dense.index, "m": dense.m, "ef_construction": dense.ef_construction, "ef_search": dense.ef_search,
    }  # fmt: skip
    length = dense.encoder.dimension
    if dense.index in milvus.KINDS:
        uri = dense.uri or str(Path(dense.folder or "") / "milvus.db")
        name = dense.collection or f"rankify_{number}"
        return milvus.Milvus(uri, name, length, token=dense.token, **how), about
    cluster = Elastic(str(dense.uri), key=dense.token, option="uri")
    return elastic_vectors.ElasticVectors(cluster, dense.collection or f"rankify-{number}", length, **how), about


def _short(said: dict[str, Any]) -> str:
    """A name for what decides vectors, other than the versions of libraries."""
    decisive = {field: value for field, value in said.items() if field != "libraries"}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:20]
