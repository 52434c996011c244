"""The tables of measures that ask models: what that took, what has no value and why, and what could not be measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rankify.errors import RankifyError
from rankify.experiment.grid import Entry, Grid
from rankify.llm.prices import shown

if TYPE_CHECKING:
    from rankify.experiment.results import Results

Unmeasured = Mapping[str, Mapping[str, list[tuple[str, str]]]]
TOOK = {  # what judges count, as the table calls it
    "asked": "replies", "prompt_tokens": "prompt tokens", "generated_tokens": "generated tokens",
    "unfinished": "unfinished", "too_long": "too long", "cost": "dollars",
}  # fmt: skip


def lost(unmeasured: Unmeasured) -> list[Grid]:
    """The table of judges that failed, by dataset and system; none where none did."""
    rows = [
        (system, [Entry(label), Entry(measures), Entry(why)])
        for label, row in unmeasured.items()
        for system, groups in row.items()
        for measures, why in groups
    ]
    columns = ["system", "dataset", "measures", "reason"]
    note = "These measures have no value; a next start asks for them again."
    return [Grid(title="not measured", columns=columns, rows=rows, note=note, words=columns[1:])] if rows else []


def refuse(unmeasured: Unmeasured) -> None:
    """Raises RankifyError where a judge failed: of how many systems, and the first reason."""
    rows = [(s, label, *groups[0]) for label, row in unmeasured.items() for s, groups in row.items() if groups]
    if rows:
        system, label, measures, why = rows[0]
        raise RankifyError(f"{len(rows)} systems are not measured by {measures}, first {system} on {label}: {why}")


def took(results: Results, dataset: str) -> list[Grid]:
    """What the judges of each system's answers took; no table where no language model was asked."""
    counts = {system: one.counts for system, one in results.scores[dataset].items() if one.counts}
    named = [name for name in TOOK if any(name in own for own in counts.values())]
    rows = [(system, [Entry(_counted(own, name)) for name in named]) for system, own in counts.items()]
    columns = ["system", *(TOOK[name] for name in named)]
    return [Grid(title=f"{dataset}: what judging took", columns=columns, rows=rows, note="")] if rows else []


def _counted(counts: Mapping[str, float], name: str) -> str:
    if name not in counts:
        return ""
    return shown(counts[name]) if name == "cost" else f"{counts[name]:,.0f}"


def holes(results: Results, dataset: str) -> list[Grid]:
    """Of how many questions a measure has no value, and why the first of them has none; no table where all have."""
    rows = [
        (system, [Entry(measure), Entry(f"{len(why):,}"), Entry(next(iter(why.values())))])
        for system, one in results.scores[dataset].items()
        for measure, why in one.reasons.items()
    ]
    columns = ["system", "measure", "questions", "the first, because"]
    note = "These questions are in no mean of the measure."
    title, words = f"{dataset}: what has no value", [columns[1], columns[3]]
    return [Grid(title=title, columns=columns, rows=rows, note=note, words=words)] if rows else []
