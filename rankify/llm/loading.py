"""From the text that names a model to its backend: `hf:google/flan-t5-large`, `http:gpt-4o-mini`, or a bare hub id."""

from __future__ import annotations

from typing import Any

from rankify import registry
from rankify.errors import Misuse
from rankify.llm.protocol import LLM
from rankify.spec import Spec

DEFAULT = "hf"  # what runs a bare id or folder


def backend(model: str) -> Spec:
    """The backend that a model's name begins with, and the rest of it; a bare id or folder runs on transformers.

    >>> backend("http:gpt-4o-mini").name, backend("google/flan-t5-large").name, backend("cached:hf:a/b").model
    ('http', 'hf', 'hf:a/b')

    Raises:
        Misuse: it is a backend's name alone.
    """
    name, colon, rest = model.partition(":")
    if name in registry.names("llm") and not rest:
        what = {"simulated": "FILE, a file of judgments", "cached": "BACKEND:MODEL"}.get(name, "MODEL")
        raise Misuse(f"{model!r} is a backend without a model; write {name}:{what}")
    return Spec(name, rest) if colon and name in registry.names("llm") else Spec(DEFAULT, model)


def passes_on(model: str) -> tuple[Any, str]:
    """The class of a model's backend and the model it runs: where the options go that are not the asker's own."""
    found = backend(model)
    return registry.find("llm", found.name), found.model


def load(model: str | LLM, **given: Any) -> LLM:
    """The backend of a model's name, with the options behind it; one that is built already stays as it is."""
    if isinstance(model, LLM):
        return model
    name, mark, _ = model.partition("?")
    own = Spec.parse(model).options if mark else {}
    found: LLM = registry.load("llm", backend(name), **{**own, **given})
    return found


def bare(model: str) -> str:
    """A model's id without the backends before it.

    >>> bare("cached:hf:google/flan-t5-large"), bare("google/flan-t5-large")
    ('google/flan-t5-large', 'google/flan-t5-large')
    """
    while model.partition(":")[0] in registry.names("llm") and ":" in model:
        model = model.partition(":")[2]
    return model
