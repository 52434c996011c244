"""`rankify search`: queries in, a run out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rankify.cli.collection import asked, built, collection, writable
from rankify.cli.command import Data, Depth, Output, Pipeline, Split, command
from rankify.cli.screen import Screen, table
from rankify.errors import Misuse

if TYPE_CHECKING:
    from rich.console import RenderableType

    from rankify.types import Ranking, Run

Index = Annotated[
    Path | None,
    typer.Option("--index", metavar="FOLDER", help="Where the first retriever's index is, or shall be kept."),
]
Queries = Annotated[Path | None, typer.Option("--queries", metavar="FILE", help="Search for the queries of this file.")]
Text = Annotated[str | None, typer.Option("--query", metavar="TEXT", help="Search for this, and print what is found.")]
SHOWN = 10  # hits of one typed query, unless -k says another number


def search(
    screen: Screen, pipeline: Pipeline, data: Data, query: Text = None, queries: Queries = None, depth: Depth = None,
    output: Output = None, index: Index = None, split: Split = None,
) -> None:  # fmt: skip
    """Search a collection, for one query or for all.

    One query's hits are printed; those of all queries become a TREC run file.

        rankify search bm25 pydoc --query "parse a date"
        rankify search bm25 ../data/nfcorpus -o bm25.trec
        rankify search "bm25 % 100 >> embedding:sentence-transformers/all-MiniLM-L6-v2" pydoc -o run.trec
    """
    from rankify.expressions import reads
    from rankify.io.trec import write_run

    if reads(pipeline):
        raise Misuse(f"{pipeline!r} ends in a reader, which answers; use: rankify answer")
    if query is None and output is None and not screen.json:
        raise Misuse("where to? give -o RUN.trec for a run file, or --query for one query")
    writable(output)
    found = collection(screen, data, split, queries=query is None and queries is None)
    run_for = asked(found, query=query, file=queries)
    stage = built(screen, pipeline, found, folder=index, depth=depth or (SHOWN if query is not None else None))
    with screen.step(f"Searching {found.name}"):
        run = stage(run_for)
    if output is not None:
        write_run(run, output)
    screen.show({**summary(run), "pipeline": pipeline, "dataset": found.name, **_hits(run, query, output)},
                *_shown(run, query, output))  # fmt: skip


def summary(run: Run) -> dict[str, Any]:
    """What a run cost, stage by stage."""
    stages = [
        {"stage": r.stage, "seconds": r.seconds, **({"counts": r.counts} if r.counts else {})} for r in run.reports
    ]
    return {"queries": len(run), "documents": sum(map(len, run)), "stages": stages}


def _hits(run: Run, query: str | None, output: Path | None) -> dict[str, Any]:
    if output is not None:
        return {"output": str(output)}
    found = {ranking.query.id: _listed(ranking) for ranking in run}
    return {"query": query, "hits": found["query"]} if query is not None else {"run": found}


def _listed(ranking: Ranking) -> list[dict[str, Any]]:
    return [
        {"rank": rank, "id": document.id, "score": score, "title": document.title, "text": document.text}
        for rank, (document, score) in enumerate(ranking, 1)
    ]


def _shown(run: Run, query: str | None, output: Path | None) -> list[RenderableType]:
    parts: list[RenderableType] = [hits(run[0])] if query is not None else []
    if output is not None:
        parts += [costs(run), f"{sum(map(len, run)):,} documents for {len(run):,} queries in {output}"]
    return parts


def hits(ranking: Ranking) -> RenderableType:
    """A ranking as a person reads it: title or id, and how the text begins."""
    from rich.text import Text as Words

    if not len(ranking):
        return f"nothing found for {ranking.query.text!r}"
    made = table(">", ">score", "document")
    for rank, (document, score) in enumerate(ranking, 1):
        head = Words.assemble(
            (document.id, "bold"), f"  {document.title}" if document.title not in ("", document.id) else ""
        )
        body = Words(" ".join(document.text.split()), style="dim")
        body.truncate(200, overflow="ellipsis")
        made.add_row(str(rank), f"{score:.4f}", Words("\n").join([head, body]) if body.plain else head)
    return made


def costs(run: Run) -> RenderableType:
    """Seconds and counts of each stage."""
    made = table("stage", ">seconds", "counted")
    for report in run.reports:
        counted = ", ".join(f"{count:,.0f} {name}" for name, count in report.counts.items())
        made.add_row(report.stage, f"{report.seconds:.2f}", counted)
    return made


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, search)
