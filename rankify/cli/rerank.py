"""`rankify rerank`: a run in, the run in a new order out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rankify.cli.collection import asked, collection, is_json, writable
from rankify.cli.command import Data, Split, command
from rankify.cli.screen import Screen
from rankify.cli.search import costs, summary
from rankify.errors import BadInput, Misuse

if TYPE_CHECKING:
    from rankify.datasets import Dataset
    from rankify.types import Run

Spec = Annotated[
    str,
    typer.Argument(
        metavar="RERANKER",
        show_default=False,
        help="cross-encoder:MODEL, or by-passages(cross-encoder:MODEL) for long documents.",
    ),
]
Before = Annotated[
    Path | None,
    typer.Option("--run", metavar="RUN", help="The TREC run file to rerank; DATA's own passages if not given."),
]
After = Annotated[
    Path,
    typer.Option("-o", "--output", metavar="RUN", show_default=False, help="The run file to write, or a .json of DPR."),
]
Queries = Annotated[
    Path | None,
    typer.Option("--queries", metavar="FILE", help="The run's queries; the collection's if not given."),
]
Head = Annotated[
    int, typer.Option("-k", "--depth", metavar="K", min=1, help="How many documents of each query to rerank.")
]
Texts = Annotated[
    Path | None,
    typer.Option("--corpus", metavar="FILE", help="The texts of DATA's passages, where it has only their ids."),
]


def rerank(
    screen: Screen, reranker: Spec, data: Data, output: After, run: Before = None, depth: Head = 100,
    queries: Queries = None, split: Split = None, corpus: Texts = None,
) -> None:  # fmt: skip
    """Rerank a TREC run file, or a file of questions with passages.

    The best K of each query are scored anew; the others stay below them in their order. Questions with passages, as DPR
    and the earlier Rankify have them, are written as they were, with the new order under `reranked_ctxs`.

        rankify rerank cross-encoder:BAAI/bge-reranker-base ../data/nfcorpus --run bm25.trec -o new.trec
        rankify rerank monot5:castorini/monot5-base-msmarco nq-test.json --corpus psgs_w100.tsv -o new.json
    """
    import rankify
    from rankify import expressions
    from rankify.io.dpr import write_dpr
    from rankify.io.trec import read_run, write_run

    expressions.reranker(reranker, expressions.checked)
    writable(output)
    found = collection(screen, data, split, queries=queries is None, corpus=corpus)
    if run is None:
        before = _own(found)
    else:
        before = read_run(run, queries=asked(found, file=queries).queries, corpus=found.corpus)
    with screen.step(f"Reranking with {reranker}"):
        after = rankify.reranker(reranker).top(depth)(before)
    if is_json(output):
        write_dpr(before, output, reranked=after, texts=corpus is None)
    else:
        write_run(after, output)
    screen.show(
        {**summary(after), "dataset": found.name, "run": str(run or data), "output": str(output)},
        costs(after), f"{sum(map(len, after)):,} documents for {len(after):,} queries in {output}",
    )  # fmt: skip


def _own(data: Dataset) -> Run:
    """The passages that a file of questions comes with.

    Raises:
        Misuse: it comes with none.
        BadInput: only their ids are known.
    """
    if "ctxs" not in data.open_runs:
        raise Misuse(f"{data.name} has no rankings of its own; give those to rerank: --run RUN.trec")
    run = data.run("ctxs")
    passages = [passage for ranking in run for passage in ranking.documents]
    if passages and not any(passage.text or passage.title for passage in passages):
        raise BadInput(f"the passages of {data.name} are ids without texts; give the file that has them: --corpus FILE")
    return run


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, rerank)
