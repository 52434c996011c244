"""The tables of an experiment: measures with marks of significance, and seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rankify.experiment import differences, efficiencies, failures, judging
from rankify.experiment.grid import Entry, Grid
from rankify.experiment.marking import FAILED, entry, legend, mark, top_two
from rankify.experiment.measured import Measures
from rankify.experiment.overview import overview
from rankify.experiment.pairs import lettered, named
from rankify.experiment.results import Results, remembered, seconds, took
from rankify.experiment.seeds import spreads
from rankify.llm.prices import shown

if TYPE_CHECKING:
    from rich.console import Group

    from rankify.evaluation import Comparison

# what readers count, as the table calls it; what was never counted has no column
TOOK = {
    "asked": "replies", "prompt_tokens": "prompt tokens", "generated_tokens": "generated tokens",
    "searches": "searches", "unreadable": "unreadable", "truncated": "truncated", "dropped": "dropped",
    "abstained": "abstained", "unseen": "unseen", "cost": "dollars",
}  # fmt: skip
UNSEEN = "unseen: answers that cite a passage that was not shown."
SHARED = "Systems that begin alike ran that beginning once; its seconds stand with each."
REMEMBERED = " * without the replies that were there already, from an earlier start or another system."
_LEARNT = re.compile(r"(learnt=[^\s,)]{20})[^\s,)]{20,}")


def grids(results: Results) -> list[Grid]:
    """The tables of measures.

    For each dataset one of systems x measures of rankings and one of answers, as far as these are measured; with
    several datasets also one of systems x datasets for the first measure of each kind.
    """
    made = [*failures.grids(results.failed), *judging.lost(results.unmeasured)]
    made += [table for dataset in results.scores for table in _measures(results, dataset)]
    several = len(results.scores) > 1
    made += spreads(results)
    return [*made, *(overview(results, kind[0], c) for kind, c in _kinds(results) if kind and several)]


def tables(results: Results) -> list[Grid]:
    """Every table: measures and their differences, the systems, what was tuned, what answers took, and the time."""
    spent = [*_answering(results), *efficiencies.grids(results), *(costs(results, d) for d in results.cells)]
    return [*grids(results), *differences.grids(results), pipelines(results), *tunings(results), *spent]


def pipelines(results: Results) -> Grid:
    """The pipeline of each system, as the experiment has it."""
    rows = [(system, [Entry(brief(text))]) for system, text in results.experiment.systems.items()]
    return Grid(title="systems", columns=["system", "pipeline"], rows=rows, words=["pipeline"])


def rendered(results: Results) -> list[Group]:
    """The same tables for a terminal, but for those of differences, which are long."""
    every = (*grids(results), *tunings(results), *_answering(results), *efficiencies.grids(results))
    shown = [grid.rich() for grid in every]
    return [*shown, *(_shown_costs(results, dataset) for dataset in results.cells)]


def _answering(results: Results) -> list[Grid]:
    """What answers and their judges took, and which measures have no value for a question."""
    read = [_reading(results, dataset) for dataset, row in results.readings.items() if row]
    return [*read, *(grid for d in results.scores for grid in (*judging.took(results, d), *judging.holes(results, d)))]


def _kinds(results: Results) -> list[tuple[tuple[str, ...], Mapping[str, Comparison | None]]]:
    """The measures of rankings and those of answers, each with the comparisons by them."""
    wanted, systems = results.experiment.wanted, results.experiment.systems
    kinds = ((wanted.of_rankings, results.comparisons), (wanted.answers, results.answer_comparisons))
    return [(names, {d: lettered(one, systems) for d, one in found.items()}) for names, found in kinds]


def _measures(results: Results, dataset: str) -> list[Grid]:
    about, made = results.datasets[dataset], []
    for (names, comparisons), title in zip(_kinds(results), (_title, _title_of_answers), strict=True):
        scores = {s: {m: one[m] for m in names} for s, one in results.scores[dataset].items() if {*names} <= {*one}}
        if names and scores:
            grid = means(title(dataset, about, results.experiment.wanted), scores, comparisons[dataset])
            lost = [(named(comparisons[dataset], s), [FAILED] * len(names)) for s in results.failed[dataset]]
            made.append(replace(grid, rows=[*grid.rows, *lost]))
    return made


def _title(dataset: str, about: Mapping[str, Any], wanted: Measures) -> str:
    judged, gold = (f"{about[name]:,}" for name in ("judged", "gold"))
    counted = f"{judged} queries" if wanted.rankings else f"{gold} questions"
    if wanted.rankings and wanted.passages and judged != gold:
        counted += f" ({gold} with gold answers)"
    return f"{dataset}: {counted}, {about['documents']:,} documents"


def _title_of_answers(dataset: str, about: Mapping[str, Any], _: Measures) -> str:
    return f"{dataset}: answers to {about['gold'] or about['asked']:,} questions"


def _reading(results: Results, dataset: str) -> Grid:
    """What the answers to a dataset took, and how many cite passages that were not shown."""
    row = results.readings[dataset]
    named = [name for name in TOOK if any(name in took(record) for record in row.values())]
    rows = []
    for system, record in row.items():
        values = [Entry(_counted(took(record), name)) for name in named]
        rows.append((system, [Entry(f"{record['answers']:,}"), *values]))
    columns = ["system", "answers", *(TOOK[name] for name in named)]
    return Grid(title=f"{dataset}: what the answers took", columns=columns, rows=rows, note=UNSEEN)


def _counted(known: Mapping[str, float], name: str) -> str:
    if name not in known:
        return ""
    return shown(known[name]) if name == "cost" else f"{known[name]:,.0f}"


def means(title: str, scores: Mapping[str, Mapping[str, float]], comparison: Comparison | None) -> Grid:
    """A table of systems x measures; the best two of each measure are marked, and what differs from the baseline."""
    measures = list(next(iter(scores.values())))
    tops = {m: top_two((s[m] for s in scores.values()), m) for m in measures}
    rows = [
        (named(comparison, name), [entry(s[m], tops[m], mark(comparison, name, m)) for m in measures])
        for name, s in scores.items()
    ]
    return Grid(title=title, columns=["system", *measures], rows=rows, note=legend(comparison))


def tunings(results: Results) -> list[Grid]:
    """For each dataset a table of what was chosen for its tuned systems; none where nothing was."""
    return [_tunings(dataset, tuned) for dataset, tuned in results.tuned.items() if tuned]


def _tunings(dataset: str, tuned: Mapping[str, Mapping[str, Any]]) -> Grid:
    rows = []
    for system, record in tuned.items():
        on = record["on"]
        said = [chosen(record), f"{on['name']}, {on['split']}", f"{on['judged']:,}", f"{on['left_out']:,}",
                record["measure"], f"{record['value']:.4f}"]  # fmt: skip
        rows.append((system, [Entry(text) for text in said]))
    columns = ["system", "options", "on", "queries", "left out", "measure", "there"]
    note = "None of these queries is measured; those that are were left out."
    words = ["options", "on", "measure"]
    return Grid(title=f"{dataset}: what was tuned", columns=columns, rows=rows, note=note, words=words)


def chosen(record: Mapping[str, Any]) -> str:
    """The options that a tuning chose, in words."""
    return brief(", ".join(record["options"]) or "the defaults")


def brief(text: str) -> str:
    """A text without what a fusion has learnt, where that is long.

    >>> brief("mapfuse(a, b, learnt=0.3:0.4)"), brief(f"posfuse(a, learnt={'0.25/' * 99}0) % 3")
    ('mapfuse(a, b, learnt=0.3:0.4)', 'posfuse(a, learnt=0.25/0.25/0.25/0.25/...) % 3')
    """
    return _LEARNT.sub(r"\1...", text)


def costs(results: Results, dataset: str) -> Grid:
    """Seconds of each system, by index built or opened, by stage, and of its reader."""
    rows = [
        (f"{system}: {stage}", [Entry(spent)])
        for system in results.cells[dataset]
        for stage, spent in _seconds(results, dataset, system)
    ]
    columns = ["system: stage", "seconds"]
    return Grid(title=f"{dataset}: where the time went", columns=columns, rows=rows, note=_spent(results, dataset))


def _seconds(results: Results, dataset: str, system: str) -> list[tuple[str, str]]:
    """What a system did, and the seconds of it."""
    cell = results.cells[dataset][system]
    stars = {stage["stage"]: _star(stage) for stage in cell["stages"]}
    found = [(brief(stage), f"{spent:.1f}{stars.get(stage, '')}") for stage, spent in seconds(cell).items()]
    record = results.readings.get(dataset, {}).get(system)
    return found if record is None else [*found, (record["reader"], f"{record['seconds']:.1f}{_star(record)}")]


def _star(record: Mapping[str, Any]) -> str:
    return "*" if record.get("remembered", 0) else ""


def _spent(results: Results, dataset: str) -> str:
    starred = any(map(_star, results.readings.get(dataset, {}).values()))
    return SHARED + REMEMBERED * (starred or any(map(remembered, results.cells[dataset].values())))


def _shown_costs(results: Results, dataset: str) -> Group:
    """Seconds of each system, by index built, by stage and of its reader, for a terminal."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    made.add_column("system")
    made.add_column("stage", overflow="fold")
    made.add_column("seconds", justify="right", no_wrap=True)
    for system in results.cells[dataset]:
        for place, (stage, spent) in enumerate(_seconds(results, dataset, system)):
            made.add_row(Text("" if place else system), Text(stage), spent)
    note = Text(_spent(results, dataset), style="dim")
    return Group(Text(f"{dataset}: where the time went", style="bold"), made, note)
