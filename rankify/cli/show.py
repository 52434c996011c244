"""`rankify show`: everything known of one spec."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from rankify.cli.command import command
from rankify.cli.screen import Screen, table
from rankify.errors import UnknownName

Named = Annotated[
    str,
    typer.Argument(
        metavar="SPEC", show_default=False,
        help="A component (bm25?k1=1.2), a model's id, or a dataset's name.",
    ),
]  # fmt: skip


def show(screen: Screen, spec: Named) -> None:
    """Show everything known of a name.

    Its class and its options, and what the catalogue says of the model or the dataset. A pipeline is shown part by
    part.

        rankify show bm25
        rankify show sentence-transformers/all-MiniLM-L6-v2
    """
    parts = _parts(spec)
    if parts is not None:
        shown = {f"{place}. {part}": _one(part) for place, part in enumerate(parts, 1)}
        tables = [_table(f"{title}: {name}", about) for title, one in shown.items() for name, about in one.items()]
        screen.show({"spec": spec, "parts": [{"spec": p, **_one(p)} for p in parts]}, *tables)
        return
    found = _one(spec)
    screen.show({"spec": spec, **found}, *(_table(name, about) for name, about in found.items()))


def _parts(text: str) -> list[str] | None:
    """The specs that a pipeline is made of, first to last; None where the text is a single one."""
    from rankify.expressions import components

    is_pipeline = any(sign in text for sign in (">>", "(", " % "))
    return [str(spec) for _, spec in components(text)] if is_pipeline else None


def _one(spec: str) -> dict[str, Any]:
    found = {**_components(spec), **_published(spec)}
    if not found:
        raise UnknownName.among("component, model or dataset", spec, _known())
    return found


def _components(spec: str) -> dict[str, Any]:
    """Kind -> what it is, for each kind of component that answers to the spec."""
    from rankify import registry
    from rankify.spec import Spec

    found = {}
    for kind in registry.BUILTIN:
        if not registry.published(kind, spec) and Spec.parse(spec).name not in registry.names(kind):
            continue
        resolved = registry.resolve(kind, spec)
        factory = registry.find(kind, resolved.name)
        found[kind] = {
            "spec": str(resolved),
            "is": (inspect.getdoc(factory) or "").partition("\n")[0],
            "code": f"{factory.__module__}:{getattr(factory, '__qualname__', resolved.name)}",
            "options": {**registry.options(kind, resolved), **registry.checked(kind, resolved)},
        }
    return found


def _published(spec: str) -> dict[str, Any]:
    """What the catalogue has of a model or a dataset, under its name or as the model of a spec."""
    from rankify import catalog
    from rankify.datasets import named, names
    from rankify.spec import Spec

    head = spec.partition("?")[0].strip()
    model = catalog.models().get(head) or catalog.models().get(Spec.parse(spec).model)
    data = named(head)
    about = {"name": data, **catalog.datasets().get(data, {"about": names()[data]})} if data else {}
    return {**({"model": model} if model else {}), **({"dataset": about} if data else {})}


def _known() -> list[str]:
    from rankify import catalog, registry
    from rankify.datasets import names

    return [*(n for kind in registry.BUILTIN for n in registry.names(kind)), *catalog.models(), *names()]


def _table(name: str, about: dict[str, Any]) -> Any:
    shown = table(name, "")
    for key, value in about.items():
        shown.add_row(key, _written(value))
    return shown


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_flat(inner)}" for key, inner in value.items())
    return _flat(value)


def _flat(value: Any) -> str:
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, show)
