"""From the text that names a model to its encoder: a hub id or a folder runs here, `openai:MODEL` at a provider."""

from __future__ import annotations

from typing import Any

from rankify import registry
from rankify.encoders.dense import DenseEncoder
from rankify.encoders.remote import RemoteEncoder
from rankify.errors import Misuse
from rankify.spec import Spec, describe


def provided(model: str) -> Spec | None:
    """The provider and its model, where a model's name begins with a provider; None for one that runs here.

    >>> provided("openai:text-embedding-3-small").model, provided("intfloat/e5-base-v2")
    ('text-embedding-3-small', None)
    """
    name, colon, rest = model.partition(":")
    return Spec(name, rest) if colon and name in registry.names("encoder") and _is_remote(name) else None


def passes_on(model: str) -> tuple[Any, str]:
    """The class of a model's encoder and the model: where the options go that are not the asker's own."""
    found = provided(model)
    return (registry.find("encoder", found.name), found.model) if found else (DenseEncoder, model)


def encoder(model: str, **given: Any) -> DenseEncoder | RemoteEncoder:
    """The encoder of a model.

    Args:
        given: its options; those of models that run here may stand among them for a provider's, at their defaults.

    Raises:
        Misuse: a provider's model is given an option of models that run here.
    """
    found = provided(model)
    if not found:
        return DenseEncoder(model, **given)
    factory = registry.find("encoder", found.name)
    known, local = describe(factory), describe(DenseEncoder)
    own = {name: value for name, value in given.items() if name in known and value is not None}
    for name in given.keys() - known.keys():
        if given[name] != local.get(name):
            raise Misuse(f"{name}={given[name]} is for models that run here, and {model} runs at its provider")
    remote: RemoteEncoder = factory(found.model, **own)
    return remote


def _is_remote(name: str) -> bool:
    factory = registry.find("encoder", name)
    return isinstance(factory, type) and issubclass(factory, RemoteEncoder)
