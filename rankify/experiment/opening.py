"""An experiment's datasets, opened and checked before any system runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from rankify.errors import BadInput, RankifyError, needs
from rankify.experiment.available import installed
from rankify.experiment.hashes import value_hash
from rankify.experiment.measured import Measures, golds
from rankify.experiment.plan import Experiment
from rankify.experiment.problems import Problems
from rankify.experiment.sources import Source

if TYPE_CHECKING:
    from rankify.datasets import Dataset
    from rankify.types import Query

Opened = dict[str, tuple["Dataset", dict[str, Any]]]


def opened(experiment: Experiment, step: Callable[[str], AbstractContextManager[None]]) -> Opened:
    """Every dataset and what identifies it, by label.

    Raises:
        BadInput, UnknownName: a dataset cannot be used; the message has its label.
        Several: more than one cannot.
        MissingExtra: systems will be compared, and a library for that is not installed.
    """
    found: Opened = {}
    problems = Problems(experiment.where)
    for label, source in experiment.datasets.items():
        with problems.at(), step(f"Opening {source.name}"), named(label):
            found[label] = _one(source, experiment.wanted)
    problems.refuse()
    compares = len(experiment.systems) > 1 and any(max(a["judged"], a["gold"]) > 1 for _, a in found.values())
    if compares and not installed("scipy.stats"):  # it takes a second to import, and a finished experiment needs none
        needs("scipy.stats", "stats")
    return found


@contextmanager
def named(label: str) -> Iterator[None]:
    """Puts a dataset's label in front of whatever is said to be wrong."""
    try:
        yield
    except RankifyError as error:
        raise type(error)(f"dataset {label}: {error}") from error


def _one(source: Source, measures: Measures) -> tuple[Dataset, dict[str, Any]]:
    data = source.open()
    if not len(data.queries):
        raise BadInput("it has no queries")
    measures.refuse(data)
    return data, {**fingerprints(data), "split": data.split, "gold": len(golds(data))}


def fingerprints(data: Dataset) -> dict[str, Any]:
    """What identifies a dataset: counts, and SHA-256 of its corpus, queries and judgments.

    Queries are all that may change what is found, such as a `vector` or a `history` of their own; gold answers do not.
    """
    queries = [[q.id, q.text, repr(sorted(_said(q).items()))] for q in data.queries.queries]
    judgments = [[q, sorted(row.items())] for q, row in sorted(data.qrels.items())]
    return {
        "name": data.name,
        "documents": len(data.corpus),
        "corpus": data.corpus.hash,
        "queries": value_hash(queries),
        "judgments": value_hash(judgments),
        "asked": len(queries),
        "judged": len(data.qrels),
        "drop_identical_ids": data.drop_identical_ids,
        "rel": data.rel,
    }


def _said(query: Query) -> dict[str, Any]:
    """What a query's file says besides, but for its gold answers."""
    return {name: value for name, value in query.metadata.items() if name != "answers"}
