"""The doors: a noun and a spec give a component. `rankify.retriever("bm25?k1=1.2", corpus)`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rankify import expressions, registry
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.expressions import pipeline, searched
from rankify.stages import Reader, Reranker, Retriever

__all__ = ["encoder", "llm", "pipeline", "reader", "reranker", "retriever"]


def retriever(spec: str, corpus: Iterable[Document] | None = None, /, **options: Any) -> Retriever:
    """A retriever over a corpus or any documents, e.g. `bm25`, `dense:sentence-transformers/all-MiniLM-L6-v2`.

    A retriever that searches elsewhere needs none, e.g. `web:serper`.
    """
    over = searched(spec, None if corpus is None else Corpus.of(corpus))
    found: Retriever = registry.load("retriever", spec, over, **options)
    return found


def reranker(spec: str, /, **options: Any) -> Reranker:
    """A reranker, e.g. `cross-encoder:MODEL`, or one over passages, `by-passages(cross-encoder:MODEL)`."""
    return expressions.reranker(spec, **options)


def reader(spec: str, /, **options: Any) -> Reader:
    """A reader, e.g. `extractive`."""
    found: Reader = registry.load("reader", spec, **options)
    return found


def encoder(spec: str, /, **options: Any) -> Any:
    """An encoder of texts, e.g. `dense:sentence-transformers/all-MiniLM-L6-v2`."""
    return registry.load("encoder", spec, **options)


def llm(spec: str, /, **options: Any) -> Any:
    """A language model backend, by the name a package registered under `rankify.llm`."""
    return registry.load("llm", spec, **options)
