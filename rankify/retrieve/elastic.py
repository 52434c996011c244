"""BM25 by Elasticsearch or OpenSearch: an index that is made from the corpus, or one that is there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from rankify.corpus import Corpus
from rankify.documents import Documents
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.indexes.building import building
from rankify.indexes.elastic import Elastic as Cluster
from rankify.indexes.elastic import Table, table_name
from rankify.indexes.manifest import Manifest
from rankify.indexes.stores import fill
from rankify.remote.patience import check_patience
from rankify.retrieve.bm25 import contents
from rankify.stages import Retriever, positive
from rankify.types import Query, Ranking, Run

KEY, URL = "ELASTIC_API_KEY", "ELASTIC_URL"
LOCAL = "http://localhost:9200"
SHARD = 4096  # documents that a killed build sends again, at most
PAGE = 10_000  # index.max_result_window: what one search gives at most
HITS = 20_000  # of one request


class Elastic(Retriever):
    """BM25 by the Lucene inside Elasticsearch or OpenSearch, over its REST interface.

    Its own index has what `bm25` has: title and text together, the english analyzer and Lucene's formula; it has one
    shard, and positions for ids. An index that is there already is searched as it is, in the fields that are named.

    Args:
        corpus: what is searched; hits are its documents.
        model: the index, or an alias; if not given, rankify- and a number for the corpus and the options.
        url: of any node; `$ELASTIC_URL` if not given, else http://localhost:9200.
        key: the NAME of the environment variable with an API key, or with user:password. ELASTIC_API_KEY where the
            address comes from `$ELASTIC_URL`, else none: a `url` may be anybody's.
        fields: of an index that is there, e.g. title^2,text: searched by multi_match, best_fields. Nothing is written.
        id_field: of such an index: where its documents have the ids of the corpus.
        k1, b: as in `bm25`; part of an index that is made.
        analyzer: of an index that is made: any that the cluster knows by name.
        folder: where the name of the index and what it is of are kept; the index itself is in the cluster.
        retries, pause: tries after a failure that may pass, and seconds before the first of them; they double.
        timeout, deadline: seconds for one try, and for one request with all its tries.

    Raises:
        Misuse: an option out of range.
        BadInput: the index is of another corpus, or not Rankify's and no fields are named.
        RemoteFailed: the cluster does not answer, or refuses.
    """

    name: ClassVar[str] = "elastic"

    def __init__(
        self, corpus: Corpus, model: str = "", *, url: str | None = None, key: str | None = None,
        fields: str | None = None, id_field: str = "_id", k1: float = 0.9, b: float = 0.4, analyzer: str = "english",
        folder: str | None = None, retries: int = 5, pause: float = 0.5, timeout: float = 60.0,
        deadline: float = 600.0,
    ) -> None:  # fmt: skip
        self.corpus, self.model, self.key, self.fields, self.id_field = corpus, model, key, fields, id_field
        self.k1, self.b, self.analyzer, self.folder = k1, b, analyzer, folder
        self.retries, self.pause, self.timeout, self.deadline = retries, pause, timeout, deadline
        self._check()
        where = (url or os.environ.get(URL) or LOCAL).rstrip("/")
        self.url = None if where == LOCAL else where  # in the spec, wherever it came from
        if key is None and url is None and os.environ.get(URL):
            self.key = KEY
        self._said: dict[str, Any] = {
            "kind": self.name, "corpus": corpus.hash, "documents": len(corpus), "analyzer": analyzer, "k1": k1, "b": b,
        }  # fmt: skip
        table = model or f"rankify-{hashlib.sha256(json.dumps(self._said).encode()).hexdigest()[:20]}"
        if folder and Manifest.there(folder):
            Manifest.check(folder, **self._said, index=table, fields=fields)
        cluster = Cluster(where, key=self.key, retries=retries, pause=pause, timeout=timeout, deadline=deadline)
        self._table = Texts(cluster, table)
        self._open()

    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        """The k best documents of each query, among those that share a term with it."""
        rankings: list[Ranking] = []
        size = min(positive(k), PAGE)
        for start in range(0, len(queries), step := max(1, HITS // size)):
            some = queries[start : start + step]
            found = self._listed(some, k) if self.fields else self._numbered(some, k)
            for query, (positions, scores) in zip(some, found, strict=True):
                rankings.append(Ranking(query, Documents(self.corpus, positions), scores))
        return Run(rankings)

    def _numbered(self, queries: Sequence[Query], k: int) -> list[tuple[list[int], list[float]]]:
        """Positions and scores from an index of ours, page by page; the cluster itself orders ties by id."""
        sort = [{"_score": "desc"}, {"rank": "asc"}]
        found: list[list[dict[str, Any]]] = [[] for _ in queries]
        asked, size = list(range(len(queries))), min(k, PAGE)
        while asked:
            bodies = []
            for i in asked:
                after = {"search_after": found[i][-1]["sort"]} if found[i] else {}
                wanted = {"match": {"contents": {"query": _sent(queries[i].text)}}}
                bodies.append({"query": wanted, "size": size, "sort": sort, "_source": False, **after})
            for i, hits in zip(asked, pages := self._table.search(bodies), strict=True):
                found[i] += hits
            full = {i for i, hits in zip(asked, pages, strict=True) if len(hits) == size}
            asked = [i for i in asked if i in full and len(found[i]) < k]
        return [([int(hit["_id"]) for hit in hits[:k]], [hit["_score"] for hit in hits[:k]]) for hits in found]

    def _listed(self, queries: Sequence[Query], k: int) -> list[tuple[list[int], list[float]]]:
        """Positions and scores from somebody's index: asked for more while the last of them ties with place k."""
        if k > PAGE:
            raise Misuse(f"{self!r} cannot keep the best {k:,}: an index that is there gives {PAGE:,} at most")
        found: dict[int, list[dict[str, Any]]] = {}
        asked, size = list(range(len(queries))), min(k + 16, PAGE)
        while asked:
            bodies = [self._matching(queries[i].text, size) for i in asked]
            found.update(zip(asked, self._table.search(bodies), strict=True))
            asked = [i for i in asked if len(h := found[i]) == size < PAGE and h[k - 1]["_score"] == h[-1]["_score"]]
            size = min(2 * size, PAGE)
        return [self._in_order(found[i], k) for i in range(len(queries))]

    def _matching(self, text: str, size: int) -> dict[str, Any]:
        fields = [field.strip() for field in str(self.fields).split(",")]
        shown = {} if self.id_field == "_id" else {"fields": [self.id_field]}
        query = {"multi_match": {"query": _sent(text), "fields": fields, "type": "best_fields"}}
        return {"query": query, "size": size, "_source": False, **shown}

    def _in_order(self, hits: list[dict[str, Any]], k: int) -> tuple[list[int], list[float]]:
        ids = [str(hit["_id"] if self.id_field == "_id" else hit["fields"][self.id_field][0]) for hit in hits]
        scores = [float(hit["_score"]) for hit in hits]
        if len({*ids}) < len(ids):
            twice = next(id for id in ids if ids.count(id) > 1)
            raise BadInput(f"{self._table} has {twice!r} twice in {self.id_field}: its documents are not the corpus's")
        order = sorted(range(len(hits)), key=lambda i: (-scores[i], ids[i]))[:k]
        try:
            return [self.corpus.position(ids[i]) for i in order], [scores[i] for i in order]
        except UnknownName as error:
            raise BadInput(f"{self._table} found {error}; does id_field={self.id_field} hold its ids?") from None

    def _check(self) -> None:
        check_patience(_Asker(self.retries, self.pause, self.timeout, self.deadline))
        if not (0 <= self.k1 < np.inf and 0 <= self.b <= 1):
            raise Misuse(f"elastic with k1={self.k1}, b={self.b}: k1 is from 0 up, b is from 0 to 1")
        if self.fields is not None and not all(field.strip() for field in self.fields.split(",")):
            raise Misuse(f"fields={self.fields!r} names no fields; write e.g. fields=title^2,text")
        if self.fields is not None and not self.model:
            raise Misuse("fields= is for an index that is there: name it, elastic:INDEX?fields=...")
        made = {"k1": (self.k1, 0.9), "b": (self.b, 0.4), "analyzer": (self.analyzer, "english")}
        changed = [name for name, (value, default) in made.items() if value != default]
        if self.fields is not None and changed:
            raise Misuse(f"{changed[0]}= is part of an index that is made, and fields= is for one that is there")
        if self.fields is None and self.id_field != "_id":
            raise Misuse("id_field= is for an index that is there: name its fields too, fields=title,text")
        if self.model:
            table_name(self.model)

    def _open(self) -> None:
        """Makes and fills the index where it is ours and not whole; writes down what it is, where there is a folder."""
        if self.fields is not None and self._table.mapping() is None:
            raise BadInput(f"there is no {self._table}; leave fields= out to have it made")
        if self.fields is None:
            shards = [range(i, min(i + SHARD, len(self.corpus))) for i in range(0, len(self.corpus), SHARD)]
            fill(self._table, self._said, shards, self._documents)
        if self.folder and not Manifest.there(self.folder):
            with building(Path(self.folder)):
                Manifest.write(
                    self.folder, spec=str(self), **self._said, index=self._table.name, fields=self.fields
                )  # fmt: skip

    def _documents(self, positions: range) -> list[dict[str, Any]]:
        ranks = self.corpus.id_ranks
        return [
            {"id": _sent(document.id), "contents": _sent(contents(document)), "rank": int(ranks[position])}
            for position, document in zip(positions, map(self.corpus.document, positions), strict=True)
        ]


class _Asker:
    """The options that say how patient a client is."""

    parallel = 1

    def __init__(self, retries: int, pause: float, timeout: float, deadline: float) -> None:
        self.retries, self.pause, self.timeout, self.deadline = retries, pause, timeout, deadline


class Texts(Table):
    """An index of documents' texts, made and filled by Rankify."""

    foreign = "say fields=title,text to search it as it is"

    def create(self, said: dict[str, Any]) -> None:
        """Makes it; what it says of itself has the analyzer and the numbers of BM25."""
        similarity = {"type": "BM25", "k1": said["k1"], "b": said["b"]}
        text = {"type": "text", "analyzer": said["analyzer"], "similarity": "rankify"}
        fields = {"id": {"type": "keyword", "index": False, "doc_values": False}, "rank": {"type": "integer"}}
        self.make(said, {"contents": text, **fields}, {"index.similarity.rankify": similarity})

    def put(self, positions: range, rows: Iterable[dict[str, Any]]) -> None:
        """Adds documents, or puts them in the place of those that are there."""
        self.bulk(positions, rows)


def _sent(text: str) -> str:
    """A text as JSON can carry it: halves of characters have no UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")
