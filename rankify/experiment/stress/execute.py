"""Puts a pipeline through what is left of a plan, and writes what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rankify.errors import BadInput, needs
from rankify.experiment.opening import fingerprints
from rankify.experiment.parts import Parts
from rankify.experiment.revisions import Revisions
from rankify.experiment.stress.bench import Bench
from rankify.experiment.stress.outcome import Outcome
from rankify.experiment.stress.plan import Plan, Trial, planned
from rankify.experiment.stress.records import Found, Records
from rankify.experiment.stress.tables import write
from rankify.indexes.building import remove_parts
from rankify.io.files import disk_errors
from rankify.io.locks import locked
from rankify.text.perturbations import Perturbation

if TYPE_CHECKING:
    from rankify.datasets import Dataset

Step = Callable[[str], AbstractContextManager[None]]
Say = Callable[[str], None]


@contextmanager
def _silent(_: str) -> Iterator[None]:
    yield


def stress(
    pipeline: str, data: Dataset, perturbations: str | Iterable[Perturbation], *, folder: str | Path, seeds: int = 3,
    measures: str | Sequence[str] = "nDCG@10 R@100", top: int = 10, targets: int = 1, rel: int | None = None,
    step: Step = _silent, say: Say = lambda _: None,
) -> Outcome:  # fmt: skip
    """What a pipeline finds when queries and documents change, and what is left of its effectiveness.

    Changed queries are searched for in the same indexes. Changed documents are candidates of the first stage, which
    what stands behind it is given in the place of the original ones; the collection and its indexes stay. Each trial
    is kept when it is done, and a later start goes on from there; two starts write the same files.

    Args:
        pipeline: as text.
        data: a collection with judgments; its judged queries are searched for.
        perturbations: specs with blanks between them, or perturbations.
        folder: where the results are: original.trec, records, per-query.csv, targets.csv, results.md, results.json.
        seeds: how many times each perturbation is drawn.
        measures: as in `rankify.evaluate`.
        top: an attack succeeds when its target comes among the best so many.
        targets: how many of a query's candidates are attacked together.
        rel: the least grade that is relevant; the collection's own if not given.
        step: shows that something is going on, until it is done.
        say: is told what was kept and what was done.

    Raises:
        Misuse, UnknownName: as `planned`.
        BadInput: the collection has no judged queries, a measure has no value for a query, or another process is
            writing into the folder.
        MissingExtra: the library that tests significance is not installed.
    """
    plan = planned(
        pipeline, perturbations, seeds=seeds, measures=measures, top=top, targets=targets, rel=rel or data.rel
    )
    folder = Path(folder)
    if not any(query in data.qrels for query in (r.query.id for r in data.queries)):
        raise BadInput(f"{data.name} has no judged queries, so nothing can be measured")
    if len(data.qrels) > 1:
        needs("scipy.stats", "stats")
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        remove_parts(folder)
        outcome = _executed(plan, data, folder, step, say)
        with step("Comparing"):
            write(outcome, folder)
    return outcome


def _executed(plan: Plan, data: Dataset, folder: Path, step: Step, say: Say) -> Outcome:
    revisions = Revisions()
    about = fingerprints(data)
    records = Records(folder, plan, {**about, "behind": sorted(revisions.behind(plan.pipeline, data.corpus).items())})
    bench = Bench(plan, data, Parts(folder / "indexes", revisions), records.original)
    first, *others = plan.trials
    outcome = Outcome(plan=plan, about=about, original=_done(first, records, bench, step, say))
    for trial in others:
        outcome.note(trial, _done(trial, records, bench, step, say))
    return outcome


def _done(trial: Trial, records: Records, bench: Bench, step: Step, say: Say) -> Found:
    """What a trial found: in an earlier start, or now."""
    named = f"{trial.label}, seed {trial.seed}" if trial.perturbation else trial.label
    kept = records.known(trial)
    if kept is not None:
        say(f"{named} is finished, kept")
        return kept
    with step(named):
        found = records.finish(trial, bench)
    say(f"{named} is done")
    return found
