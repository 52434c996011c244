"""How a function becomes a command, and the arguments that several commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from rankify.cli.screen import Screen

Pipeline = Annotated[
    str,
    typer.Argument(
        metavar="PIPELINE",
        show_default=False,
        help='What to run, e.g. "bm25", "bm25 % 100 >> cross-encoder:MODEL", "rrf(bm25, dense:MODEL)".',
    ),
]
Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        show_default=False,
        help="A folder in BEIR layout, a name from `rankify list datasets`, or a file (see the guide).",
    ),
]
Split = Annotated[
    str | None, typer.Option(metavar="NAME", help="Which of the collection's judgments; the usual ones if not given.")
]
Depth = Annotated[
    int | None, typer.Option("-k", "--depth", metavar="K", min=1, help="Keep the best K documents of each query.")
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write here; compressed if it ends in .gz.")
]
Measures = Annotated[
    str,
    typer.Option("-m", "--measures", metavar="NAMES", help="Measures with spaces between; see: rankify list measures."),
]
Relevant = Annotated[
    int | None,
    typer.Option(
        "--rel", metavar="GRADE", min=1, help="The lowest grade that counts as relevant; TREC Deep Learning uses 2."
    ),
]
Condensed = Annotated[bool, typer.Option("--condensed", help="Leave documents out that nobody judged.")]
MEASURES = "nDCG@10 RR@10 R@100 AP"

_FLAGS = {
    "json": typer.Option("--json", help="Print one JSON object on standard output."),
    "quiet": typer.Option("--quiet", "-q", help="No progress, no log."),
    "debug": typer.Option("--debug", help="Show the traceback of an error, and a longer log."),
}


def command(app: typer.Typer, function: Callable[..., None], name: str = "") -> None:
    """Adds a function to the command line: its first parameter is the screen, the others are its arguments.

    Every command has --json, --quiet and --debug besides.
    """
    _, *own = inspect.signature(function, eval_str=True).parameters.values()
    flags = [
        inspect.Parameter(flag, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, option])
        for flag, option in _FLAGS.items()
    ]

    @wraps(function)
    def run(**given: Any) -> None:
        screen = Screen(**{flag: given.pop(flag) for flag in _FLAGS})
        function(screen, **given)

    signature = inspect.Signature([p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + flags)
    run.__doc__ = _help(function)
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    del run.__wrapped__
    app.command(name or function.__name__.strip("_"))(run)


def _help(function: Callable[..., None]) -> str:
    """The docstring, its indented paragraphs (examples) kept line by line."""
    paragraphs = (inspect.getdoc(function) or "").split("\n\n")
    return "\n\n".join(f"\b\n{p}" if p.startswith("  ") else p for p in paragraphs)
