"""The commands, put together."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

import rankify

COMMANDS = (
    "demo", "index", "search", "rerank", "evaluate", "compare", "answer", "run", "reproduce", "submit", "stress",
    "aggregate", "tune", "perplexity", "confidence", "list", "show", "migrate",
)  # fmt: skip
MODULES = {"list": "listing"}  # a module called list would hide Python's own list in this package

app = typer.Typer(
    name="rankify",
    help="Retrieve, rerank, evaluate and answer over document collections.",
    epilog='Start with: rankify demo, or: rankify search bm25 pydoc --query "parse a date"',
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 100},
)


@app.callback(invoke_without_command=True)
def _rankify(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    if version:
        typer.echo(f"rankify {rankify.__version__}")
    elif not context.invoked_subcommand:
        typer.echo(context.get_help())


for name in COMMANDS:
    import_module(f"rankify.cli.{MODULES.get(name, name)}").register(app)
