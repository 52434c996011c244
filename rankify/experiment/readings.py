"""The answers of an experiment: those of one system to the questions of one dataset, finished or still to do."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankify.evaluation.contexts import unshown
from rankify.experiment.beginnings import Beginnings, place_of
from rankify.experiment.cells import Cell
from rankify.experiment.hashes import file_hash, value_hash
from rankify.experiment.parts import without_folder
from rankify.experiment.records import recorded
from rankify.io.answers import read_answers, write_answers
from rankify.io.files import writing
from rankify.stages import Reader
from rankify.types import Answer, Run

if TYPE_CHECKING:
    from rankify.corpus import Corpus
    from rankify.datasets import Dataset
    from rankify.documents import Document


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What a system that ends in a reader answers.

    It is finished as a `Cell` is: when its record is there, which was written after the answers, and both are of the
    same rankings, reader, models and versions. Of a reading that was killed the replies of language models are kept.

    Attributes:
        cell: the rankings that are read.
        reader: the reader's spec.
        behind: what the answers depend on besides.
    """

    cell: Cell
    reader: str
    behind: Mapping[str, str]

    @property
    def answers_file(self) -> Path:
        """Where the answers are, one JSON object a line."""
        return self.cell.folder / "answers" / self.cell.dataset / f"{self.cell.system}.jsonl"

    @property
    def record_file(self) -> Path:
        """Where it is written that the answers are all there, and what they cost."""
        return self.answers_file.with_name(f"{self.cell.system}.json")

    def record(self, ranked: Mapping[str, Any]) -> dict[str, Any] | None:
        """The record of finished answers to these rankings, or None where there is work to do."""
        found = recorded(self.record_file)
        same = found.get("key") == self.key(ranked) and self.answers_file.is_file()
        return found if same and found.get("sha256") == file_hash(self.answers_file) else None

    def key(self, ranked: Mapping[str, Any]) -> str:
        """What the answers depend on, as one fingerprint."""
        return value_hash([self.reader, ranked["key"], ranked["sha256"], *sorted(self.behind.items())])

    def finish(self, ranked: Mapping[str, Any], about: Mapping[str, Any], beginnings: Beginnings) -> dict[str, Any]:
        """Reads, writes the answers and then the record, which is returned."""
        run, _ = self.cell.found(about, beginnings)
        reader = self._reader(beginnings, bool(about["drop_identical_ids"]))
        beginnings.parts.begin()
        start = time.perf_counter()
        answers = reader(run if reader.reads_first else Run.of(run.queries))
        seconds = time.perf_counter() - start
        write_answers(answers, self.answers_file)
        record = {
            "key": self.key(ranked),
            "dataset": self.cell.dataset,
            "system": self.cell.system,
            "reader": without_folder(repr(reader)),
            "behind": dict(self.behind),
            "answers": len(answers),
            "sha256": file_hash(self.answers_file),
            "seconds": round(seconds, 6),
            "remembered": beginnings.parts.remembered,
            "counts": {**reader.counts(), "unseen": sum(map(cites_unseen, answers))},
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        with writing(self.record_file) as file:
            json.dump(record, file, ensure_ascii=False, indent=1)
        return record

    def _reader(self, beginnings: Beginnings, drops: bool) -> Reader:
        """The reader; one that searches on the way searches with the pipeline before it."""
        reader: Reader = beginnings.parts.load("reader", self.reader)
        if not reader.searches:
            return reader
        return reader.searching_with(beginnings.stage(self.cell.pipeline, drops=drops))


def answers_in(file: Path, data: Dataset) -> list[Answer]:
    """The answers as they were written, with the dataset's queries, and its documents where it has them."""
    return of_dataset(read_answers(file), data)


def of_dataset(answers: Iterable[Answer], data: Dataset) -> list[Answer]:
    """Answers with what a dataset knows of their questions, and with its documents where it has them."""
    asked = {query.id: query for query in data.all_queries.queries}
    return [
        replace(
            one,
            query=asked.get(one.query.id, one.query),
            contexts=tuple(_known(context, data.corpus) for context in one.contexts),
        )
        for one in answers
    ]


def _known(document: Document, corpus: Corpus) -> Document:
    place = place_of(document.id, corpus)
    return document if place is None else corpus.document(place)


def cites_unseen(answer: Answer) -> bool:
    """Whether an answer cites a passage that was not shown."""
    return answer.usage.get("cited_unknown", 0) > 0 or bool(unshown(answer))
