"""BM25 over titles and texts as fields of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import Misuse
from rankify.indexes.building import building
from rankify.indexes.impact import ImpactIndex, SparseQueries
from rankify.indexes.manifest import Manifest
from rankify.retrieve.bm25 import BM25
from rankify.stages import Retriever, positive
from rankify.types import Query, Run


class BM25Multifield(Retriever):
    """The sum of a document's two scores by BM25: of its text, and of its title times a weight.

    Each field has statistics of its own: how many documents have it, their average length, how many have a term there.
    Anserini's BeirMultifieldCollection with `-fields contents=1.0 title=1.0`, "BM25 multifield" in the tables of BEIR's
    reproductions (arXiv:2306.07471). Equal scores are ordered by id, ascending.

    Args:
        corpus: what is searched.
        title_weight: what a title's score is multiplied by, above 0.
        k1, b, exact_lengths, analyzer, threads: as of `bm25`, for both fields.
        folder: where the indexes of both fields are kept, each as one of `bm25`.

    Raises:
        Misuse: an option out of range.
    """

    name: ClassVar[str] = "bm25-multifield"
    indexed_by: ClassVar[frozenset[str]] = frozenset({"analyzer"})

    def __init__(
        self, corpus: Corpus, *, title_weight: float = 1.0, k1: float = 0.9, b: float = 0.4,
        exact_lengths: bool = False, analyzer: str = "english", folder: str | None = None, threads: int | None = None,
    ) -> None:  # fmt: skip
        if not 0 < title_weight < np.inf:
            raise Misuse(f"bm25-multifield with title_weight={title_weight}: a number above 0; for none, write bm25")
        self.corpus, self.title_weight, self.k1, self.b = corpus, title_weight, k1, b
        self.exact_lengths, self.analyzer, self.folder, self.threads = exact_lengths, analyzer, folder, threads
        self.text, self.title = self._stored(Path(folder)) if folder else (self._field("text"), self._field("title"))
        self.index = _joined(self.text, self.title, corpus)

    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        """The k best documents of each query, among those that share a term with it in either field."""
        texts = [query.text for query in queries]
        asked = _both(self._asked(self.text, texts, 1.0), self._asked(self.title, texts, self.title_weight),
                      len(self.text.postings.terms))  # fmt: skip
        return Run.found(queries, self.corpus, self.index.search(asked, positive(k), threads=self.threads))

    def _field(self, field: str, folder: Path | None = None) -> BM25:
        """The index of a field."""
        return BM25(
            Field(self.corpus, field), k1=self.k1, b=self.b, exact_lengths=self.exact_lengths, analyzer=self.analyzer,
            folder=str(folder / field) if folder else None, threads=self.threads,
        )  # fmt: skip

    def _stored(self, folder: Path) -> tuple[BM25, BM25]:
        """The indexes of both fields in a folder, brought up to the corpus; the manifest is written last."""
        there = Manifest.there(folder)
        if there:
            Manifest.check(folder, kind=self.name, analyzer=self.analyzer)
        with building(folder, own="*" if there else "t[ei][xt]*"):
            text, title = self._field("text", folder), self._field("title", folder)
            if not there or Manifest.read(folder)["corpus"] != self.corpus.hash:
                changed = Manifest.read(folder / "text").get("change", {})
                Manifest.write(
                    folder, kind=self.name, spec=str(self), analyzer=self.analyzer, corpus=self.corpus.hash,
                    documents=len(self.corpus), change=changed,
                    terms=len(text.postings.terms) + len(title.postings.terms),
                    total_terms=text.postings.total_terms + title.postings.total_terms,
                )  # fmt: skip
        return text, title

    @staticmethod
    def _asked(field: BM25, texts: Sequence[str], weight: float) -> SparseQueries:
        asked = field.terms(texts)
        return SparseQueries(asked.offsets, asked.terms, field.weights(asked) * np.float32(weight))


class Field(Corpus):
    """One field of every document, as a corpus: the same ids in the same order, made when they are looked at."""

    def __init__(self, corpus: Corpus, field: str) -> None:
        self.corpus, self.field = corpus, field
        self._ids = np.array(corpus.ids, dtype=object)

    def document(self, position: int) -> Document:
        document = self.corpus.document(position)
        return Document(document.id, getattr(document, self.field))


def _joined(text: BM25, title: BM25, corpus: Corpus) -> ImpactIndex:
    """Both fields' postings in one index: the title's terms have the numbers behind those of the text's."""
    fields = text.postings, title.postings
    first, second = (field.offsets for field in fields)
    return ImpactIndex(
        np.concatenate([first, second[1:] + first[-1]]),
        np.concatenate([field.documents for field in fields]),
        np.concatenate([text.stored, title.stored]),
        corpus.id_ranks,
        saturating=True,
    )


def _both(text: SparseQueries, title: SparseQueries, terms: int) -> SparseQueries:
    """Each query's terms of the text, then those of the title, which are numbered from `terms` up."""
    counts = np.diff(text.offsets), np.diff(title.offsets)
    rows = np.concatenate([np.repeat(np.arange(len(text)), one) for one in counts])
    order = np.argsort(rows, kind="stable")
    return SparseQueries(
        text.offsets + title.offsets,
        np.concatenate([text.terms, title.terms + np.int32(terms)])[order],
        np.concatenate([text.weights, title.weights])[order],
    )
