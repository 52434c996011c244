"""What pipelines find on the way, step by step, kept in files: systems that begin alike search and rerank once.

What a fusion fuses are pipelines as well, so that a search alone and the same search inside a fusion are one.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rankify import registry
from rankify.corpus import Corpus
from rankify.documents import Documents
from rankify.errors import UnknownName
from rankify.experiment.available import runs_here
from rankify.experiment.fusing import Fused, Known, fusion
from rankify.experiment.hashes import value_hash
from rankify.experiment.parts import Parts, without_folder
from rankify.expressions import behind, pipeline
from rankify.grammar import call, cuts, split
from rankify.hits import Hits
from rankify.io.files import writing
from rankify.io.locks import turn
from rankify.stages import Cutoff, Pipeline, Stage, WithoutQuery
from rankify.types import Report, Run

if TYPE_CHECKING:
    from rankify.datasets import Dataset


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a pipeline.

    Attributes:
        text: what it does, without the cuts behind it; those of a step that searches are part of its search.
        cuts: how many documents are kept after it.
        beginning: the pipeline up to here.
    """

    text: str
    cuts: tuple[int, ...]
    beginning: str


def steps(text: str) -> list[Step]:
    """The steps of a pipeline that finds documents.

    >>> [(step.text, step.cuts, step.beginning) for step in steps("bm25 % 9 >> a % 5 >> b")]
    [('bm25 % 9', (), 'bm25 % 9'), ('a', (5,), 'bm25 % 9 >> a'), ('b', (), 'bm25 % 9 >> a % 5 >> b')]
    >>> [(step.text, step.cuts) for step in steps("bm25 >> feedback(dense:m) % 20")][1:]
    [('feedback(dense:m) % 20', ())]
    """
    first, *rest = split(text, ">>")
    found, whole = [Step(first, (), first)], first
    for written in rest:
        cut = cuts(written)
        part = written[: cut[0].start()].strip() if cut else written
        if searches_again(part):
            part, cut = written, []
        found.append(Step(part, tuple(int(one[1]) for one in cut), f"{whole} >> {part}"))
        whole = f"{whole} >> {written}"
    return found


