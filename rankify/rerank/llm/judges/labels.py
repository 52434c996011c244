"""Label logits: all documents shown are scored at once by how likely their label is as the next token (FIRST)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import isinf
from typing import ClassVar

from rankify.llm.protocol import LLM, Method
from rankify.prompts.template import Template
from rankify.rerank.llm.asking import Asking
from rankify.rerank.llm.judge import Judge, Judgment, Question, needs_beginning, taken


class Labels(Judge):
    """Scores are the log-probabilities, up to a constant, of the labels as the next token.

    With FIRST's prompt, which puts "[" before the label, this is FIRST (arXiv:2406.15657); with setwise prompting's it
    is that paper's likelihood reading (arXiv:2310.09497, section 3.3).

    Args:
        label: what stands for a document as the next token, with {letter} or {number} in it.
        top: read only that many of the most likely tokens, as the published figures did over a server; labels that are
            not among them keep their order below the others. None reads every label.
    """

    needs: ClassVar[Method] = "choose"

    def __init__(self, llm: LLM, template: Template, *, label: str = "{letter}", top: int | None = None) -> None:
        self.llm, self.template, self.label, self.top = llm, template, label, top
        self.asking = Asking(llm, template)
        needs_beginning(llm, template)

    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        prompts, counts = self.asking.prompts(questions, [1] * len(questions))
        choices = [self.labels(len(question.documents)) for question in questions]
        replies = self.llm.choose(prompts, choices, top=self.top)
        return [
            Judgment(reply.value, counted + taken(reply) + _defects(reply.value))
            for reply, counted in zip(replies, counts, strict=True)
        ]

    def labels(self, n: int) -> list[str]:
        """The labels of n documents."""
        return [self.label.format(number=i + 1, letter=chr(65 + i)) for i in range(n)]


def _defects(scores: Sequence[float]) -> Counter[str]:
    """Labels that the backend did not show: all of them make a reply unreadable, some make it repaired."""
    missing = sum(isinf(score) for score in scores)
    if missing == len(scores):
        return Counter(unreadable=1)
    return Counter(repaired=1, missing_documents=1) if missing else Counter()
