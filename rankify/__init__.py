"""Rankify: retrieve, rerank, evaluate and answer.

    import rankify

    data = rankify.dataset("pydoc")
    pipeline = rankify.retriever("bm25", data.corpus) % 100
    print(rankify.evaluate(pipeline(data.queries), data.qrels, "nDCG@10 RR@10"))

Names are looked up when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rankify import fuse as fuse
    from rankify.corpus import Corpus as Corpus
    from rankify.datasets import dataset as dataset
    from rankify.documents import Document as Document
    from rankify.doors import encoder as encoder
    from rankify.doors import llm as llm
    from rankify.doors import pipeline as pipeline
    from rankify.doors import reader as reader
    from rankify.doors import reranker as reranker
    from rankify.doors import retriever as retriever
    from rankify.evaluation import compare as compare
    from rankify.evaluation import evaluate as evaluate
    from rankify.experiment.tuning import tune as tune
    from rankify.types import Answer as Answer
    from rankify.types import Candidate as Candidate
    from rankify.types import Qrels as Qrels
    from rankify.types import Query as Query
    from rankify.types import Ranking as Ranking
    from rankify.types import Run as Run

__version__ = "0.1.0"

_HOMES = {
    "Corpus": "corpus",
    "Document": "documents",
    **dict.fromkeys(("Answer", "Candidate", "Qrels", "Query", "Ranking", "Run"), "types"),
    **dict.fromkeys(("encoder", "llm", "pipeline", "reader", "reranker", "retriever"), "doors"),
    **dict.fromkeys(("compare", "evaluate"), "evaluation"),
    "dataset": "datasets",
    "fuse": "",
    "tune": "experiment.tuning",
}
__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rankify' has no attribute {name!r}")
    home = import_module(f"rankify.{_HOMES[name] or name}")
    found = getattr(home, name) if _HOMES[name] else home
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
