"""Vectors in Milvus: embedded as Milvus Lite, in a file, or a cluster by its address."""

from __future__ import annotations

import json
import logging
import os
import re
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Positions
from rankify.errors import BadInput, Misuse, RankifyError, needs
from rankify.indexes.flat import Hit
from rankify.remote.patience import scrubbed

KINDS = ("milvus", "milvus-hnsw")
PROPERTY = "rankify"  # of a collection: its manifest
ID, VECTOR = "position", "vector"
ROWS = 2048  # of one request: 25 MB at 3,072 dimensions, where Milvus takes 64 MB
REQUEST, LOADING = 120.0, 1800.0  # seconds
# the client asks every ten seconds whether the server is there, and Milvus Lite hangs up on who asks too often
SILENT = {"grpc.keepalive_time_ms": 2**31 - 1, "grpc.keepalive_permit_without_calls": 0}
LOUD = ("pymilvus", "pymilvus.milvus_client")  # log what a server says as it is, token and all; here it is raised
_OPEN: Counter[str] = Counter()  # how many stores use a file of Milvus Lite, which one server in this process serves


class Milvus:
    """A collection in Milvus, as a `VectorStore`. Wang et al., "Milvus: a purpose-built vector data management system",
    SIGMOD 2021.

    Args:
        uri: a file that ends in .db, for Milvus Lite, or http://host:19530, with /database behind it if need be.
        collection: its name: letters, digits and underscores.
        dimension: the length of a vector.
        kind: milvus looks at every row (FLAT); milvus-hnsw searches a graph (HNSW).
        m, ef_construction, ef_search: as for `FaissIndex`, for milvus-hnsw.
        token: the NAME of the environment variable with the token, or user:password; none is sent if not given.
        connecting: seconds to wait for the first answer.

    Raises:
        Misuse: an address, name or number that Milvus does not take.
        RankifyError: nobody answers there, or the token is wrong.
    """

    most = 16_384  # https://milvus.io/docs/limitations.md: topk
    way_out = "give another collection=, or drop that one"

    def __init__(
        self, uri: str, collection: str, dimension: int, *, kind: str = "milvus", m: int | None = None,
        ef_construction: int = 200, ef_search: int = 128, token: str | None = None, connecting: float = 10.0,
    ) -> None:  # fmt: skip
        self.collection, self.dimension, self.exact = collection_name(collection), dimension, kind == "milvus"
        self.ef_search, self.token = ef_search, token_name(token)
        built = {"M": m or 32, "efConstruction": ef_construction}
        self.index: dict[str, Any] = {"index_type": "FLAT"} if self.exact else {"index_type": "HNSW", "params": built}
        self.where = place(uri)
        self._client = self._connected(uri, connecting)
        self._finalizer = weakref.finalize(self, _close, self._client, uri)

    def __str__(self) -> str:
        return f"collection {self.collection!r} at {self.where}"

    def close(self) -> None:
        """Ends the connection; Milvus Lite lets go of its file when the last store that uses it is closed."""
        self._finalizer()

    def found(self) -> dict[str, Any] | None:
        with self._asking():
            if not self._client.has_collection(self.collection, timeout=REQUEST):
                return None
            about = self._client.describe_collection(self.collection, timeout=REQUEST)
            indexed = VECTOR in self._client.list_indexes(self.collection)
            index = self._client.describe_index(self.collection, VECTOR, timeout=REQUEST) if indexed else None
        lengths = [field["params"]["dim"] for field in about["fields"] if field["name"] == VECTOR]
        said = json.loads(about.get("properties", {}).get(PROPERTY) or "{}")
        if not said and lengths == [self.dimension]:
            raise BadInput(f"{self} was not made by Rankify; give another collection=")
        if said and index is None:  # killed between the two
            self._index_vectors()
            index = {"metric_type": "IP"}
        metric = (index or {}).get("metric_type")
        metric = "inner product" if metric == "IP" else metric
        return {**said, "dimension": int(lengths[0]) if lengths else None, "metric": metric}

    def create(self, said: dict[str, Any]) -> None:
        kinds = needs("pymilvus", "milvus").DataType
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field(ID, kinds.INT64, is_primary=True)
        schema.add_field(VECTOR, kinds.FLOAT_VECTOR, dim=self.dimension)
        properties = {PROPERTY: json.dumps(said, ensure_ascii=False)}
        with self._asking():
            self._client.create_collection(
                self.collection, schema=schema, properties=properties, consistency_level="Strong", timeout=LOADING
            )
        self._index_vectors()

    def _index_vectors(self) -> None:
        index = self._client.prepare_index_params()
        index.add_index(VECTOR, index_name=VECTOR, metric_type="IP", **self.index)
        with self._asking():  # nothing to wait for: there are no vectors yet
            self._client.create_index(self.collection, index, timeout=LOADING, sync=False)

    def forget_others(self, corpus: str) -> None:
        """Drops what Rankify has put into the same database for other corpora."""
        with self._asking():
            for name in self._client.list_collections(timeout=REQUEST):
                about = self._client.describe_collection(name, timeout=REQUEST).get("properties", {})
                if PROPERTY in about and json.loads(about[PROPERTY]).get("corpus") != corpus:
                    self._client.drop_collection(name, timeout=REQUEST)

    def held(self, positions: range | None) -> int:
        with self._asking():
            self._client.load_collection(self.collection, timeout=LOADING)
            [counted] = self._client.query(
                self.collection, filter=_filter(positions), output_fields=["count(*)"], timeout=LOADING
            )
        return int(counted["count(*)"])

    def put(self, positions: range, rows: NDArray[np.float32]) -> None:
        for start in range(0, len(positions), ROWS):
            portion = zip(positions[start : start + ROWS], rows[start : start + ROWS], strict=True)
            with self._asking():
                self._client.upsert(self.collection, [{ID: p, VECTOR: row} for p, row in portion], timeout=REQUEST)

    def finish(self) -> None:
        with self._asking():
            self._client.flush(self.collection, timeout=LOADING)
            self._client.load_collection(self.collection, timeout=LOADING)

    def take(self, positions: Positions) -> NDArray[np.float32]:
        wanted, places = np.unique(positions, return_inverse=True)
        found = np.empty((len(wanted), self.dimension), dtype=np.float32)
        for start in range(0, len(wanted), ROWS):
            ids = wanted[start : start + ROWS].tolist()
            with self._asking():
                rows = self._client.get(self.collection, ids, output_fields=[ID, VECTOR], timeout=REQUEST)
            known = {row[ID]: row[VECTOR] for row in rows}
            if missing := [id for id in ids if id not in known]:
                raise RankifyError(f"{self} has no vector at position {missing[0]}; {self.way_out}")
            found[start : start + len(ids)] = [known[id] for id in ids]
        return found[places]

    def propose(self, queries: NDArray[np.float32], k: int, within: range | None) -> list[Hit]:
        params = {} if self.exact else {"ef": max(self.ef_search, k)}
        with self._asking():
            answers = self._client.search(
                self.collection, list(queries), filter=_filter(within), limit=k, output_fields=[ID],
                search_params={"metric_type": "IP", "params": params}, anns_field=VECTOR, timeout=LOADING,
            )  # fmt: skip
        if len(answers) != len(queries):
            raise RankifyError(f"{self} answered {len(answers)} of {len(queries)} searches")
        return [
            (np.array([hit[ID] for hit in hits], np.int64), np.array([hit["distance"] for hit in hits], np.float32))
            for hits in answers
        ]

    def _connected(self, uri: str, seconds: float) -> Any:
        library = needs("pymilvus", "milvus")
        for name in LOUD:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if uri.endswith(".db"):
            needs("milvus_lite", "milvus")
            _OPEN[_file(uri)] += 1
            Path(uri).parent.mkdir(parents=True, exist_ok=True)
        try:
            with self._asking():
                how = {"grpc_options": SILENT} if uri.endswith(".db") else {}
                return library.MilvusClient(uri, token=os.environ.get(self.token, ""), timeout=seconds, **how)
        except BaseException:
            _close(None, uri)
            raise

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """What Milvus refuses, as one line without a key."""
        library, grpc = needs("pymilvus", "milvus"), needs("grpc", "milvus")
        try:
            yield
        except library.MilvusException as error:
            cause = scrubbed(str(error.message), key=self.token)
        except grpc.RpcError as error:
            cause = scrubbed(str(getattr(error, "details", lambda: "")() or error), key=self.token)
        else:
            return
        way_out = ""
        if "auth" in cause.lower() or "connecting" in cause:
            holder = (
                f"the environment variable {self.token} holds" if self.token else "token=NAME names a variable with"
            )
            way_out = f"; check uri=, and that {holder} a token if it wants one"
        elif "Open local milvus failed" in cause:
            way_out = "; another process may be using it, or it is no database of this version of Milvus Lite"
        raise RankifyError(f"Milvus at {self.where}: {cause}{way_out}")


