"""`rankify demo`: the main job on the built-in collection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rankify.cli.command import command
from rankify.cli.screen import Screen

Folder = Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="The folder of results.")]


def demo(screen: Screen, output: Folder = Path("runs/demo")) -> None:
    """Search, rerank, evaluate and answer on the built-in collection."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, demo)
