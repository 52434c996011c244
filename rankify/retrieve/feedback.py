"""Relevance feedback: what a reranker found out goes back to the dense retriever, which searches once more."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from math import isfinite
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rankify.errors import Misuse
from rankify.retrieve.dense import Dense
from rankify.retrieve.distillation import scored, toward, toward_order, toward_scores
from rankify.retrieve.passage_vectors import located
from rankify.spec import spec_of
from rankify.stages import Pipeline, Reranker, Retriever, Stage, positive
from rankify.types import Query, Ranking, Report, Run, Scores

ROOM = 524_288  # numbers in the largest array of queries that are refined together: 4 MiB stay in a processor's cache


class Feedback(Stage):
    """A dense retriever's search, repeated with queries that have learnt from the reranked run.

    FIRST, arXiv:2406.15657, after ReFIT, arXiv:2305.11744. Adam moves each query's vector until the passages' scores
    are more like a cross-encoder's, and then more like the order in which the run has them; the passages' vectors stand
    still. The new vector searches the whole collection and finds documents that the first search had missed:
    `dense:MODEL % 100 >> first:LLM >> feedback(dense:MODEL) % 1000`. What comes back is in the order of the new scores,
    not in that of the reranker.

    A query that has no two passages, or whose passages all have the same score, cannot learn: it keeps its vector and
    is counted under `kept`. Where it could learn from one of the two only, `untaught` or `unordered` counts it.

    Args:
        retriever: encodes the queries, has the passages' vectors and searches again; passages that are not in its
            corpus are encoded.
        teacher: a reranker whose scores, on the scale of logits, are learnt first, e.g. a cross-encoder. This step is
            left out if not given.
        passages: how many of each ranking are learnt from.
        teacher_steps, order_steps: of Adam, towards the teacher's scores and towards the order; 0 leaves the order out.
        teacher_rate, order_rate: how far a step of Adam goes.

    Raises:
        Misuse: options that leave nothing to learn from.
    """

    name: ClassVar[str] = "feedback"
    over: ClassVar[type[Retriever]] = Dense

    def __init__(
        self, retriever: Dense, *, teacher: Reranker | None = None, passages: int = 100, teacher_steps: int = 100,
        teacher_rate: float = 0.005, order_steps: int = 20, order_rate: float = 0.001,
    ) -> None:  # fmt: skip
        self.retriever, self.teacher, self.passages = retriever, teacher, passages
        self.teacher_steps, self.teacher_rate = teacher_steps, teacher_rate
        self.order_steps, self.order_rate = order_steps, order_rate
        self.depth: int | None = None
        self._counted: Counter[str] = Counter()
        self._refuse()

    def __mod__(self, k: int) -> Pipeline:
        """Asks the second search for k documents; 1,000 if nothing is said."""
        asked = copy(self)
        asked.depth, asked._counted = positive(k), Counter()
        return Pipeline(asked)

    def __call__(self, run: Run | Iterable[Query]) -> Run:
        """The second search's run; the teacher reports for itself, before this stage."""
        before = run if isinstance(run, Run) else Run.of(run)
        heads = self._heads(before)
        taught = self.teacher(heads) if self.teacher else None
        start = time.perf_counter()
        after = self._searched(heads, taught)
        own = Report(repr(self), time.perf_counter() - start, self.counts())
        return after.reported((*before.reports, *(taught.reports if taught is not None else ()), own))

    def apply(self, run: Run) -> Run:
        heads = self._heads(run)
        return self._searched(heads, self.teacher.apply(heads) if self.teacher else None)

    def counts(self) -> dict[str, float]:
        """Queries refined and kept as they were, passages encoded, the encoder's tokens, padding and passes."""
        return dict(self._counted)

    def _heads(self, run: Run) -> Run:
        """What is learnt from, without reports."""
        return Run(ranking.head(self.passages) for ranking in run)

    def _searched(self, heads: Run, taught: Run | None) -> Run:
        self._counted = Counter({"refined": 0, "kept": 0})
        vectors = self._counting(self.retriever.encoder.encode_queries([query.text for query in heads.queries]))
        places, known, encoded = located(self.retriever, heads)
        self._counted.update(encoded)
        learnt = np.zeros((2, len(heads)), dtype=bool)
        for some in _alike([len(ranking) for ranking in heads], known.dimension):
            passages = np.stack([known.take(places[i]) for i in some])
            scores = np.stack([_in_order(heads[i], taught[i]) for i in some]) if taught is not None else None
            vectors[some], learnt[:, some] = self._learnt(vectors[some], passages, scores)
        self._count(*learnt)
        return self.retriever.nearest(heads.queries, vectors, self.depth or self.retriever.depth)

    def _learnt(
        self, queries: NDArray[np.float32], passages: NDArray[np.float32], taught: Scores | None
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Vectors of queries with equally many passages, and which of them learnt from the teacher and the order."""
        found, rows = queries.astype(np.float64), passages.astype(np.float64)
        own = scored(found, rows)  # dealt out in the run's order they keep their range, which is all that is used
        learnt = np.zeros((2, len(queries)), dtype=bool)
        if taught is not None:
            rate, steps = self.teacher_rate, self.teacher_steps
            found, learnt[0] = toward(found, rows, taught, toward_scores, rate=rate, steps=steps)
        if self.order_steps:
            rate, steps = self.order_rate, self.order_steps
            found, learnt[1] = toward(found, rows, own, toward_order, rate=rate, steps=steps)
        return found.astype(np.float32), learnt

    def _count(self, by_teacher: NDArray[np.bool_], by_order: NDArray[np.bool_]) -> None:
        kept = int((~(by_teacher | by_order)).sum())
        self._counted.update({"refined": len(by_order) - kept, "kept": kept})
        if self.teacher and self.order_steps:  # with one step alone, both would be `kept`
            self._counted.update({"untaught": int((~by_teacher).sum()), "unordered": int((~by_order).sum())})

    def _counting(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        self._counted.update(self.retriever.encoder.counted)
        return vectors

    def _refuse(self) -> None:
        """Raises Misuse for what nothing can be learnt from, or by."""
        if not isinstance(self.retriever, Dense):
            raise Misuse(f"feedback moves the vectors of queries; give it a dense retriever, not {self.retriever!r}")
        if self.teacher is not None and not isinstance(self.teacher, Reranker):
            raise Misuse(f"feedback's teacher is a reranker, which {self.teacher!r} is not")
        for option, least in {"passages": 2, "teacher_steps": 1, "order_steps": 0}.items():
            value = getattr(self, option)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise Misuse(f"feedback with {option}={value!r}: it is a whole number from {least} up")
        for option in ("teacher_rate", "order_rate"):
            if not (isfinite(value := getattr(self, option)) and value > 0):
                raise Misuse(f"feedback with {option}={value!r}: it is a number above 0")
        idle = [option for option in spec_of(self).options if option.startswith("teacher_")]
        if self.teacher is None and (idle or not self.order_steps):
            option = idle[0] if idle else "order_steps=0"
            raise Misuse(f"feedback with {option} needs a teacher, e.g. teacher=cross-encoder:MODEL")

    def __repr__(self) -> str:
        teacher = [f"teacher={self.teacher!r}"] if self.teacher else []
        options = [f"{name}={value}" for name, value in spec_of(self).options.items()]
        written = f"feedback({', '.join([repr(self.retriever), *teacher, *options])})"
        return f"{written} % {self.depth}" if self.depth else written


def _in_order(before: Ranking, after: Ranking) -> Scores:
    """The scores that a ranking's documents have in another of the same documents."""
    scores = dict(zip(after.ids, after.scores.tolist(), strict=True))
    return np.array([scores[id] for id in before.ids])


def _alike(sizes: Sequence[int], dimension: int) -> Iterator[list[int]]:
    """Queries with equally many passages, two or more, as many together as there is room for.

    >>> list(_alike([3, 1, 2, 3, 0], 384))
    [[2], [0, 3]]
    """
    for size in sorted({size for size in sizes if size > 1}):
        members = [i for i, own in enumerate(sizes) if own == size]
        together = max(1, ROOM // (size * max(size, dimension)))
        yield from (members[start : start + together] for start in range(0, len(members), together))
