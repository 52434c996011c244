"""Where relevant documents stand in the rankings of a dataset: recall by depth, and moves against the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rankify.experiment.grid import Entry, Grid
from rankify.experiment.results import Results
from rankify.io.trec import read_run

if TYPE_CHECKING:
    from rankify.datasets import Dataset

DEPTH = 1000  # ranks that are looked at
BANDS = ((1, 1), (2, 3), (4, 10), (11, 100), (101, DEPTH))  # of ranks, first and last

Places = Mapping[tuple[str, str], int]  # query and document -> rank, where it has been found


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranks:
    """Where the relevant documents of a dataset stand.

    Attributes:
        recall: system -> R@1, R@2, ..., to the depth of its longest ranking; means over the queries that have a
            relevant document.
        places: system -> (query, relevant document) -> rank.
        judged: the same of every judged document, relevant or not.
        relevant: how many relevant documents the queries have together.
    """

    recall: Mapping[str, Sequence[float]]
    places: Mapping[str, Places]
    judged: Mapping[str, Places]
    relevant: int


def ranks(results: Results, label: str, data: Dataset) -> Ranks:
    """What the run files of a dataset say."""
    wanted = {
        query: relevant
        for query, grades in data.qrels.items()
        if (relevant := {id for id, grade in grades.items() if grade >= data.rel})
    }
    recall, places, judged = {}, {}, {}
    for system in results.cells[label]:
        found, depth = _found(results, label, system, data.qrels)
        own = {(query, id): rank for (query, id), rank in found.items() if id in wanted.get(query, ())}
        judged[system], places[system], recall[system] = found, own, _recall(own, wanted, depth)
    return Ranks(recall=recall, places=places, judged=judged, relevant=sum(map(len, wanted.values())))


def _found(
    results: Results, label: str, system: str, judged: Mapping[str, Mapping[str, int]]
) -> tuple[Places, int]:  # fmt: skip
    """The ranks of judged documents, and the length of the longest ranking."""
    found: dict[tuple[str, str], int] = {}
    depth = 0
    for ranking in read_run(results.folder / "runs" / label / f"{system}.trec"):
        query = ranking.query.id
        depth = max(depth, min(len(ranking), DEPTH))
        grades = judged.get(query, {})
        found |= {(query, id): rank for rank, id in enumerate(ranking.ids[:DEPTH], 1) if id in grades}
    return found, depth


def _recall(found: Places, wanted: Mapping[str, set[str]], depth: int) -> list[float]:
    """R@1 to R@depth: each relevant document counts for 1 / (its query's relevant documents x queries)."""
    gains = [0.0] * depth
    for (query, _), rank in found.items():
        gains[rank - 1] += 1 / (len(wanted[query]) * len(wanted))
    made, total = [], 0.0
    for gain in gains:
        total += gain
        made.append(total)
    return made


def moves(results: Results, found: Mapping[str, Ranks]) -> list[Grid]:
    """For each dataset and system a table of how its relevant documents moved against the baseline."""
    baseline = results.experiment.baseline
    return [
        _moves(label, one, baseline, system)
        for label, one in found.items()
        if baseline in one.places and one.relevant
        for system in one.places
        if system != baseline
    ]


def _moves(label: str, one: Ranks, baseline: str, system: str) -> Grid:
    """How many relevant documents went from which ranks of the baseline to which of a system."""
    names = [str(a) if a == b else f"{a}-{b}" for a, b in BANDS] + ["not found"]
    before, after = one.places[baseline], one.places[system]
    counts = [[0] * len(names) for _ in names]
    for key in before.keys() | after.keys():
        counts[_band(before.get(key))][_band(after.get(key))] += 1
    counts[-1][-1] = one.relevant - sum(map(sum, counts))
    rows = [(name, [Entry(f"{n:,}", best=i == j) for j, n in enumerate(row)])
            for i, (name, row) in enumerate(zip(names, counts, strict=True))]  # fmt: skip
    up = sum(n for i, row in enumerate(counts) for j, n in enumerate(row) if j < i)
    down = sum(n for i, row in enumerate(counts) for j, n in enumerate(row) if j > i)
    note = (
        f"Rows: rank by {baseline}; columns: rank by {system}. {up:,} went up, {down:,} down, the others (bold) stayed."
    )
    return Grid(title=f"{label}: relevant documents, {baseline} to {system}",
                columns=["rank", *names], rows=rows, note=note)  # fmt: skip


def _band(rank: int | None) -> int:
    """The place of a rank in the table; the last, where there is none."""
    return next((place for place, (_, last) in enumerate(BANDS) if rank is not None and rank <= last), len(BANDS))
