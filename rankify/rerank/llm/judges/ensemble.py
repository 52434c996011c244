"""Several models asked the same, their scores combined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import exp, isinf, isnan, log, nan
from typing import Literal, get_args

from rankify.errors import Misuse, UnknownName
from rankify.rerank.llm.judge import Judge, Judgment, Question
from rankify.rerank.llm.judges.composed import Composed, unread
from rankify.rerank.llm.judges.labels import Labels
from rankify.rerank.llm.judges.relevance import Relevance

By = Literal["mean", "rank", "vote"]
Scores = tuple[float, ...]


class Ensemble(Composed):
    """One score for each document from the scores of several judges; a judge whose reply cannot be read has no part.

    Args:
        judges: who is asked, each with a model of its own.
        by: mean (of the scores; of log-probabilities of labels among each other), rank (of equal ranks the middle one;
            the mean over the judges), or vote (how many judges have a document best; equal votes by mean rank).
            Documents that are shown alone have the mean.

    Raises:
        UnknownName: there is no such way to combine.
        Misuse: scores of different models do not compare.
    """

    def __init__(self, judges: Sequence[Judge], *, by: By = "mean") -> None:
        super().__init__(judges)
        if by not in get_args(By):
            raise UnknownName.among("way to combine the scores of several models", by, get_args(By))
        if by == "mean" and any(map(_scaleless, judges)):
            raise Misuse(
                "by=mean: what this method reads has another scale for every model; combine by=rank, or fuse the "
                "rankings of each where documents are judged alone"
            )
        self.by, self.calls = by, sum(judge.calls for judge in judges)

    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        said = [self.ask(judge, questions) for judge in self.parts]
        return [
            Judgment(self._combined(judgments), sum((j.counts for j in judgments), Counter[str]()))
            for judgments in zip(*said, strict=True)
        ]

    def _combined(self, judgments: Sequence[Judgment]) -> Scores:
        n = len(judgments[0].scores)
        read = [
            log_shares(judgment.scores) if isinstance(judge, Labels) else judgment.scores
            for judge, judgment in zip(self.parts, judgments, strict=True)
            if not unread(judgment, judge) and not any(map(isnan, judgment.scores))
        ]
        if not read:
            return (0.0,) * n if n > 1 else (nan,)
        if self.by == "mean" or n == 1:
            return means(read)
        mean_ranks = means([ranks(scores) for scores in read])
        if self.by == "rank":
            return tuple(-rank for rank in mean_ranks)
        keys = list(zip(means([votes(scores) for scores in read]), (-rank for rank in mean_ranks), strict=True))
        return tuple(float(sum(other < key for other in keys)) for key in keys)


def means(several: Sequence[Scores]) -> Scores:
    """The mean score of each document.

    >>> means([(1.0, 0.0), (0.5, 1.0)])
    (0.75, 0.5)
    """
    return tuple(sum(scores) / len(several) for scores in zip(*several, strict=True))


def ranks(scores: Scores) -> Scores:
    """The rank of each document, the best 1.

    >>> ranks((0.5, 2.0, 0.5))
    (2.5, 1.0, 2.5)
    """
    return tuple(
        1.0 + sum(other > own for other in scores) + 0.5 * (sum(other == own for other in scores) - 1) for own in scores
    )


def votes(scores: Scores) -> Scores:
    """A vote for the best, divided where several are.

    >>> votes((2.0, 0.5, 2.0))
    (0.5, 0.0, 0.5)
    """
    best = max(scores)
    return tuple(float(score == best) / scores.count(best) for score in scores)


def log_shares(logits: Scores) -> Scores:
    """The logarithms of probabilities among each other, of logits up to a constant; at least one is finite."""
    most = max(logits)
    total = most + log(sum(exp(value - most) for value in logits if not isinf(value)))
    return tuple(value - total for value in logits)


def _scaleless(judge: Judge) -> bool:
    """Whether the scores of documents shown alone are raw logits, or attention, whose scale is the model's own."""
    if isinstance(judge, Composed):
        return False
    return judge.reading == "logit" if isinstance(judge, Relevance) else judge.needs == "attend"
