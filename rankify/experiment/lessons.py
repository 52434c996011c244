"""Tuned systems: what their options are chosen on, which is never what is measured, and what was chosen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rankify
from rankify.errors import BadInput, RankifyError
from rankify.experiment.hashes import value_hash
from rankify.experiment.opening import Opened, fingerprints, named
from rankify.experiment.parts import Parts
from rankify.experiment.plan import Experiment
from rankify.experiment.problems import Problems
from rankify.experiment.records import recorded
from rankify.experiment.revisions import Revisions
from rankify.experiment.tuning import refuse_unjudged, stages
from rankify.experiment.untuned import Untuned
from rankify.io.files import writing
from rankify.types import Qrels, Run

if TYPE_CHECKING:
    from rankify.datasets import Dataset

Lessons = dict[tuple[str, str], "Lesson"]


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What a system is tuned on for one dataset.

    Args:
        untuned: the system.
        data: the queries that choose, and their judgments.
        about: what identifies them, and how many were left out because they are measured.
    """

    untuned: Untuned
    data: Dataset
    about: Mapping[str, Any]

    def said(self) -> str:
        """Where the queries are from, in words."""
        left = f", {self.about['left_out']:,} left out that are measured" if self.about["left_out"] else ""
        return f"{len(self.data.qrels):,} queries of {self.data.name}, {self.data.split}{left}"

    def key(self, revisions: Revisions) -> str:
        """What the choice depends on, as one fingerprint."""
        behind = revisions.behind(self.untuned.searches, self.data.corpus)
        return value_hash([self.untuned.as_dict(), dict(self.about), sorted(behind.items())])

    def known(self, file: Path, revisions: Revisions) -> dict[str, Any] | None:
        """What an earlier start chose, where it was made from the same; None where there is work to do."""
        known = recorded(file)
        return known if known.get("key") == self.key(revisions) else None

    def learnt(self, file: Path, parts: Parts, revisions: Revisions) -> dict[str, Any]:
        """What is chosen now.

        Args:
            file: where the record is written, whole or not at all.
        """
        untuned = self.untuned
        tried = {**untuned.options, **untuned.tried}
        runs = [stage(self.data.queries) for stage in stages(untuned.parts, self.data.corpus, parts.load)]
        tuned = rankify.tune(
            untuned.fusion, *runs, qrels=self.data.qrels, measure=untuned.measure, rel=self.data.rel,
            drop_identical_ids=self.data.drop_identical_ids, **tried,
        )  # fmt: skip
        record = {
            "key": self.key(revisions),
            "pipeline": tuned.written(*untuned.parts) + untuned.after,
            "options": tuned.method.options,
            "measure": untuned.measure,
            "value": tuned.value,
            "on": dict(self.about),
            "trials": [{"options": dict(trial.options), "value": trial.value} for trial in tuned.trials],
        }
        with writing(file) as out:
            json.dump(record, out, ensure_ascii=False, indent=1)
        return record


def lessons(experiment: Experiment, found: Opened, step: Callable[[str], AbstractContextManager[None]]) -> Lessons:
    """What each tuned system is tuned on, by dataset and system; opened and checked before any system runs.

    Raises:
        BadInput, UnknownName: there is nothing to choose by; the message has the labels.
        Several: so it is for more than one.
    """
    known: dict[tuple[str, str | None], Dataset] = {}
    made: Lessons = {}
    problems = Problems(experiment.where)
    for label, (data, about) in found.items():
        for system, untuned in experiment.untuned.items():
            name, split = untuned.source.name or experiment.datasets[label].name, untuned.source.split
            with problems.at(), step(f"Opening {name}"), named(label), _tuned(system):
                if (name, split) not in known:
                    known[name, split] = rankify.dataset(name, split=split)
                lesson = known[name, split]
                if name == experiment.datasets[label].name:
                    lesson = _sharing(lesson, data)
                made[label, system] = _apart(untuned, lesson, data, str(about["split"]))
    problems.refuse()
    return made


@contextmanager
def _tuned(system: str) -> Iterator[None]:
    """Puts a system's label in front of what is wrong with its tuning."""
    try:
        yield
    except RankifyError as error:
        raise type(error)(f"system {system}: tune: {error}") from error


def _apart(untuned: Untuned, lesson: Dataset, measured: Dataset, split: str) -> Lesson:
    """The queries of a lesson that are not measured, by their texts."""
    taken = {_folded(query.text) for query in measured.queries.queries if query.id in measured.qrels}
    asked = [ranking for ranking in lesson.queries if ranking.query.id in lesson.qrels]
    kept = [ranking for ranking in asked if _folded(ranking.query.text) not in taken]
    if asked and not kept:
        raise BadInput(
            f"all {len(asked):,} queries of {lesson.name}, {lesson.split}, are those that are measured ({split}); "
            "name another split or dataset"
        )
    qrels = Qrels({ranking.query.id: lesson.qrels[ranking.query.id] for ranking in kept})
    refuse_unjudged(qrels)
    data = replace(lesson, all_queries=Run(kept), qrels=qrels, ask_all=False)
    about = {**fingerprints(data), "split": lesson.split, "left_out": len(asked) - len(kept)}
    return Lesson(untuned=untuned, data=data, about=about)


def _sharing(lesson: Dataset, measured: Dataset) -> Dataset:
    """A lesson from the collection that is measured, whose documents are in memory once."""
    return replace(lesson, open_corpus=lambda: measured.corpus)


def _folded(text: str) -> str:
    """A text as it is compared with others: capitals and blanks do not count."""
    return " ".join(text.casefold().split())
