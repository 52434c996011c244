"""What the report says of each question: what was found, what was shown to readers, and what they answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING, Any

from rankify.documents import Document
from rankify.evaluation.contexts import unshown
from rankify.evaluation.names import better
from rankify.experiment.beginnings import Beginnings, place_of, steps
from rankify.experiment.report.differences import compared, differences, first_measure
from rankify.experiment.report.ranks import Ranks
from rankify.experiment.results import Results
from rankify.experiment.tables import brief
from rankify.io.trec import read_run
from rankify.text.citing import numbers
from rankify.types import Answer, Query, Run

if TYPE_CHECKING:
    from rankify.datasets import Dataset

Stages = Sequence[tuple[str, Run]]

QUESTIONS = 1000  # of a dataset at most: the first
TOP = 10  # documents of a stage
JUDGED = 50  # relevant documents of a question


def questions(
    results: Results, label: str, data: Dataset, beginnings: Beginnings, stand: Ranks
) -> dict[str, Any]:  # fmt: skip
    """The questions of a dataset as JSON has them. Documents stand once, and by their numbers elsewhere.

    Args:
        stand: where judged documents stand, as `ranks` finds it.

    Returns:
        `systems`, each with its `stages` and, if it is compared with the `baseline`, the places of questions in
        `order`, from the greatest gain to the greatest loss; `measures`, with which end of each is `better`, and the
        number of the `first`, which plots show; `rel`, from which grade on a document is relevant; `documents`, each
        (id, title, text), in the order in which questions need them; `questions`, each with its systems' documents by
        stage, answer and values in the order of `systems` and of `measures`, and with what is `judged`: (number, grade,
        rank by each system, 0 where it was not found), or None where nothing is; `asked`, how many questions there
        are, of which no more than `QUESTIONS` are here.
    """
    shelf = _Shelf()
    found = {system: _stages(results, label, system, data, beginnings) for system in results.cells[label]}
    measures = list(dict.fromkeys(name for one in results.scores[label].values() for name in one))
    answers = {system: {one.query.id: one for one in own} for system, own in results.answers[label].items()}
    gold, asked = data.answers, data.queries.queries

    def of_system(system: str, query: str) -> dict[str, Any]:
        given = answers.get(system, {}).get(query)
        return {
            "stages": [shelf.places(run[query].documents[:TOP]) for _, run in found[system]],
            "values": _values(results, label, system, query, measures),
            "answer": None if given is None else shelf.answer(given),
        }

    def of_question(query: Query) -> dict[str, Any]:
        relevant = shelf.places(_relevant(data, query.id))
        systems = [of_system(system, query.id) for system in found]
        judged = _judged(data, stand, query.id, shelf, [*relevant, *_shown(systems)], list(found))
        return {
            "id": query.id,
            "text": query.text,
            "gold": gold.get(query.id, []),
            "judged": judged,
            "systems": systems,
        }

    baseline, orders = results.experiment.baseline, _orders(results, label, asked)
    return {
        "name": label,
        "baseline": baseline if baseline in found else None,
        "systems": [_system(results, label, one, stages, orders.get(one)) for one, stages in found.items()],
        "measures": measures,
        "better": list(map(better, measures)),
        "first": measures.index(first) if (first := first_measure(results)) in measures else 0,
        "rel": data.rel,
        "asked": len(asked),
        "questions": list(map(of_question, asked[:QUESTIONS])),
        "documents": shelf.documents,
    }


def _orders(results: Results, label: str, asked: Sequence[Query]) -> dict[str, list[int]]:
    """The places of questions, from a system's greatest gain on the baseline to its greatest loss; -1: not asked."""
    measure, places = first_measure(results), {query.id: place for place, query in enumerate(asked)}
    return {
        system: [places.get(query, -1) for query in differences(results, label, system, measure)]
        for system in compared(results, label)
        if measure
    }


