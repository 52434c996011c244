"""How many prompts of language models a step of a pipeline takes, counted by trying it out on one query."""

from __future__ import annotations

import random

from rankify import registry
from rankify.documents import Document
from rankify.errors import RankifyError
from rankify.expressions import components
from rankify.llm.loading import passes_on
from rankify.llm.simulated import Simulated
from rankify.spec import Spec, describe
from rankify.types import Query, Ranking, Run

_OTHERS = ("prices", "also", "cheap", "max_cost")  # options that say something of other models or of dollars
MOST = 200  # documents of a query up to which prompts are counted by trying out


def asking(text: str, before: int) -> list[tuple[Spec, int]]:
    """The rerankers on language models in a step, and how many documents each sees."""
    depth = int(text[4:].partition(",")[0]) if text.startswith("top(") else before
    found = [spec for kind, spec in components(f"bm25 >> {text}") if kind == "reranker"]
    return [
        (s, min(depth, before)) for s in found
        if getattr(registry.find("reranker", s.name), "passes_on", None) is passes_on
    ]  # fmt: skip


def prompts(spec: Spec, documents: int) -> int:
    """Prompts that a reranker takes for so many documents in random order, with a model that errs in nothing.

    0 where that is not known: of more than `MOST` documents, or of one that takes no simulated model.
    """
    recipe = registry.find("reranker", spec.name)
    own = {o: v for o, v in spec.options.items() if o in describe(recipe) and o not in _OTHERS}
    if documents > MOST:
        return 0
    grades = random.Random(0).sample(range(documents), documents)  # noqa: S311
    shown = [Document(str(grade), "") for grade in grades]
    try:
        reranker = recipe(Simulated({"q": {str(grade): grade for grade in grades}}), **own)
        reranker.rerank(Run([Ranking(Query("q", ""), shown, range(documents, 0, -1))]))
    except RankifyError:
        return 0
    return int(reranker.counts()["asked"])
