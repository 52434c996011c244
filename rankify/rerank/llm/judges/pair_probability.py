"""How likely the first of two documents is the more relevant one: duoT5, arXiv:2101.05667."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import exp, isinf
from typing import ClassVar

from rankify.llm.protocol import LLM, Method
from rankify.prompts.template import Template
from rankify.rerank.llm.asking import Asking
from rankify.rerank.llm.judge import Judge, Judgment, Question, needs_beginning, taken
from rankify.rerank.llm.judges.relevance import spelled

Said = tuple[float, float]


class PairProbability(Judge):
    """(p, 1 - p), where p is the probability of the prompt's first choice against its second: of true against false.

    Args:
        both: each question is asked in both orders, and the scores are p of either document when it is shown first,
            which a sort compares (arXiv:2310.09497's code).
        asking: how prompts are made; as the template says if not given.
    """

    needs: ClassVar[Method] = "choose"

    def __init__(self, llm: LLM, template: Template, *, both: bool = False, asking: Asking | None = None) -> None:
        self.llm, self.template, self.both, self.calls = llm, template, both, 2 if both else 1
        self.choices = spelled(llm, template.choices or {})
        self.asking = asking or Asking(llm, template)
        needs_beginning(llm, template)

    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        orders = [slice(None), slice(None, None, -1)][: self.calls]
        shown = [Question(q.query, list(q.documents)[order]) for q in questions for order in orders]
        prompts, counts = self.asking.prompts(shown, [1] * len(shown))
        replies = self.llm.choose(prompts, [self.choices] * len(prompts))
        said = [probabilities(*reply.value) for reply in replies]
        took = [counted + taken(reply) + _defects(reply.value) for reply, counted in zip(replies, counts, strict=True)]
        if not self.both:
            return [Judgment(own, counted) for own, counted in zip(said, took, strict=True)]
        pairs = zip(said[::2], said[1::2], took[::2], took[1::2], strict=True)
        return [Judgment((one, other), a + b) for (one, _), (other, _), a, b in pairs]


def probabilities(first: float, second: float) -> Said:
    """The probabilities of two choices among each other, by their logits; halves where neither was seen.

    Each is exact to the last digit, also the one near 0, whose logarithm may be wanted.

    >>> probabilities(2.0, 2.0), probabilities(-100.0, 0.0)[0] == exp(-100)
    ((0.5, 0.5), True)
    """
    if isinf(first) and isinf(second):
        return 0.5, 0.5
    small = exp(-abs(first - second))
    likely, unlikely = 1 / (1 + small), small / (1 + small)
    return (likely, unlikely) if first >= second else (unlikely, likely)


def _defects(logits: Sequence[float]) -> Counter[str]:
    """Choices that the backend did not show: both make a reply unreadable, one makes it repaired."""
    missing = sum(map(isinf, logits))
    if missing == len(logits):
        return Counter(unreadable=1)
    return Counter(repaired=1, missing_choices=1) if missing else Counter()