def _shown(systems: Iterable[Mapping[str, Any]]) -> list[int]:
    """The numbers of all documents that stages found and readers were shown."""
    stages = [numbers for one in systems for numbers in one["stages"]]
    contexts = [one["answer"]["contexts"] for one in systems if one["answer"]]
    return [number for numbers in (*stages, *contexts) for number in numbers]


def _judged(
    data: Dataset, stand: Ranks, query: str, shelf: _Shelf, shown: Sequence[int], systems: Sequence[str]
) -> list[tuple[int, int, list[int]]] | None:  # fmt: skip
    """Number, grade and rank by each system of those documents that are judged, the highest grade first."""
    grades: Mapping[str, int] = data.qrels.get(query, {})
    ids = {number: shelf.documents[number][0] for number in shown}  # in the order of their first place
    rows = [
        (number, grades[id], [stand.judged[system].get((query, id), 0) for system in systems])
        for number, id in ids.items()
        if id in grades
    ]
    return sorted(rows, key=lambda row: -row[1]) if grades else None


def _system(
    results: Results, label: str, system: str, stages: Stages, order: Sequence[int] | None
) -> dict[str, Any]:  # fmt: skip
    reader = results.readings[label].get(system, {}).get("reader")
    pipeline = brief(results.cells[label][system]["pipeline"])
    about = {"name": system, "pipeline": pipeline, "reader": reader, "order": order}
    return {**about, "stages": [brief(text) for text, _ in stages]}


class _Shelf:
    """Documents of the report by their numbers."""

    def __init__(self) -> None:
        self.documents: list[list[str]] = []
        self._places: dict[tuple[str, str], int] = {}

    def places(self, documents: Iterable[Document]) -> list[int]:
        """The numbers of documents; those of one id and text share one."""
        return [self._place(document) for document in documents]

    def _place(self, document: Document) -> int:
        key = document.id, document.text
        if key not in self._places:
            self._places[key] = len(self.documents)
            self.documents.append([document.id, document.title, document.text])
        return self._places[key]

    def answer(self, answer: Answer) -> dict[str, Any]:
        """An answer, the numbers that it cites for passages that were not shown, and how often it cites such."""
        shown = len(answer.contexts)
        unseen = answer.usage.get("cited_unknown", 0)
        said = [n for n in numbers(f"{answer.reasoning}\n{answer.text}") if not 1 <= n <= shown] if unseen else []
        return {
            "text": answer.text,
            "reasoning": answer.reasoning,
            "contexts": self.places(answer.contexts),
            "cited": [place for place, document in enumerate(answer.contexts, 1) if document.id in answer.citations],
            "unseen": sorted({*said}),
            "unseen_count": int(unseen) + len(unshown(answer)),
            "confidence": answer.confidence,
            "usage": dict(answer.usage),
        }


def _stages(results: Results, label: str, system: str, data: Dataset, beginnings: Beginnings) -> Stages:
    """What each stage of a system found; where that is not kept, what was found in the end."""
    pipeline = results.cells[label][system]["pipeline"]
    known = beginnings.steps(pipeline)
    if len(known) == len(steps(pipeline)):
        return known
    path = results.folder / "runs" / label / f"{system}.trec"
    return [(pipeline, read_run(path, queries=data.queries))]


def _relevant(data: Dataset, query: str) -> list[Document]:
    """The documents that are relevant to a query, the best first."""
    grades: Mapping[str, int] = data.qrels.get(query, {})
    best = sorted((-grade, id) for id, grade in grades.items() if grade >= data.rel)
    places = [place_of(id, data.corpus) for _, id in best[:JUDGED]]
    return [data.corpus.document(place) for place in places if place is not None]


def _values(results: Results, label: str, system: str, query: str, measures: Sequence[str]) -> list[float | None]:
    """A query's value of each measure, None where it has none."""
    found = results.scores[label][system]
    known = [found.per_query[m].get(query) if m in found else None for m in measures]
    return [None if value is None or isnan(value) else round(float(value), 4) for value in known]
