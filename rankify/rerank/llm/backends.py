"""Further backends, named by an option of a reranker: one, or several."""

from __future__ import annotations

from collections.abc import Sequence

from rankify import registry
from rankify.llm.loading import backend
from rankify.llm.protocol import LLM
from rankify.spec import Spec

Named = str | LLM
Several = str | Sequence[str | LLM]


def opened(named: Named) -> LLM:
    """The backend of a spec, its options behind a question mark; one that is built already stays as it is."""
    if isinstance(named, LLM):
        return named
    model, _, query = named.partition("?")
    found = backend(model.strip())
    llm: LLM = registry.load("llm", Spec(found.name, found.model, Spec.parse(f"llm?{query}").options))
    return llm


def all_opened(several: Several | None) -> list[LLM]:
    """The backends of specs with commas between them, or of a list."""
    names = several.split(",") if isinstance(several, str) and several else several or ()
    return [opened(named) for named in names]


def spelled(named: Several | LLM) -> str:
    """The text that names these backends, for a spec.

    >>> spelled(["http:a", "http:b?timeout=9"])
    'http:a,http:b?timeout=9'
    """
    names = [named] if isinstance(named, str | LLM) else named
    return ",".join(name if isinstance(name, str) else repr(name) for name in names)
