"""Providers of reranking as data: where they are asked, what requests and answers call things, and their limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from rankify import catalog
from rankify.encoders.provider import EmbeddingServer, Provider, TooLong
from rankify.errors import Misuse, RankifyError, UnknownName
from rankify.packaged import packaged

TOO_LARGE = 413
REFUSED = (400, 422)  # statuses of requests that are refused for what is in them


class Rejected(RankifyError):
    """A request was refused for what is in it: without one of its documents it may pass."""


class RerankServer(EmbeddingServer):
    """A server that reranks, which may refuse a request for its length, or for one of its documents.

    Args:
        headers: further ones of every request.
        how: as for `Server`.
    """

    def __init__(self, url: str, *, headers: Mapping[str, str], **how: Any) -> None:
        super().__init__(url, **how)
        self.headers = dict(headers)

    def _refusal(self, response: Any, content: bytes) -> Exception:
        refused = super()._refusal(response, content)
        if response.status_code == TOO_LARGE:
            return TooLong(str(refused))
        if isinstance(refused, TooLong) or response.status_code not in REFUSED:
            return refused
        return Rejected(str(refused))

    def _way_out(self, _message: str) -> str:
        return "it refuses the request itself"

    def _headers(self, kind: str) -> dict[str, str]:
        return super()._headers(kind) | self.headers


@dataclass(frozen=True, kw_only=True)
class RerankProvider(Provider):
    """What `api_providers.yaml` says of a provider; its fields are explained there."""

    path: str = "/rerank"
    headers: Mapping[str, str] = field(default_factory=dict)
    sends_model: bool = True
    documents: str
    wrapped: str = ""
    top: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    results: str = ""
    score: str
    tokens: Sequence[str] = ()
    units: Sequence[str] = ()

    @classmethod
    def named(cls, name: str) -> RerankProvider:
        """The provider of a name.

        Raises:
            UnknownName: there is none.
        """
        known = _read()
        if name not in known:
            raise UnknownName.among("provider of reranking", name, known)
        return cls(**known[name])

    def address(self, base_url: str | None) -> str:
        """Where to ask, without the endpoint: the caller's address, which may end in the endpoint, or the provider's.

        Raises:
            Misuse: there is none.
        """
        found = (base_url or self.base_url).rstrip("/").removesuffix(self.path)
        if not found:
            raise Misuse("nothing says where the server is: write base_url=, e.g. base_url=http://localhost:8080")
        return found

    def key_for(self, base_url: str | None, key: str | None) -> str:
        """The NAME of the variable whose key is sent: none to a `base_url` of the spec, which may be anybody's."""
        return super().key_for(None if base_url is None else self.address(base_url), key)

    def request(self, query: str, texts: Sequence[str]) -> dict[str, Any]:
        """What differs from request to request: the query, the documents, and that all are to come back."""
        documents = [{self.wrapped: text} for text in texts] if self.wrapped else list(texts)
        return {"query": query, self.documents: documents} | ({self.top: len(texts)} if self.top else {})


def known(provider: str, model: str) -> Mapping[str, Any]:
    """What the catalogue says of a provider's reranker: limits, price, fields; nothing of one that it does not have."""
    said: Mapping[str, Any] = catalog.models().get(f"{provider}/{model}", {}).get("api", {})
    return said


def providers() -> list[str]:
    """The names of all providers."""
    return list(_read())


@cache
def _read() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = packaged(files("rankify.rerank") / "api_providers.yaml")
    return found
