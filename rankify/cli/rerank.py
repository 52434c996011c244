"""`rankify rerank`: a run in, the run in a new order out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rankify.cli.collection import asked, collection, writable
from rankify.cli.command import Data, Split, command
from rankify.cli.screen import Screen
from rankify.cli.search import costs, summary

Spec = Annotated[
    str,
    typer.Argument(metavar="RERANKER", show_default=False, help="cross-encoder:MODEL or embedding:MODEL."),
]
Before = Annotated[Path, typer.Option("--run", metavar="RUN", show_default=False, help="The TREC run file to rerank.")]
After = Annotated[
    Path, typer.Option("-o", "--output", metavar="RUN", show_default=False, help="The run file to write.")
]
Queries = Annotated[
    Path | None,
    typer.Option("--queries", metavar="FILE", help="The run's queries; the collection's if not given."),
]
Head = Annotated[
    int, typer.Option("-k", "--depth", metavar="K", min=1, help="How many documents of each query to rerank.")
]


def rerank(
    screen: Screen, reranker: Spec, data: Data, run: Before, output: After, depth: Head = 100,
    queries: Queries = None, split: Split = None,
) -> None:  # fmt: skip
    """Rerank a TREC run file with a neural model.

    The best K of each query are scored anew; the others stay below them in their order.

        rankify rerank cross-encoder:BAAI/bge-reranker-base ../data/nfcorpus --run bm25.trec -o new.trec
    """
    import rankify
    from rankify import registry
    from rankify.io.trec import read_run, write_run

    registry.prepared("reranker", reranker)
    writable(output)
    found = collection(screen, data, split, queries=queries is None)
    before = read_run(run, queries=asked(found, file=queries).queries, corpus=found.corpus)
    with screen.step(f"Reranking with {reranker}"):
        after = rankify.reranker(reranker).top(depth)(before)
    write_run(after, output)
    screen.show(
        {**summary(after), "dataset": found.name, "run": str(run), "output": str(output)},
        costs(after), f"{sum(map(len, after)):,} documents for {len(after):,} queries in {output}",
    )  # fmt: skip


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, rerank)
