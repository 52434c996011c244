"""`rankify evaluate`: measures of one run, or of answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rankify.cli.collection import collection, is_json, judgments
from rankify.cli.command import MEASURES, Condensed, Relevant, Split, command
from rankify.cli.screen import Screen, table
from rankify.errors import Misuse

if TYPE_CHECKING:
    from rankify.evaluation import Evaluation

RunFile = Annotated[
    Path, typer.Argument(metavar="RUN", show_default=False, help="A TREC run file, or a .json or .jsonl of answers.")
]
Judged = Annotated[
    str | None,
    typer.Argument(
        metavar="QRELS", show_default=False,
        help="A file of judgments, or a collection that has them; for answers, one that has gold answers, where the "
        "file of answers has none.",
    ),
]  # fmt: skip
Measures = Annotated[
    str | None,
    typer.Option(
        "-m", "--measures", metavar="NAMES", show_default=False,
        help=f'Measures with spaces between; see: rankify list measures. "{MEASURES}" if not given, or of answers '
        '"EM F1 contains".',
    ),
]  # fmt: skip
ANSWERS = "EM F1 contains"
EachQuery = Annotated[bool, typer.Option("--per-query", help="Every query's values, too.")]


def evaluate(
    screen: Screen, run: RunFile, qrels: Judged = None, measures: Measures = None, per_query: EachQuery = False,
    rel: Relevant = None, condensed: Condensed = False, split: Split = None,
) -> None:  # fmt: skip
    """Evaluate a run, or a file of answers.

    As trec_eval does: by score, equal scores by document id; a judged query that the run misses counts 0.

        rankify evaluate bm25.trec ../data/nfcorpus -m "nDCG@10 R@100"
        rankify evaluate bm25.trec qrels.dl19-passage.txt --rel 2 --condensed
        rankify evaluate answers.json -m "EM F1 has_answer@5"
    """
    if is_json(run):
        if rel is not None:
            raise Misuse(f"--rel {rel}: answers have no grades; leave it out")
        if condensed:
            raise Misuse("--condensed: answers are no rankings; leave it out")
        scores = of_answers(screen, run, qrels, ANSWERS if measures is None else measures, split)
    else:
        if qrels is None:
            raise Misuse(f"{run} is a run; give the judgments too, e.g.: rankify evaluate {run} qrels.txt")
        wanted = MEASURES if measures is None else measures
        scores = of_run(screen, run, qrels, wanted, rel, split, condensed=condensed)
    parts = []
    if per_query:
        shown = table("query", *(f">{measure}" for measure in scores))
        for query in scores.queries:
            shown.add_row(query, *(f"{scores.per_query[measure][query]:.4f}" for measure in scores))
        parts.append(shown)
    means = table("measure", f">{run.name}")
    for measure, value in scores.items():
        means.add_row(measure, f"{value:.4f}")
    details = {"per_query": scores.per_query} if per_query else {}
    why = {"reasons": scores.reasons} if scores.reasons else {}
    said = [f"{measure} is not known of {len(own)} of them: {next(iter(own.values()))}"
            for measure, own in scores.reasons.items()]  # fmt: skip
    only = {"condensed": True} if condensed else {}
    screen.show(
        {"run": str(run), "queries": len(scores.queries), **only, "measures": dict(scores), **details, **why},
        *parts, means, *said, *(["only judged documents"] if condensed else []),
    )  # fmt: skip


def of_run(
    screen: Screen, file: Path, qrels: str, measures: str, rel: int | None, split: str | None, *, condensed: bool
) -> Evaluation:
    """Measures of a run file, or of its judged documents alone."""
    import rankify
    from rankify.evaluation import holes
    from rankify.evaluation.measures import computable
    from rankify.io.trec import read_run

    computable(measures)
    judged, own = judgments(screen, qrels, split)
    run = read_run(file)
    kept = holes.condensed(run, judged) if condensed else run
    return rankify.evaluate(kept, judged, measures, rel=rel or own or 1)


def of_answers(screen: Screen, file: Path, data: str | None, measures: str, split: str | None) -> Evaluation:
    """Measures of a file of answers; gold answers and judgments are the collection's where it is named."""
    from rankify.evaluation.answers import evaluate_answers
    from rankify.io.answers import read_answers

    answers = read_answers(file)
    if data is None:
        return evaluate_answers(answers, measures=measures)
    found = collection(screen, data, split)
    golds = found.answers if any(found.answers.values()) else None  # else the file's own
    return evaluate_answers(answers, golds, measures, qrels=found.qrels)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, evaluate)
