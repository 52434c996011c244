"""A file of questions with answers and passages, taken as a collection of its passages."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from rankify.corpus import Corpus
from rankify.datasets.collection import Dataset
from rankify.documents import Document
from rankify.errors import BadInput
from rankify.io.dpr import has_reranked, read_dpr
from rankify.types import Qrels, Query, Ranking, Run

# what files call a passage that answers its question
_RELEVANT = ("has_answer", "hasanswer", "isgold", "supporting")


def from_questions(
    path: Path, *, name: str = "", split: str | None = None, corpus: Corpus | None = None, **options: Any
) -> Dataset:
    """The collection that a DPR file makes: its questions, all their passages, and those that hold the answer.

    Every question is asked, also one whose passages do not say whether they hold the answer.

    The passages of each question are the run `ctxs`, reranked ones the run `reranked_ctxs`. A `corpus` gives passages
    without title and text theirs, and is the collection's corpus in place of these passages.

    Raises:
        BadInput: the file is malformed, two passages with one id differ, or one is not in the corpus.
        UnknownName: a split is asked for; such a file has none.
    """
    if split not in (None, "test"):
        raise BadInput(f"{path} is one file of questions and has no split {split!r}; leave the split out")
    found = read_dpr(path, corpus=corpus)
    runs = {"ctxs": lambda: found}
    if has_reranked(path):
        runs["reranked_ctxs"] = partial(read_dpr, path, reranked=True, corpus=corpus)
    return Dataset(
        name=name or path.name.removesuffix(".gz").rsplit(".", 1)[0],
        open_corpus=partial(_corpus, found, path) if corpus is None else lambda: corpus,
        all_queries=Run.of(found.queries),
        qrels=Qrels(_judgments(found)),
        ask_all=True,
        open_runs=runs,
        **options,
    )


def _corpus(found: Run, path: Path) -> Corpus:
    documents: dict[str, Document] = {}
    for ranking in found:
        for each in ranking.documents:
            document = Document(each.id, each.text, each.title)  # what is said of it for one question is left behind
            if documents.setdefault(each.id, document) != document:
                raise BadInput(f"{path}: passage {each.id!r} has two texts (the second for {ranking.query.id!r})")
    return Corpus(documents.values())


def _judgments(found: Run) -> Iterable[tuple[str, str, int]]:
    for ranking in found:
        yield from _judged(ranking.query, ranking)


def _judged(query: Query, ranking: Ranking) -> Iterable[tuple[str, str, int]]:
    for document in ranking.documents:
        says = next((document.metadata[key] for key in _RELEVANT if key in document.metadata), None)
        if says is not None:
            yield query.id, document.id, int(bool(says))
