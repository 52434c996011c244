"""Whether a document is relevant, as the model writes it: yes or no."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import isnan, nan
from typing import ClassVar

from rankify.llm.protocol import LLM, Method
from rankify.llm.thoughts import without_thinking
from rankify.prompts.template import Template
from rankify.rerank.llm.asking import Asking
from rankify.rerank.llm.judge import Judge, Judgment, Question, taken

SLACK = 4  # tokens beyond the answer: an end of turn, a full stop, a blank


class YesNo(Judge):
    """1 where the reply has "yes" in it, else 0 where it has "no"; else it is unreadable, and the score NaN.

    Words count wherever they stand, as EcoRank reads them (arXiv:2402.10866).
    """

    needs: ClassVar[Method] = "generate"

    def __init__(self, llm: LLM, template: Template) -> None:
        self.llm, self.template = llm, template
        self.asking = Asking(llm, template)

    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        most = [self.llm.reply_tokens("yes") + SLACK] * len(questions)
        prompts, counts = self.asking.prompts(questions, most)
        replies = self.llm.generate(prompts, max_tokens=most)
        scores = [relevance(reply.value) for reply in replies]
        return [
            Judgment((score,), counted + taken(reply) + Counter(unreadable=int(isnan(score))))
            for score, reply, counted in zip(scores, replies, counts, strict=True)
        ]


def relevance(reply: str) -> float:
    """1 for yes, 0 for no, NaN where a reply says neither.

    >>> relevance("Yes."), relevance(" no, it is not"), relevance("perhaps")
    (1.0, 0.0, nan)
    """
    text = without_thinking(reply).lower()
    return 1.0 if "yes" in text else 0.0 if "no" in text else nan
