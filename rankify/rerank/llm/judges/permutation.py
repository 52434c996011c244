"""Listwise generation: the model writes the identifiers, best first (RankGPT, arXiv:2304.09542)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rankify.llm.protocol import LLM, Method
from rankify.llm.thoughts import without_thinking
from rankify.prompts.template import Template
from rankify.rerank.llm.asking import Asking
from rankify.rerank.llm.judge import Judge, Judgment, Question, taken
from rankify.rerank.llm.judges.replies import begins, permutation
from rankify.rerank.llm.judges.thinking import thinking_costs
from rankify.rerank.llm.parts import Parts

SLACK = 4  # tokens beyond the ideal reply: an end of turn, a blank or two


class Permutation(Judge):
    """Scores n, ..., 1 in the order in which the reply names the documents; what it does not name follows as it stood.

    A template that is `worst_first` belongs to a model that was trained to write bare numbers, the best one last. A
    backend that judges by knowledge was trained on none: it writes the prompt's identifiers, the best first, and no
    limit in a published model's tokens holds for it.

    Args:
        reasoning_tokens: tokens for a think block before the answer, which is cut before the reply is read.
        most: the most tokens of a reply, as published; by default those of a whole answer and a few more.
    """

    needs: ClassVar[Method] = "generate"

    def __init__(self, llm: LLM, template: Template, *, reasoning_tokens: int = 0, most: int | None = None) -> None:
        self.llm, self.template, self.reasoning_tokens = llm, template, reasoning_tokens
        self.worst_first = template.worst_first and not llm.knowing
        self.most = None if most is None or llm.knowing else most
        self.asking = (Parts if template.parts else Asking)(llm, template)

    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        sizes = {n: self.reply_tokens(n) + self.reasoning_tokens for n in {len(q.documents) for q in questions}}
        most = [sizes[len(question.documents)] for question in questions]
        prompts, counts = self.asking.prompts(questions, most)
        replies = self.llm.generate(prompts, max_tokens=most)
        costs = thinking_costs(self.llm, replies, thinks=self.reasoning_tokens > 0)
        counts = [counted + cost for counted, cost in zip(counts, costs, strict=True)]
        judged = []
        for question, prompt, reply, counted in zip(questions, prompts, replies, counts, strict=True):
            names = self.names(len(question.documents))
            answer = without_thinking(prompt.prefill + reply.value)
            answer = " > ".join(reversed(answer.split())) if self.worst_first else answer
            if not reply.finished and not begins(answer, names):
                answer = ""  # cut off while it was still thinking aloud: what it weighs is no ranking
            order, defects = permutation(answer, names)
            judged.append(Judgment(_scores(order), counted + taken(reply) + defects))
        return judged

    def names(self, n: int) -> tuple[str, ...]:
        """What a reply calls n documents."""
        return tuple(str(i + 1) for i in range(n)) if self.worst_first else self.template.identifiers(n)

    def reply_tokens(self, n: int) -> int:
        """The most tokens of an answer about n documents."""
        if self.most is not None:
            return self.most
        return self.llm.reply_tokens(" > ".join(self.template.identifiers(n))) + SLACK


def _scores(order: Sequence[int]) -> tuple[float, ...]:
    """n for the document named first, down to 1."""
    scores = [0.0] * len(order)
    for rank, place in enumerate(order):
        scores[place] = float(len(order) - rank)
    return tuple(scores)
