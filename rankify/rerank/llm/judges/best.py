"""Setwise generation: the model names the best of the documents shown (arXiv:2310.09497)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from rankify.llm.protocol import LLM, Method
from rankify.prompts.template import Template
from rankify.rerank.llm.asking import Asking
from rankify.rerank.llm.judge import Judge, Judgment, Question, taken
from rankify.rerank.llm.judges.replies import label, without_thinking
from rankify.stages import positive

SEED = 929  # of the shuffles, as llm-rankers has it


class Best(Judge):
    """Scores are votes: each reply gives its document one. An unreadable reply votes for none, so the order stays.

    Args:
        votes: how often each question is asked. The first time in the present order, then shuffled, so that no place
            in the prompt is favoured (permutation voting); equal votes go to the document that stands higher.
        reasoning_tokens: tokens for a think block before the answer.
    """

    needs: ClassVar[Method] = "generate"

    def __init__(self, llm: LLM, template: Template, *, votes: int = 1, reasoning_tokens: int = 0) -> None:
        self.llm, self.template, self.calls, self.reasoning_tokens = llm, template, positive(votes), reasoning_tokens
        self.asking = Asking(llm, template)

    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        orders = [order for question in questions for order in self._orders(question)]
        repeated = [question for question in questions for _ in range(self.calls)]
        shown = [Question(q.query, [q.documents[i] for i in order]) for q, order in zip(repeated, orders, strict=True)]
        most = self.reply_tokens() + self.reasoning_tokens
        prompts, counts = self.asking.prompts(shown, most)
        replies = self.llm.generate(prompts, max_tokens=most)
        votes = [self._vote(reply.value, order) for reply, order in zip(replies, orders, strict=True)]
        took = [
            counted + taken(reply) + Counter(unreadable=int(vote is None))
            for counted, reply, vote in zip(counts, replies, votes, strict=True)
        ]
        return [
            _counted(len(question.documents), votes[start : start + self.calls], took[start : start + self.calls])
            for question, start in zip(questions, range(0, len(votes), self.calls), strict=True)
        ]

    def reply_tokens(self) -> int:
        """The tokens of an identifier, with room for an end of turn."""
        return self.llm.reply_tokens(self.template.identifiers(1)[0]) + 2

    def _orders(self, question: Question) -> list[list[int]]:
        """The orders in which a question's documents are shown; the same for the same query and documents."""
        present = list(range(len(question.documents)))
        rng = random.Random(f"{SEED} {question.query.id} {[d.id for d in question.documents]}")  # noqa: S311
        return [present, *(rng.sample(present, len(present)) for _ in range(self.calls - 1))]

    def _vote(self, reply: str, order: Sequence[int]) -> int | None:
        place = label(without_thinking(reply), self.template.identifiers(len(order)))
        return None if place is None else order[place]


def _counted(n: int, votes: Sequence[int | None], took: Sequence[Counter[str]]) -> Judgment:
    counted = Counter(votes)
    return Judgment(tuple(float(counted[place]) for place in range(n)), sum(took, Counter()))
