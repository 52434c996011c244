"""Providers of embeddings as data: their addresses, keys and limits, and what the catalogue says of their models."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from rankify import catalog
from rankify.errors import Misuse, RankifyError
from rankify.packaged import packaged
from rankify.remote.server import Server


class TooLong(RankifyError):
    """A request was refused because of its length: it may be asked in parts, or shortened."""


class EmbeddingServer(Server):
    """A server of embeddings, which may refuse a request for its length."""

    def _refusal(self, response: Any, content: bytes) -> Exception:
        refused = super()._refusal(response, content)
        said = str(refused).lower()
        if response.status_code in (400, 413, 422) and any(words in said for words in _too_long()):
            return TooLong(str(refused))
        return refused


@dataclass(frozen=True, kw_only=True)
class Provider:
    """What `providers.yaml` says of a provider; its fields are explained there."""

    base_url: str = ""
    address_from: str = ""
    key: str = ""
    header: str = "Authorization"
    scheme: str = "Bearer "
    batch: int
    most: int | None = None
    batch_tokens: int
    most_tokens: int | None = None
    max_length: int | None = None
    query_type: str = ""
    document_type: str = ""
    source: str

    @classmethod
    def named(cls, name: str) -> Provider:
        """The provider of a name."""
        return cls(**_read()["providers"][name])

    def address(self, base_url: str | None) -> str:
        """Where to ask: the caller's address, the environment's, or the provider's own.

        Raises:
            Misuse: there is none of them.
        """
        found = base_url or os.environ.get(self.address_from, "") or self.base_url
        if not found:
            raise Misuse(
                f"nothing says where the server is: write base_url=http://localhost:8080/v1, or set {self.address_from}"
            )
        return found.rstrip("/")

    def key_for(self, base_url: str | None, key: str | None) -> str:
        """The NAME of the variable whose key is sent: none to a `base_url` of the spec, which may be anybody's."""
        return key if key is not None else "" if base_url and base_url.rstrip("/") != self.base_url else self.key


def known(provider: str, model: str) -> Mapping[str, Any]:
    """What the catalogue says of a provider's model: dimension, limits, price; nothing of one that it does not have."""
    said: Mapping[str, Any] = catalog.models().get(f"{provider}/{model}", {}).get("remote", {})
    return said


def check_dimensions(model: str, dimensions: int | None, said: Mapping[str, Any]) -> None:
    """Raises Misuse where a model has no vectors of so many dimensions."""
    if dimensions is None or not said:
        return
    allowed = said.get("dimensions", [said["dimension"]])
    if isinstance(allowed, dict):
        fine, wanted = allowed["least"] <= dimensions <= allowed["most"], f"{allowed['least']} to {allowed['most']}"
    else:
        fine, wanted = dimensions in allowed, ", ".join(map(str, allowed))
    if not fine:
        raise Misuse(f"dimensions={dimensions}, and {model} has {wanted}")


def _too_long() -> list[str]:
    found: list[str] = _read()["too_long"]
    return found


@cache
def _read() -> dict[str, Any]:
    found: dict[str, Any] = packaged(files("rankify.encoders") / "providers.yaml")
    return found
