"""A corpus as weighted terms: weighed a shard at a time, kept in a folder if asked to, and searched."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.corpus import Corpus
from rankify.documents import Document, Positions
from rankify.errors import Misuse, UnknownName
from rankify.hits import Hits
from rankify.indexes.changes import Beside
from rankify.indexes.impact import ImpactIndex, SparseQueries
from rankify.indexes.quantised import QuantisedIndex, margin_of
from rankify.indexes.shard_folder import ShardFolder, numbers_of
from rankify.indexes.term_weights import Shards, TermWeights, Vocabulary, inverted

logger = logging.getLogger(__name__)

SHARD = "weights-{:05}.npz"  # the file of a shard
INDEXES = ("exact", "quantised")
Weigh = Callable[[list[Document]], TermWeights]
Stored = tuple[Path, int]  # a shard's file, and how many documents it has
Row = tuple[NDArray[np.int32], NDArray[np.float32]]


class WeightedTerms:
    """An index over what a function makes of each document.

    Args:
        corpus: what is searched.
        weigh: the weighted terms of some documents.
        said: what the folder's manifest says besides, and has to say when it is opened.
        folder: where shards are kept: opened if they are there, else weighed and saved one by one, so that after a
            kill only the shard in the making is weighed again. In memory if not given.
        shard_size: documents in a shard.
        index: exact, or quantised. margin: of a quantised index. threads: that search at once.
        spec: what the manifest says it was built by.
        beside: what decides a document's weights besides its title and text.

    Raises:
        BadInput: a folder whose weights are of another encoder, or of a corpus that less than half of the documents
            are of.
    """

    def __init__(
        self, corpus: Corpus, weigh: Weigh, *, said: dict[str, Any], folder: str | None, shard_size: int, index: str,
        margin: float, threads: int | None, spec: str, beside: Beside | None = None,
    ) -> None:  # fmt: skip
        self.corpus, self.weigh, self.shard_size, self.threads, self.spec = corpus, weigh, shard_size, threads, spec
        self._said = said
        shards = self._stored(Path(folder), beside) if folder else [self._weighed(p) for p in self._spans()]
        places = Shards(shards)
        self.vocabulary = Vocabulary.of(places)
        self.index: ImpactIndex | QuantisedIndex
        if index == "exact":
            self.index = ImpactIndex(*inverted(places, self.vocabulary), corpus.id_ranks, walking=True)
        else:
            self.index = QuantisedIndex(places, self.vocabulary, corpus.id_ranks, margin=margin)

    def search(self, names: Sequence[str], rows: Sequence[Row], k: int) -> list[Hits]:
        """The k best documents of each query, by inner product.

        Args:
            names: what the numbers in the rows stand for.
            rows: each query's distinct terms and their weights; terms that no document has count for nothing.
        """
        return self.index.search(self._asked(names, rows), k, threads=self.threads)

    def _asked(self, names: Sequence[str], rows: Sequence[Row]) -> SparseQueries:
        offsets = np.zeros(len(rows) + 1, np.int64)
        terms: list[int] = []
        weights: list[float] = []
        for place, (numbers, values) in enumerate(rows, 1):
            for number, value in zip(numbers.tolist(), values.tolist(), strict=True):
                if (term := self.vocabulary.numbers.get(names[number])) is not None:
                    terms.append(term)
                    weights.append(value)
            offsets[place] = len(terms)
        return SparseQueries(offsets, np.array(terms, np.int32), np.array(weights, np.float32))

    def _spans(self) -> Iterator[range]:
        """The positions of each shard."""
        for start in range(0, len(self.corpus), self.shard_size):
            yield range(start, min(start + self.shard_size, len(self.corpus)))

    def _weighed(self, positions: Sequence[int]) -> TermWeights:
        start = time.perf_counter()
        found = self.weigh(list(map(self.corpus.document, positions)))
        speed = len(positions) / max(time.perf_counter() - start, 1e-9)
        logger.info("weighed documents %d to %d of %d, %.0f/s", positions[0], positions[-1], len(self.corpus), speed)
        return found

    def _stored(self, folder: Path, beside: Beside | None) -> list[Path]:
        """The shards in a folder, weighed first where they are not there yet."""

        def read(manifest: dict[str, Any]) -> list[Stored]:
            pairs = zip(numbers_of(manifest), manifest["shards"], strict=True)
            return [(shard_path(folder, number), size) for number, size in pairs]

        def write(number: int, positions: Sequence[int], rows: Positions, present: list[Stored] | None) -> None:
            self._shard(positions, rows, present or []).save(shard_path(folder, number))

        where = ShardFolder(
            folder=folder, corpus=self.corpus, said=self._said, spec=self.spec, size=self.shard_size, names=[SHARD],
            read=read, write=write, beside=beside,
        )  # fmt: skip
        return [path for path, _ in where.opened()]

    def _shard(self, positions: Sequence[int], rows: Positions, present: Sequence[Stored]) -> TermWeights:
        """The weights of some documents: those in present rows are taken, the others weighed."""
        parts, places, first = [], [], 0
        for path, size in present:
            if len(here := np.flatnonzero((rows >= first) & (rows < first + size))):
                parts.append(TermWeights.open(path).take(rows[here] - first))
                places.append(here)
            first += size
        if len(new := np.flatnonzero(rows < 0)):
            parts.append(self._weighed([positions[place] for place in new.tolist()]))
            places.append(new)
        return TermWeights.joined(parts).take(np.argsort(np.concatenate(places)))


def shard_path(folder: Path, number: int) -> Path:
    """Where a shard of an index on disk lies."""
    return folder / SHARD.format(number)


def refuse_options(name: str, index: str, margin: float, threads: int | None) -> None:
    """Raises what is wrong with the options of a search, before anything is weighed."""
    if index not in INDEXES:
        raise UnknownName.among("index of weighted terms", index, INDEXES)
    margin_of(margin)
    if threads is not None and threads < 1:
        raise Misuse(f"{name} with threads={threads}: at least 1, or none given for every core")
