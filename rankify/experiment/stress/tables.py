"""The tables and files of what a pipeline has left under stress."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

from rankify.experiment.escaping import in_markdown
from rankify.experiment.grid import Entry, Grid
from rankify.experiment.marking import legend, mark
from rankify.experiment.stress.outcome import ORIGINAL, Outcome, Row
from rankify.experiment.stress.records import Found
from rankify.io.files import disk_errors, writing
from rankify.text.perturbations import DocumentPerturbation

MEANS = (
    "drop: the mean less the original's, and as a share of it. variance: of a query's values, the original's among "
    "them, on average over queries. worst 10%: the mean of the worst tenth of the queries."
)
AIMS = "{targets} of each query's candidates that {are} not judged relevant, drawn by each seed. "
SUCCESS = (
    "outside: targets that were not among the best {top} before, those that the pipeline cut off among them. success: "
    "the share of those that are there now. rank change: of the targets that are not cut off before or after, on "
    "average, positive is up."
)
CHANGED = "changed: how many {what} are other ones than before, on average over seeds."


def grids(outcome: Outcome) -> list[Grid]:
    """A table of each measure, one row a perturbation, and one of attacks where there are any."""
    *some, last = (_measure(outcome, measure) for measure in outcome.plan.measures)
    said = " ".join(filter(None, [MEANS, _changed(outcome), legend(outcome.comparison)]))
    tables = [*some, replace(last, note=said)]
    return [*tables, _attacks(outcome)] if outcome.attacks else tables


def warnings(outcome: Outcome) -> list[str]:
    """A line for each perturbation that left every text as it was, which looks like perfect robustness."""
    idle = [label for label in outcome.found if not outcome.changed(label)]
    return [f"{label} changed nothing, so its row says nothing about robustness" for label in idle]


def _changed(outcome: Outcome) -> str:
    kinds = {isinstance(one, DocumentPerturbation) for one in outcome.plan.perturbations}
    return CHANGED.format(what=" or ".join("documents" if kind else "queries" for kind in sorted(kinds)))


def _measure(outcome: Outcome, measure: str) -> Grid:
    plan, queries = outcome.plan, len(outcome.original.evaluation.queries)
    rows = [(row.perturbation, _cells(outcome, row)) for row in outcome.rows(measure)]
    columns = ["perturbation", measure, "drop", "rate", "variance", "worst 10%", "changed"]
    title = f"{outcome.about['name']}: {plan.pipeline}, {queries:,} queries, {_counted(plan.seeds, 'seed')}"
    return Grid(title=title, columns=columns, rows=rows)


def _cells(outcome: Outcome, row: Row) -> list[Entry]:
    if row.perturbation == ORIGINAL:
        return [Entry(f"{row.mean:.4f}"), Entry(""), Entry(""), Entry(""), Entry(f"{row.worst:.4f}"), Entry("")]
    rate = "" if row.drop_rate is None else f"{100 * row.drop_rate:+.1f}%"
    changed = outcome.changed(row.perturbation)
    return [
        Entry(f"{row.mean:.4f}", mark=mark(outcome.comparison, row.perturbation, row.measure)),
        Entry(f"{row.drop:+.4f}"), Entry(rate), Entry(f"{row.variance:.4f}"), Entry(f"{row.worst:.4f}"),
        Entry(f"{changed:,.{0 if changed == int(changed) else 1}f}"),
    ]  # fmt: skip


def _attacks(outcome: Outcome) -> Grid:
    plan = outcome.plan
    rows = []
    for label, one in outcome.attacks.items():
        share = f"{100 * one.rate:.1f}%" if one.outside else ""
        moved = f"{one.rank_change:+.1f}" if one.ranked else ""
        cells = [f"{one.attacked:,}", f"{one.outside:,}", f"{one.promoted:,}", share, moved]
        rows.append((label, [Entry(cell) for cell in cells]))
    aims = AIMS.format(targets=_counted(plan.targets, "target"), are="is" if plan.targets == 1 else "are")
    columns = ["attack", "targets", "outside", "promoted", f"success@{plan.top}", "rank change"]
    return Grid(
        title=f"{outcome.about['name']}: attacks on {plan.pipeline}", columns=columns, rows=rows,
        note=aims[:1].upper() + aims[1:] + SUCCESS.format(top=plan.top),
    )  # fmt: skip


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + "s" * (number != 1)


def write(outcome: Outcome, folder: Path) -> None:
    """Writes results.md, results.json, per-query.csv and, where documents were attacked, targets.csv.

    What an earlier start left of attacks that are no more is removed.
    """
    with writing(folder / "results.md") as file:
        parts = [*(grid.markdown() for grid in grids(outcome)), *(f"{in_markdown(one)}\n" for one in warnings(outcome))]
        file.write("\n".join(parts))
    with writing(folder / "results.json") as file:
        json.dump(outcome.as_dict(), file, ensure_ascii=False, indent=1, allow_nan=False)
        file.write("\n")
    _write_queries(outcome, folder / "per-query.csv")
    if outcome.attacks:
        _write_targets(outcome, folder / "targets.csv")
    else:
        with disk_errors(folder):
            (folder / "targets.csv").unlink(missing_ok=True)


def _write_queries(outcome: Outcome, path: Path) -> None:
    """Each query's values, and its text as it was asked; where documents were changed, the text is left out."""
    with writing(path) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["perturbation", "seed", "query", "text", *outcome.plan.measures])
        for label, found in {ORIGINAL: [outcome.original], **outcome.found}.items():
            for seed, one in enumerate(found):
                rows.writerows([label, seed, *row] for row in _values(one, outcome.plan.measures))


def _values(found: Found, measures: tuple[str, ...]) -> list[list[str]]:
    values = found.evaluation.per_query
    return [
        [query, found.texts.get(query, ""), *(repr(values[measure][query]) for measure in measures)]
        for query in found.evaluation.queries
    ]


def _write_targets(outcome: Outcome, path: Path) -> None:
    with writing(path) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["perturbation", "seed", "query", "document", "before", "after"])
        for label, found in outcome.found.items():
            for seed, one in enumerate(found):
                rows.writerows([label, seed, t.query, t.document, t.before, t.after] for t in one.targets)
