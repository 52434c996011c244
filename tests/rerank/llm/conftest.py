"""Reranking over servers uses the same server as the backends."""

from tests.llm.conftest import served

__all__ = ["served"]
