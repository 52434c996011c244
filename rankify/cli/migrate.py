"""`rankify migrate`: what a name of the earlier Rankify is called here."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from rankify.cli.command import command
from rankify.cli.screen import Screen, table
from rankify.errors import Misuse

if TYPE_CHECKING:
    from rankify.catalog.aliases import Alias

Name = Annotated[
    str | None,
    typer.Argument(metavar="NAME", show_default=False, help="METHOD, METHOD:MODEL or a dataset's name, as it was."),
]


def migrate(screen: Screen, name: Name = None) -> None:
    """Say what a name of the earlier Rankify is called now.

    One spec is printed alone, so that a shell can use it; all models of a method are a table.

        rankify migrate monot5:monot5-base-msmarco
        rankify migrate colbert_ranker
        rankify migrate nq-test
    """
    from rankify.catalog.aliases import aliases, named

    if name is None:
        _all(screen, aliases())
        return
    found = named(name)
    if len(found) == 1 and found[0].error:
        raise Misuse(f"{found[0].name}: {found[0].error}")
    if len(found) == 1:
        if found[0].note:
            screen.say(found[0].note)
        screen.show({"name": name, "found": [asdict(found[0])]})
        if not screen.json:
            typer.echo(found[0].spec)  # on one line, however long
        return
    shown = table("was", "is", "note")
    for alias in found:
        shown.add_row(alias.name, alias.spec or "-", alias.note or alias.error)
    screen.show({"name": name, "found": [asdict(alias) for alias in found]}, shown)


def _all(screen: Screen, found: tuple[Alias, ...]) -> None:
    """Every method, with how many of its names have a spec."""
    named = Counter((alias.kind, alias.method) for alias in found)
    known = Counter((alias.kind, alias.method) for alias in found if alias.spec)
    rows = [
        {"kind": kind, "was": method, "names": count, "with a spec": known[kind, method]}
        for (kind, method), count in named.items()
    ]
    shown = table("kind", "was", ">names", ">with a spec")
    for row in rows:
        shown.add_row(*(str(value) for value in row.values()))
    screen.show({"methods": rows}, shown)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, migrate)
