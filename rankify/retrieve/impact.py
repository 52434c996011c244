"""Ready-made weights of terms, from files as Anserini has them, over an impact index."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import BadInput
from rankify.indexes.changes import Beside
from rankify.indexes.term_weights import TermWeights
from rankify.io.jsonl import records
from rankify.retrieve.weighted_terms import Row, WeightedTerms, refuse_options
from rankify.spec import Spec
from rankify.stages import Retriever, positive
from rankify.types import Query, Run

Vector = Mapping[str, float]

LEAST, MOST = 1e-12, 1e12  # of a weight: products of two, and sums of these, are numbers in float32


class Impact(Retriever):
    """Inner products of weights that something else has computed. Equal scores are ordered by id.

    Files have a line `{"id": ..., "vector": {term: weight, ...}}` each document or query, as Anserini's JsonVector
    collections do. What has no file and no `vector` in its metadata is read as terms between white space, each as
    often as it stands there, as Anserini's pretokenized queries are.

    Args:
        corpus: what is searched.
        model: a file of the documents' vectors; their metadata, or else their texts, if not given.
        queries: a file of the queries' vectors; their metadata, or else their texts, if not given.
        folder: where the weights are kept: opened if they are there, built and saved if not. Where documents or vectors
            have changed since, those that are new are read. In memory if not given.
        index: exact, or quantised: less memory traffic and less time, and a document may be missed (see the page on
            sparse retrieval for how many). What is found has its exact score.
        margin: how many times k documents a quantised index scores exactly; more misses less.
        shard_size: documents in a shard.
        threads: how many queries are searched at once; every core if not given.

    Raises:
        BadInput: a file without one of the documents or queries, a weight that is no positive number, or a folder whose
            weights are of a corpus that less than half of the documents are of, vectors included.
    """

    name: ClassVar[str] = "impact"
    indexed_by: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self, corpus: Corpus, model: str = "", *, queries: str | None = None, folder: str | None = None,
        index: str = "exact", margin: float = 1.2, shard_size: int = 16_384, threads: int | None = None,
    ) -> None:  # fmt: skip
        self.corpus, self.model, self.queries, self.folder = corpus, model, queries, folder
        refuse_options(self.name, index, margin, threads)
        self.index, self.margin, self.shard_size, self.threads = index, margin, positive(shard_size), threads
        self._asked = VectorFile(queries) if queries else None
        self.weights = WeightedTerms(
            corpus, self._weigh, said={"kind": "impact"}, folder=folder, shard_size=self.shard_size, index=index,
            margin=margin, threads=threads, spec=repr(self), beside=self._beside() if folder else None,
        )  # fmt: skip
        self.__dict__.pop("_vectors", None)  # they are in the index now

    @staticmethod
    def reads_documents(spec: Spec) -> str:
        """The field of documents' metadata that what is found depends on; "" for none."""
        return "" if spec.model else "vector"

    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        """The k documents with the greatest inner products with each query, among those that share a term with it."""
        found = [vector(query, self._asked) for query in queries]
        names, rows = _numbered(found)
        hits = self.weights.search(names, rows, positive(k))
        return Run.found(queries, self.corpus, hits)

    def _weigh(self, documents: list[Document]) -> TermWeights:
        names, rows = _numbered([vector(document, self._vectors) for document in documents])
        offsets = np.cumsum([0, *(len(terms) for terms, _ in rows)], dtype=np.int64)
        terms = np.concatenate([np.zeros(0, np.int32), *(terms for terms, _ in rows)])
        return TermWeights.of(names, offsets, terms, np.concatenate([np.zeros(0, np.float32), *(w for _, w in rows)]))

    @cached_property
    def _vectors(self) -> VectorFile | None:
        """The file of the documents' vectors, read where it is needed: an index that has not changed does without."""
        return VectorFile(self.model) if self.model else None

    def _beside(self) -> Beside:
        """What tells the documents' weights, which the fingerprints of a corpus do not cover."""
        if not self.model:
            return Beside.of(repr(document.metadata.get("vector")) for document in self.corpus)

        def each() -> NDArray[np.uint64]:
            return Beside.of(repr(sorted(vector(d, self._vectors).items())) for d in self.corpus).each()

        return Beside(file_hash(self.model), each)


class VectorFile:
    """The vectors in a file, by id, in eight bytes a weight.

    Raises:
        BadInput: a line without an id or a vector, an id that stands twice, or a weight that is none.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._numbers: dict[str, int] = {}
        self._places: dict[str, int] = {}
        self._offsets, self._terms, self._weights = array("q", [0]), array("i"), array("f")
        for number, record in records(path):
            where = f"{path}:{number}"
            id = record.get("id", record.get("_id"))
            if not isinstance(id, str) or not id:
                raise BadInput(f"{where}: the id is {id!r}; a line is {{'id': text, 'vector': {{term: weight}}}}")
            if id in self._places:
                raise BadInput(f"{where}: the id {id!r} stands twice")
            self._places[id] = len(self._places)
            found = checked(record.get("vector"), where)
            self._terms.extend([self._numbers.setdefault(term, len(self._numbers)) for term in found])
            self._weights.extend(found.values())
            self._offsets.append(len(self._terms))
        self._names = list(self._numbers)

    def __contains__(self, id: str) -> bool:
        return id in self._places

    def __getitem__(self, id: str) -> Vector:
        place = self._places[id]
        span = slice(self._offsets[place], self._offsets[place + 1])
        return dict(zip(map(self._names.__getitem__, self._terms[span]), self._weights[span], strict=True))


def vector(of: Document | Query, known: VectorFile | None) -> Vector:
    """The weights of a document or query: from a file, or else its own, or else how often its text has each term.

    Raises:
        BadInput: there is a file, and it has none of this id; or its own vector is none.
    """
    what = f"{type(of).__name__.lower()} {of.id!r}"
    if known is not None:
        if of.id not in known:
            raise BadInput(f"{known.path} has no vector for {what}")
        return known[of.id]
    if "vector" in of.metadata:
        return checked(of.metadata["vector"], what)
    return Counter(of.text.split())


def checked(vector: Any, where: str) -> Vector:
    """The vector, if it is one; weights below `LEAST` are left out, as those of 0 are.

    Raises:
        BadInput: it is no object of terms with weights from 0 to `MOST`.
    """
    if not isinstance(vector, Mapping):
        raise BadInput(f"{where}: the vector is {vector!r:.60}; it is an object {{term: weight}}")
    for term, weight in vector.items():
        number = isinstance(weight, Real) and not isinstance(weight, bool)
        if not number or not 0 <= weight <= MOST:
            raise BadInput(f"{where}: the weight of {term!r} is {weight!r}; it is a number from 0 to {MOST:.0e}")
    return {str(term): float(weight) for term, weight in vector.items() if weight >= LEAST}


def file_hash(path: str) -> str:
    """The SHA-256 of a file.

    Raises:
        BadInput: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    return digest.hexdigest()


def _numbered(vectors: Sequence[Vector]) -> tuple[list[str], list[Row]]:
    """The distinct terms, and each vector as their numbers with weights."""
    numbers: dict[str, int] = {}
    rows = []
    for vector in vectors:
        terms = np.array([numbers.setdefault(term, len(numbers)) for term in vector], dtype=np.int32)
        rows.append((terms, np.array([*vector.values()], dtype=np.float32)))
    return list(numbers), rows
