"""The systems of an experiment on one dataset: what is finished is kept, and the rest is done."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankify.experiment.beginnings import Beginnings
from rankify.experiment.cells import Cell
from rankify.experiment.failures import Failure, caught
from rankify.experiment.lessons import Lesson, Lessons
from rankify.experiment.opening import Opened
from rankify.experiment.parts import Parts
from rankify.experiment.plan import Experiment, parted
from rankify.experiment.progress import Stand, Told
from rankify.experiment.readings import Reading
from rankify.experiment.revisions import Revisions
from rankify.experiment.tables import chosen

if TYPE_CHECKING:
    from rankify.datasets import Dataset

Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a system did on a dataset, as its records say.

    Attributes:
        cell: of its rankings.
        reading: of its answers, where it ends in a reader.
        tuned: of what was chosen for it, where it is tuned.
    """

    cell: Record
    reading: Record | None = None
    tuned: Record | None = None


class Work:
    """Runs systems over one dataset, or keeps what an earlier start made of the same.

    Args:
        folder: the experiment's.
        label: the dataset's.
        about: what identifies the dataset.
        taught: what tuned systems are tuned on.
    """

    def __init__(
        self, experiment: Experiment, folder: Path, label: str, data: Dataset, about: Record, taught: Lessons
    ) -> None:
        self.experiment, self.folder, self.label, self.data, self.about = experiment, folder, label, data, about
        self.taught, self.revisions = taught, Revisions()
        self.parts = Parts(folder / "indexes", self.revisions)

    def beginnings(self, system: str = "", told: Told | None = None) -> Beginnings:
        """What pipelines find on the way; the steps of a system are told to those who watch."""
        at = partial(self._at, system, told) if told else lambda *_: None
        return Beginnings(self.folder / "stages" / self.label, self.data, self.about, self.parts, at)

    def pipeline(self, system: str) -> str | None:
        """A system's pipeline; of a tuned one that which an earlier start chose, None where it is still to be tuned."""
        return self._pipeline(system, self._known_tuning(system))

    def searches(self, system: str) -> str:
        """What a system ranks by, without its reader; where it is still to be tuned, RRF stands for its fusion."""
        pipeline, untuned = self.pipeline(system), self.experiment.untuned.get(system)
        if pipeline is None:
            assert untuned is not None  # noqa: S101 - for mypy
            pipeline = untuned.searches + untuned.after
        return parted(pipeline)[0]

    def ranked(self, system: str) -> Record | None:
        """The record of rankings that an earlier start finished; None where there is work to do."""
        pipeline = self.pipeline(system)
        return None if pipeline is None else self._cell(system, pipeline).record(self.about)

    def kept(self, system: str, told: Told) -> Outcome | None:
        """What an earlier start left of a system, if that is all of it; None where there is work to do."""
        tuned = self._known_tuning(system)
        pipeline = self._pipeline(system, tuned)
        if pipeline is None:
            return None
        cell = self._cell(system, pipeline)
        ranked = cell.record(self.about)
        if ranked is None:
            return None
        reading = self._reading(cell, pipeline)
        read = reading.record(ranked) if reading else None
        if reading and read is None:
            return None
        self._say_tuning(system, tuned, told)
        self._say_kept(system, ranked, told)
        if read:
            self._say_kept(system, read, told, "has answered")
        told.watch(Stand(self.label, system, "kept"))
        return Outcome(cell=ranked, reading=read, tuned=tuned)

    def done(self, system: str, told: Told) -> Outcome | Failure:
        """What a system does now, but for the parts of it that are finished; where it fails, why."""
        found = caught(partial(self._done, system, told), f"{self.label}: {system}")
        if isinstance(found, Failure):
            told.watch(Stand(self.label, system, "failed"))
            told.say(f"{self.label}: {system} failed: {found.reason}")
        return found

    def _done(self, system: str, told: Told) -> Outcome:
        told.watch(Stand(self.label, system, "running"))
        tuned = self._tuned(system, told)
        pipeline = self._pipeline(system, tuned)
        assert pipeline is not None  # noqa: S101 - for mypy: it is tuned by now
        cell = self._cell(system, pipeline)
        ranked = self._ranked(cell, told)
        reading = self._reading(cell, pipeline)
        read = self._read(reading, ranked, told) if reading else None
        told.watch(Stand(self.label, system, "done"))
        return Outcome(cell=ranked, reading=read, tuned=tuned)

    def _at(self, system: str, told: Told, place: int, of: int) -> None:
        untuned = self.experiment.untuned.get(system)  # whose own text may lack what its fusion has to learn
        text = untuned.searches + untuned.after if untuned else self.experiment.systems[system]
        reads = bool(parted(text)[1])
        told.watch(Stand(self.label, system, "running", f"{place}/{of + reads}"))

    def _lesson(self, system: str) -> Lesson | None:
        return self.taught.get((self.label, system))

    def _tuning_file(self, system: str) -> Path:
        return self.folder / "tuned" / self.label / f"{system}.json"

    def _known_tuning(self, system: str) -> Record | None:
        lesson = self._lesson(system)
        return lesson.known(self._tuning_file(system), self.revisions) if lesson else None

    def _tuned(self, system: str, told: Told) -> Record | None:
        """What is chosen for a system that is tuned, by an earlier start or now."""
        lesson, tuned = self._lesson(system), self._known_tuning(system)
        if lesson and tuned is None:
            told.watch(Stand(self.label, system, "running", "tuning"))
            with told.step(f"{self.label}: tuning {system}"):
                tuned = lesson.learnt(self._tuning_file(system), self.parts, self.revisions)
        self._say_tuning(system, tuned, told)
        return tuned

    def _say_tuning(self, system: str, tuned: Record | None, told: Told) -> None:
        if (lesson := self._lesson(system)) and tuned:
            told.say(f"{self.label}: {system} is tuned on {lesson.said()}: {chosen(tuned)}")

    def _say_kept(self, system: str, record: Record, told: Told, what: str = "is finished") -> None:
        told.say(f"{self.label}: {system} {what} since {record['finished']}, kept")

    def _pipeline(self, system: str, tuned: Record | None) -> str | None:
        """A system's pipeline; None of one that is still to be tuned."""
        if system not in self.experiment.untuned:
            return self.experiment.systems[system]
        return tuned["pipeline"] if tuned else None

    def _cell(self, system: str, pipeline: str) -> Cell:
        searches, _ = parted(pipeline)
        behind = self.revisions.behind(searches, self.data.corpus)
        return Cell(folder=self.folder, dataset=self.label, system=system, pipeline=searches, behind=behind)

    def _reading(self, cell: Cell, pipeline: str) -> Reading | None:
        _, reader = parted(pipeline)
        behind = self.revisions.behind(pipeline, self.data.corpus)
        return Reading(cell=cell, reader=reader, behind=behind) if reader else None

    def _ranked(self, cell: Cell, told: Told) -> Record:
        """The record of a system's rankings."""
        label, system = self.label, cell.system
        record = cell.record(self.about)
        if record is not None:
            self._say_kept(system, record, told)
            return record
        with told.step(f"{label}: {system}"):
            record = cell.finish(self.about, self.beginnings(system, told))
        now = [stage["seconds"] for stage in record["stages"] if not stage["kept"]]
        told.say(f"{label}: {system} took {sum(now) + sum(record['built'].values()):.1f} s")
        return record

    def _read(self, reading: Reading, ranked: Record, told: Told) -> Record:
        """The record of a system's answers."""
        label, system = self.label, reading.cell.system
        record = reading.record(ranked)
        if record is not None:
            self._say_kept(system, record, told, "has answered")
            return record
        told.watch(Stand(label, system, "running", "reading"))
        with told.step(f"{label}: {system} answers"):
            record = reading.finish(ranked, self.about, self.beginnings())
        there = f", {record['remembered']:,} replies were there already" if record["remembered"] else ""
        told.say(f"{label}: {system} answered {record['answers']:,} questions in {record['seconds']:.1f} s{there}")
        return record


def works(experiment: Experiment, folder: Path, found: Opened, taught: Lessons) -> dict[str, Work]:
    """The work on each dataset that was opened, by label; arguments as those of `Work`."""
    return {label: Work(experiment, folder, label, *one, taught) for label, one in found.items()}
