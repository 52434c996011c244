"""Pairwise ranking prompting: which of two documents, asked in both orders (arXiv:2306.17563)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import isinf
from typing import Any, ClassVar

from rankify.llm.protocol import LLM, Method, Reply
from rankify.prompts.template import Template
from rankify.rerank.llm.asking import Asking
from rankify.rerank.llm.judge import Judge, Judgment, Question, needs_beginning, taken
from rankify.rerank.llm.judges.replies import answer, label
from rankify.rerank.llm.judges.thinking import thinking_costs


class Pair(Judge):
    """(1, 0) or (0, 1) where both orders agree, (.5, .5) where they do not or a reply cannot be read.

    Generation: the model writes an identifier. Likelihood (section 3.1, "scoring mode"): the more likely identifier is
    the model's answer.

    Args:
        reasoning_tokens: tokens for a think block before the answer.
    """

    needs: ClassVar[Method] = "generate"
    calls = 2

    def __init__(self, llm: LLM, template: Template, *, reasoning_tokens: int = 0) -> None:
        self.llm, self.template, self.reasoning_tokens = llm, template, reasoning_tokens
        self.asking = Asking(llm, template)

    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        both = [Question(q.query, list(d)) for q in questions for d in (q.documents, q.documents[::-1])]
        prompts, counts = self.asking.prompts(both, [self.reply_tokens()] * len(both))
        replies = self._replies(prompts)
        costs = thinking_costs(self.llm, replies, thinks=self.reasoning_tokens > 0)
        counts = [counted + cost for counted, cost in zip(counts, costs, strict=True)]
        preferred = [self._preferred(reply) for reply in replies]
        took = [
            counted + taken(reply) + Counter(unreadable=int(first is None))
            for counted, reply, first in zip(counts, replies, preferred, strict=True)
        ]
        pairs = zip(preferred[::2], preferred[1::2], took[::2], took[1::2], strict=True)
        return [Judgment(_agreed(one, other), a + b) for one, other, a, b in pairs]

    def reply_tokens(self) -> int:
        """The tokens of an identifier, with room for an end of turn, and of a think block before it."""
        return self.llm.reply_tokens(self.template.identifiers(1)[0]) + 2 + self.reasoning_tokens

    def _replies(self, prompts: Sequence[Any]) -> Sequence[Reply[Any]]:
        return self.llm.generate(prompts, max_tokens=[self.reply_tokens()] * len(prompts))

    def _preferred(self, reply: Reply[Any]) -> int | None:
        """0 or 1: which of the two shown a reply prefers; None where it cannot be read."""
        return label(answer(reply, thinks=self.reasoning_tokens > 0), self.template.identifiers(2))


class PairLikelihood(Pair):
    """The same by the likelihoods of the two labels.

    Args:
        label: what stands for a passage as the next token, with {letter} in it.
    """

    needs: ClassVar[Method] = "choose"

    def __init__(self, llm: LLM, template: Template, *, label: str = " {letter}") -> None:
        super().__init__(llm, template)
        self.label = label
        needs_beginning(llm, template)

    def _replies(self, prompts: Sequence[Any]) -> Sequence[Reply[Any]]:
        return self.llm.choose(prompts, [[self.label.format(letter=letter) for letter in "AB"]] * len(prompts))

    def _preferred(self, reply: Reply[Any]) -> int | None:
        first, second = reply.value
        return None if isinf(first) and isinf(second) else int(second > first)


def _agreed(one: int | None, other: int | None) -> tuple[float, float]:
    """What two answers say together; `other` was asked with the documents the other way round."""
    if one is None or other is None or one == other:
        return 0.5, 0.5
    return (1.0, 0.0) if one == 0 else (0.0, 1.0)
