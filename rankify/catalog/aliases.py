"""What the names of the earlier Rankify are called here: a method and its model give a spec, or the reason for none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from rankify.errors import UnknownName
from rankify.packaged import packaged

KINDS = ("retriever", "corpus", "reranker", "reader", "llm")
ANY = "{model}"  # in a spec: whatever model is given
Written = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Alias:
    """One earlier name: `spec` is what it is now, with a `note` where it differs, or `error` says what to use instead.

    `method` and `model` are as they were written: of a retriever the model may be an index type, of a dataset it is the
    retriever that found the passages.
    """

    kind: str
    method: str
    model: str = ""
    spec: str = ""
    note: str = ""
    error: str = ""

    @property
    def name(self) -> str:
        """The earlier name, `METHOD` or `METHOD:MODEL`."""
        return f"{self.method}:{self.model}" if self.model else self.method


def aliases() -> tuple[Alias, ...]:
    """Every earlier name, those of one method together."""
    return tuple(alias for found in _methods().values() for alias in found)


def named(name: str) -> tuple[Alias, ...]:
    """What `METHOD` or `METHOD:MODEL` was, of every kind that had it.

    Raises:
        UnknownName: there was no such method, or it had no such model; the message lists near ones.

    >>> [alias.spec for alias in named("lit5distill:LiT5-Distill-base")]
    ['castorini/LiT5-Distill-base']
    >>> [alias.spec for alias in named("in-context-ralm:hf:owner/name?dtype=bfloat16")]
    ['in-context-ralm:hf:owner/name?top=1&dtype=bfloat16']
    """
    method, _, model = name.partition(":")
    found = _methods().get(method) or _methods().get(_same().get(method, ""))
    if found is None:
        raise UnknownName.among("name of the earlier Rankify", method, [*_methods(), *_same()])
    chosen = tuple(_with(alias, model) for alias in found if not model or alias.model == model or ANY in alias.spec)
    if not chosen:
        raise UnknownName.among(f"model of the earlier {method!r}", model, [alias.model for alias in found])
    return chosen


def hint(kind: str, method: str, model: str = "") -> str:
    """What to write for a name that is none here and was one there; empty where it was not."""
    known = method in _methods() or method in _same()
    found = [alias for alias in named(method) if alias.kind == kind] if known else []
    chosen = next((alias for alias in found if alias.model in ("", model) or kind == "dataset"), None)
    if chosen is None:
        return f"it is an earlier name: `rankify migrate {method}` says what its models are called" if found else ""
    return chosen.error or f"the earlier {chosen.name!r} is {_with(chosen, model or 'MODEL').spec!r} now"


def _with(alias: Alias, model: str) -> Alias:
    """The alias of any model with the model that is given, and that one's options."""
    if not model or ANY not in alias.spec:
        return alias
    id, _, options = model.partition("?")
    spec = alias.spec.replace(ANY, id)
    given = f"{'&' if '?' in spec else '?'}{options}" if options else ""
    return replace(alias, model=model, spec=f"{spec}{given}")


@cache
def _file() -> dict[str, Any]:
    found: dict[str, Any] = packaged(files(__package__) / "aliases.yaml")
    return found


@cache
def _methods() -> dict[str, tuple[Alias, ...]]:
    """The aliases of each method; some methods are of two kinds."""
    found: dict[str, tuple[Alias, ...]] = {}
    for alias in (*_components(), *_datasets(_file()["datasets"])):
        found[alias.method] = (*found.get(alias.method, ()), alias)
    return found


@cache
def _same() -> dict[str, str]:
    """Names that were documented and never registered, with the method that was meant."""
    entries = ((method, entry) for kind in KINDS for method, entry in _file()[kind].items())
    return {method: entry["same_as"] for method, entry in entries if isinstance(entry, dict) and "same_as" in entry}


def _components() -> Iterator[Alias]:
    for kind in KINDS:
        for method, entry in _file()[kind].items():
            models = entry.get("models", {"": entry}) if isinstance(entry, dict) else {"": entry}
            note = entry.get("note", "") if isinstance(entry, dict) and "models" in entry else ""
            for model, written in models.items() if method not in _same() else ():
                said = {"spec": written} if isinstance(written, str) else written
                yield Alias(kind=kind, method=method, model=str(model), **{"note": note, **said})


def _datasets(written: Written) -> Iterator[Alias]:
    """Every file of questions with passages; those of collections that are here have their names."""
    for name, collection in written["collections"].items():
        yield Alias(kind="dataset", method=name, model="bm25", spec=collection)
    for name, groups in written["names"].items():
        for group, splits in groups.items():
            size = written["groups"][group]
            lacks = "; it has ids without texts, which corpus=psgs_w100.tsv gives them" if size == "light" else ""
            file = f"download its file, found by {group}, from {written[size]}, and open its path"
            for split in splits:
                error = f"no collection here: {file}{lacks}"
                yield Alias(kind="dataset", method=f"{name}-{split}", model=group, error=error)