def searches_again(part: str) -> bool:
    """Whether a step behind the first searches again, and is asked for as many documents as its cut keeps."""
    found = call(part)
    return found is not None and found[0] in registry.names("refinement")


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a pipeline found.

    Attributes:
        run: the rankings in the end, without reports.
        reports: what each step took when it was done.
        kept: of each report whether it is of an earlier start, or of another system that does the same.
    """

    run: Run
    reports: Sequence[Report]
    kept: Sequence[bool]


REMEMBERED = "remembered_replies"  # what a report counts of a step whose replies were there already, all or some


class Beginnings:
    """Runs pipelines over one dataset, each from the longest beginning that was run before.

    What is kept is exact: positions in the corpus and scores in double precision. Rankings of documents that are not
    in the corpus, such as those of the web, are not kept, and searched for by each system anew.

    Args:
        folder: where the files are; whole or not at all.
        data: the dataset.
        about: what identifies it.
        parts: the components.
        at: is told which step is next, from 1, and of how many.
    """

    def __init__(
        self, folder: Path, data: Dataset, about: Mapping[str, Any], parts: Parts,
        at: Callable[[int, int], None] = lambda *_: None,
    ) -> None:  # fmt: skip
        self.folder, self.data, self.about, self.parts, self.at = folder, data, about, parts, at

    def file(self, beginning: str) -> Path:
        """Where it is kept what a beginning found."""
        behind = sorted(self.parts.revisions.behind(beginning, self.data.corpus).items())
        key = value_hash([beginning, self.about["corpus"], self.about["queries"], *behind])
        return self.folder / f"{key[:24]}.npz"

    def found(self, text: str) -> Found:
        """What a pipeline finds for the dataset's queries."""
        wanted = steps(text)
        kept = ((place, self.known(wanted[place].beginning)) for place in reversed(range(len(wanted))))
        done, run = next(((place, known) for place, known in kept if known is not None), (-1, self.data.queries))
        old = [True] * len(run.reports)
        for place, step in enumerate(wanted):
            if place > done:
                self.at(place + 1, len(wanted))
                with turn(self.file(step.beginning)):
                    there = self.known(step.beginning)  # by now: another process may have been first
                    if there is None:
                        run, also = self._done(step, place, run)
                        self._keep(step.beginning, run)
                        old += also
                if there is not None:
                    run, old = there, [True] * len(there.reports)
            if place >= done:
                run = _cut(run, step.cuts)
        return Found(run=run.reported(()), reports=run.reports, kept=tuple(old))

    def _done(self, step: Step, place: int, run: Run) -> tuple[Run, list[bool]]:
        """What a step finds, and of each report that it adds whether it is old."""
        fused = self._fused(step.text)
        stage = fused or self._stage(step, place)
        if not place and not fused and runs_here(step.text):
            stage(run[:1])  # what is loaded and compiled at first is not in the seconds of whoever runs first
        self.parts.begin()
        found = stage(run)
        own = found.reports[len(run.reports) :]
        old = [fused is not None and any(report is one for one in fused.old) for report in own]
        if not self.parts.remembered:
            return found, old
        last = replace(own[-1], counts={**own[-1].counts, REMEMBERED: self.parts.remembered})
        return found.reported((*found.reports[:-1], last)), old

    def _fused(self, step: str) -> Fused | None:
        """A step that fuses what pipelines find, each of which is kept by itself; None of any other step."""
        called = fusion(step)
        if called is None:
            return None
        inside = Beginnings(self.folder, self.data, self.about, self.parts)  # of which nobody is told
        each = [(part, inside.found(part)) for part in called.parts]
        old = [report for _, found in each for report, kept in zip(found.reports, found.kept, strict=True) if kept]
        return Fused(called, [Known(part, found.run.reported(found.reports)) for part, found in each], old)

    def steps(self, text: str) -> list[tuple[str, Run]]:
        """What the steps of a pipeline found, each before it was cut, as far as it is kept."""
        known = [(step.text, self.known(step.beginning)) for step in steps(text)]
        return [(text, run) for text, run in known if run is not None]

    def stage(self, text: str, *, drops: bool = False) -> Stage:
        """The whole pipeline, built, for readers that search on the way.

        Args:
            drops: whether the document whose id is the query's own is dropped in the end.
        """
        built = pipeline(text, self.data.corpus, self.parts.load)
        assert isinstance(built, Stage)  # noqa: S101 - for mypy: the text ends before the reader
        return built >> WithoutQuery() if drops else built

    def _stage(self, step: Step, place: int) -> Stage:
        if not place:
            return self.stage(step.text)
        built = behind(_Nothing(), [step.text], self.data.corpus, self.parts.load)
        assert isinstance(built, Pipeline)  # noqa: S101 - for mypy: the text ends before the reader
        return Pipeline(*built.stages[1:])

    def known(self, beginning: str) -> Run | None:
        """What a beginning found, if that is kept, with the reports of that time."""
        try:
            with self.file(beginning).open("rb") as file, np.load(file, allow_pickle=False) as kept:
                positions, scores, counts = (kept[name] for name in ("positions", "scores", "counts"))
                reports = [Report(*report) for report in json.loads(kept["reports"].tobytes())]
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
            return None
        hits = Hits(positions, scores, counts)
        return Run.found(self.data.queries.queries, self.data.corpus, [hits]).reported(reports)

    def _keep(self, beginning: str, run: Run) -> None:
        """Writes what a beginning found, where all of it is in the corpus."""
        places = [_positions(ranking.documents, self.data.corpus) for ranking in run]
        if any(one is None for one in places) or run.queries != self.data.queries.queries:
            return
        reports = [[without_folder(r.stage), r.seconds, dict(r.counts)] for r in run.reports]
        with writing(self.file(beginning), binary=True) as file:
            np.savez(
                file,
                positions=np.concatenate([np.zeros(0, np.int64), *(one for one in places if one is not None)]),
                scores=np.concatenate([np.zeros(0), *(ranking.scores for ranking in run)]),
                counts=np.array([len(ranking) for ranking in run], dtype=np.int64),
                reports=np.frombuffer(json.dumps(reports).encode(), dtype=np.uint8),
            )


class _Nothing(Stage):
    """Stands where the steps before stand in a pipeline's text."""

    name = "nothing"

    def apply(self, run: Run) -> Run:
        return run

    def __repr__(self) -> str:
        return self.name


def _cut(run: Run, cuts: Sequence[int]) -> Run:
    reports = run.reports
    for k in cuts:
        run = Cutoff(k).apply(run)
    return run.reported(reports)


def place_of(id: str, corpus: Corpus) -> int | None:
    """Where a document stands in a corpus; None where it does not."""
    try:
        return corpus.position(id)
    except UnknownName:
        return None


def _positions(documents: Documents, corpus: Corpus) -> NDArray[np.int64] | None:
    """Where documents stand in the corpus; None where one of them is not there, or is another one."""
    if documents.store is corpus or not len(documents):
        return documents.positions
    found = []
    for document in documents:
        place = place_of(document.id, corpus)
        if place is None or corpus.document(place) != document:
            return None
        found.append(place)
    return np.array(found, dtype=np.int64)
