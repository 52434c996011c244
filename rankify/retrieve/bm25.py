"""BM25 over an impact index, document for document what Lucene returns, without Java."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import Misuse, UnknownName
from rankify.hits import Hits
from rankify.indexes.building import building
from rankify.indexes.changes import FINGERPRINTS, Changes, changes, current, open_fingerprints, save_fingerprints
from rankify.indexes.impact import ImpactIndex, SparseQueries
from rankify.indexes.manifest import Manifest, versions
from rankify.indexes.postings import Postings
from rankify.indexes.weighting import Formula, weighted
from rankify.retrieve import bm25_formulas as formulas
from rankify.stages import Retriever, positive
from rankify.text.analysis import Vocabulary, tokenized
from rankify.text.analysis import analyzer as text_analyzer
from rankify.types import Query, Run

logger = logging.getLogger(__name__)
LIBRARIES = ("regex",)  # what decides, besides our own code, which terms a text has
BATCH = 1 << 18  # documents analysed before their postings join the others: bounds memory, not results


class BM25(Retriever):
    """BM25 as Anserini runs it by default: the English analyzer, title and text together, k1 0.9, b 0.4.

    The default variant computes what Lucene's BM25Similarity computes, in its precision, with document lengths rounded
    to one byte. Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009.

    Args:
        corpus: what is searched.
        k1: how fast a term's count saturates. b: how much length counts, 0 to 1.
        variant: lucene, robertson, atire, bm25l or bm25+.
        delta: the lower bound of bm25l and bm25+; the published one if not given (0.5 and 1).
        exact_lengths: lengths as they are instead of in Lucene's one byte (Anserini's -bm25.accurate); the other
            variants always have them so.
        analyzer: english, or whitespace for texts whose terms are ready.
        folder: where the index is kept: opened if it is there, built and saved if not. Where the corpus has changed
            since, what is new is analysed and what is gone is dropped (on the command line by `rankify index` only):
            the index is then that of the corpus as it is. Only the postings are stored, so k1, b and variant are free.
        threads: how many queries are searched at once; every core if not given.

    Raises:
        Misuse: an option out of range.
        BadInput: a folder that holds an index of another analyzer or of a corpus that less than half of the documents
            are of, or something else.
    """

    name: ClassVar[str] = "bm25"
    indexed_by: ClassVar[frozenset[str]] = frozenset({"analyzer"})

    def __init__(
        self, corpus: Corpus, *, k1: float = 0.9, b: float = 0.4, variant: str = "lucene", delta: float | None = None,
        exact_lengths: bool = False, analyzer: str = "english", folder: str | None = None, threads: int | None = None,
    ) -> None:  # fmt: skip
        self.refuse_options(k1=k1, b=b, variant=variant, delta=delta, threads=threads)
        self.corpus, self.k1, self.b, self.variant, self.delta = corpus, k1, b, variant, delta
        self.exact_lengths, self.analyzer, self.folder, self.threads = exact_lengths, analyzer, folder, threads
        self.postings = self._stored(Path(folder)) if folder else self._extended(Postings.empty(), corpus)
        self._numbers = text_analyzer(analyzer).known(self.postings.terms.get)
        self._weigh()

    @staticmethod
    def refuse_options(
        *, k1: float = 0.9, b: float = 0.4, variant: str = "lucene", delta: float | None = None,
        threads: int | None = None,
    ) -> None:  # fmt: skip
        """Raises Misuse or UnknownName for options that no index could be searched with."""
        if not (0 <= k1 < np.inf and 0 <= b <= 1 and 0 <= (delta or 0) < np.inf):
            raise Misuse(f"bm25 with k1={k1}, b={b}, delta={delta}: k1 and delta are from 0 up, b is from 0 to 1")
        if threads is not None and threads < 1:
            raise Misuse(f"bm25 with threads={threads}: at least 1, or none given for every core")
        if variant not in ("lucene", *formulas.VARIANTS):
            raise UnknownName.among("variant of bm25", variant, ("lucene", *formulas.VARIANTS))

    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        """The k best documents of each query, among those that share a term with it."""
        return self.search(queries, self.terms([query.text for query in queries]), k)

    def terms(self, texts: Iterable[str]) -> SparseQueries:
        """The terms of each text that the index has, with how often the text has them."""
        return SparseQueries.counted(*tokenized(texts, self._numbers))

    def search(self, queries: Sequence[Query], asked: SparseQueries, k: int) -> Run:
        """The k best documents of each query, which stands for some terms of the index with a weight each.

        A weight is what a term's score is multiplied by: a term asked for twice has weight 2, as Lucene has boosts.
        """
        weighted_terms = replace(asked, weights=self.weights(asked))
        parts = self.index.search(weighted_terms, positive(k), threads=self.threads)
        return Run.found(queries, self.corpus, self._lifted(asked, parts))

    def weights(self, asked: SparseQueries) -> NDArray[np.float32]:
        """What each term of a query is multiplied by: its inverse document frequency, as often as it is asked for."""
        found: NDArray[np.float32] = self._idf[asked.terms] * asked.weights
        return found

    def _lifted(self, asked: SparseQueries, parts: Sequence[Hits]) -> Sequence[Hits]:
        """Hits with what bm25l and bm25+ give every document for a query's terms, whether it has them or not."""
        if not len(self._absent):
            return parts
        rows = np.repeat(np.arange(len(asked)), np.diff(asked.offsets))
        shares = self._absent[asked.terms] * asked.weights
        order = np.lexsort((shares, rows))  # sums leave the same rounding behind however the terms are numbered
        constants = np.bincount(rows[order], shares[order], minlength=len(asked))
        each = np.split(constants, np.cumsum([len(part.counts) for part in parts])[:-1])
        return [
            replace(part, scores=part.scores + np.repeat(own, part.counts))
            for part, own in zip(parts, each, strict=True)
        ]

    def _weigh(self) -> None:
        """The numbers of the chosen variant, one a posting; they are computed from the counts and never stored."""
        saturating = self.variant == "lucene"
        formula = self._lucene() if saturating else self._published(formulas.VARIANTS[self.variant])
        self.stored = weighted(self.postings, formula, by_term=not saturating)

    @cached_property
    def index(self) -> ImpactIndex:
        """What is searched."""
        offsets, documents, saturating = self.postings.offsets, self.postings.documents, self.variant == "lucene"
        return ImpactIndex(offsets, documents, self.stored, self.corpus.id_ranks, saturating=saturating)

    def _lucene(self) -> Formula:
        postings = self.postings
        total = postings.nonempty_documents
        lengths = postings.lengths if self.exact_lengths else formulas.one_byte(postings.lengths)
        inverse = formulas.lucene_inverse_norms(lengths, max(postings.total_terms, 1) / max(total, 1), self.k1, self.b)
        self._idf = formulas.lucene_idf(postings.document_frequencies, total)
        self._absent = np.zeros(0)
        return lambda _, counts, documents: np.float32(1) + counts * inverse[documents]

    def _published(self, variant: formulas.Variant) -> Formula:
        postings, delta = self.postings, variant.delta if self.delta is None else self.delta
        total = len(postings.lengths)
        relative = postings.lengths / (max(postings.total_terms, 1) / max(total, 1))
        idf = variant.idf(postings.document_frequencies.astype(np.float64), total)
        none = float(variant.gain(np.zeros(1), np.ones(1), self.k1, self.b, delta)[0]) if delta else 0.0
        self._idf = np.ones(len(idf), np.float32)
        self._absent = idf * none if none else np.zeros(0)

        def formula(terms: Any, counts: Any, documents: Any) -> Any:
            return idf[terms] * (variant.gain(counts, relative[documents], self.k1, self.b, delta) - none)

        return formula

    def _stored(self, folder: Path) -> Postings:
        """The index in a folder, brought up to the corpus."""
        if not Manifest.there(folder):
            with building(folder, own="postings-*"):
                return self._saved(self._extended(Postings.empty(), self.corpus), folder, {"added": len(self.corpus)})
        manifest, postings = current(folder, partial(self._checked, folder), partial(_open, folder))
        if manifest["corpus"] == self.corpus.hash:
            return postings
        known = open_fingerprints(folder / str(manifest["data"]) / FINGERPRINTS, len(postings.lengths))
        found = changes(folder, known, self.corpus, manifest["corpus"])
        with building(folder, own="*"):
            if Manifest.read(folder) == manifest:
                return self._saved(self._changed(postings, found), folder, found.counts())
        return self._stored(folder)  # another process has changed it meanwhile

    def _checked(self, folder: Path) -> dict[str, Any]:
        return Manifest.check(folder, kind="bm25", analyzer=self.analyzer, libraries=versions(*LIBRARIES))

    def _changed(self, postings: Postings, found: Changes) -> Postings:
        """The postings of the corpus: what is new is analysed, and the numbers of documents are their positions."""
        new = list(map(self.corpus.document, found.lacking.tolist()))
        kept = found.positions[found.positions >= 0]
        if 0 < len(new) <= BATCH and np.array_equal(
            kept, np.arange(len(kept))
        ):  # as most changes are: new ones come last
            return self._extended(postings, new, found.positions).without_empty_terms()
        return self._extended(postings, new).renumbered(np.concatenate([found.positions, found.lacking]))

    def _saved(self, postings: Postings, folder: Path, change: dict[str, int]) -> Postings:
        """Writes the index beside an older one, then names it in the manifest: a kill leaves the old or the new."""
        data = f"postings-{self.corpus.hash[:12]}"
        try:
            postings.save(folder / data)
            save_fingerprints(folder / data / FINGERPRINTS, self.corpus)
        except BaseException:
            shutil.rmtree(folder / data, ignore_errors=True)
            raise
        Manifest.write(
            folder, kind="bm25", spec=str(self), analyzer=self.analyzer, corpus=self.corpus.hash, data=data,
            libraries=versions(*LIBRARIES), documents=len(postings.lengths), terms=len(postings.terms),
            total_terms=postings.total_terms, change=change,
        )  # fmt: skip
        for old in folder.glob("postings-*"):
            if old.name != data:
                shutil.rmtree(old)
        return postings

    def _extended(
        self, postings: Postings, documents: Iterable[Document], numbers: NDArray[np.int64] | None = None
    ) -> Postings:
        """The postings with those of further documents, and of the present ones under these numbers."""
        vocabulary = Vocabulary(postings.terms)
        read = text_analyzer(self.analyzer).numbered(vocabulary.__getitem__)
        start, added = time.perf_counter(), 0
        for some in _batches(documents):
            tokens, starts = tokenized(map(contents, some), read)
            postings, numbers, added = (
                postings.append(tokens, starts, dict(vocabulary), numbers),
                None,
                added + len(some),
            )
        logger.info("indexed %s documents in %.1f s", f"{added:,}", time.perf_counter() - start)
        return postings


def _open(folder: Path, manifest: dict[str, Any]) -> Postings:
    return Postings.open(folder / str(manifest["data"]), folder)


def contents(document: Document) -> str:
    """What Anserini's BEIR collections index: title, newline, text."""
    return f"{document.title}\n{document.text}" if document.title else document.text


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    rest = iter(documents)
    while batch := list(islice(rest, BATCH)):
        yield batch
