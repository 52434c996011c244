"""Listwise attention: what the model looks at when it answers tells the documents apart; nothing written is read."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import ClassVar

from rankify.llm.protocol import LLM, Method
from rankify.prompts.template import Template
from rankify.rerank.llm.judge import Judge, Judgment, Question, taken
from rankify.rerank.llm.parts import Parts


class Attention(Judge):
    """Scores are what the tokens of each document get, summed (LiT5-Score, arXiv:2312.16098, section 3.2).

    Args:
        most: the most tokens that the model writes meanwhile.
    """

    needs: ClassVar[Method] = "attend"

    def __init__(self, llm: LLM, template: Template, *, most: int) -> None:
        self.llm, self.template, self.most = llm, template, most
        self.asking = Parts(llm, template)

    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        prompts, counts = self.asking.prompts(questions, [self.most] * len(questions))
        replies = self.llm.attend(prompts, max_tokens=self.most)
        return [
            Judgment(tuple(map(fsum, reply.value)), counted + taken(reply))
            for reply, counted in zip(replies, counts, strict=True)
        ]