def collection_name(name: str) -> str:
    """A name that a collection can have.

    Raises:
        Misuse: none can.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,254}", name):
        raise Misuse(f"collection={name!r} is no name that Milvus takes: letters, digits and underscores")
    return name


def token_name(name: str | None) -> str:
    """The name of the environment variable that holds a token.

    Raises:
        Misuse: it is none, perhaps the token itself, which the message does not repeat.
    """
    if name is not None and not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name):
        raise Misuse("token= is the NAME of an environment variable, such as MILVUS_TOKEN, and never the token itself")
    return name or ""


def place(uri: str) -> str:
    """An address as messages have it.

    Raises:
        Misuse: it is none, or holds a password.

    >>> place("indexes/x/milvus.db"), place("https://milvus.example:19530/wiki")
    ('indexes/x/milvus.db', 'milvus.example:19530/wiki')
    """
    if uri.endswith(".db") and "://" not in uri:
        return uri
    where = urlsplit(uri)
    if where.scheme not in ("http", "https") or not where.hostname or uri.endswith(".db"):
        raise Misuse(f"uri={uri!r} is no address of Milvus: write http://localhost:19530, or a file that ends in .db")
    if where.username or where.password or where.query or where.fragment:
        raise Misuse(
            f"uri= for {where.hostname} holds more than an address; name a variable with the password: token=NAME"
        )
    return f"{where.netloc}{where.path}".rstrip("/")


def _filter(positions: range | None) -> str:
    return f"{ID} >= {positions.start} and {ID} < {positions.stop}" if positions is not None else ""


def _file(uri: str) -> str:
    return str(Path(uri).absolute())


def _close(client: Any, uri: str) -> None:
    if client is not None:
        client.close()
    if uri.endswith(".db"):
        _OPEN[_file(uri)] -= 1
        if _OPEN[_file(uri)] <= 0:
            needs("milvus_lite.server_manager", "milvus").server_manager_instance.release_server(uri)
