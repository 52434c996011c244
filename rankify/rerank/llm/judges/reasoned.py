"""Listwise generation behind a think block: identifiers, best first, in answer tags where a prompt asks for them."""

from __future__ import annotations

from collections.abc import Sequence

from rankify.llm.protocol import LLM, Reply
from rankify.llm.thoughts import said
from rankify.prompts.template import Template
from rankify.rerank.llm.judge import Judgment, Question, taken
from rankify.rerank.llm.judges.permutation import Permutation
from rankify.rerank.llm.judges.replies import begins, permutation, unreadable
from rankify.rerank.llm.judges.thinking import asks_for_tags, room_to_think, thinking_costs

TAGS = 16  # tokens of the tags around an answer, and of what stands between the blocks


class Reasoned(Permutation):
    """Scores as `Permutation` gives them; what is wrong with the think block and the tags is counted, too.

    ReasonRank, arXiv:2508.07050; Rank-K, arXiv:2505.14432. The published reading takes the digits of a reply that has
    no answer, those of its thoughts too; here such a reply keeps the order.

    Args:
        reasoning_tokens: tokens for a think block before the answer; at most half of what the model reads.
    """

    def __init__(self, llm: LLM, template: Template, *, reasoning_tokens: int = 0) -> None:
        super().__init__(llm, template, reasoning_tokens=room_to_think(llm, reasoning_tokens))
        self.tagged = asks_for_tags(template)

    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        sizes = {n: self.reply_tokens(n) + TAGS + self.reasoning_tokens for n in {len(q.documents) for q in questions}}
        most = [sizes[len(question.documents)] for question in questions]
        prompts, counts = self.asking.prompts(questions, most)
        replies = self.llm.generate(prompts, max_tokens=most)
        costs = thinking_costs(self.llm, replies, thinks=self.reasoning_tokens > 0)
        judged = []
        for question, reply, counted, cost in zip(questions, replies, counts, costs, strict=True):
            read = self._read(reply, self.template.identifiers(len(question.documents)))
            judged.append(Judgment(read.scores, counted + taken(reply) + cost + read.counts))
        return judged

    def _read(self, reply: Reply[str], names: Sequence[str]) -> Judgment:
        """The scores that a reply gives, and what was wrong with it."""
        found = said(reply, thinks=self.reasoning_tokens > 0, tagged=self.tagged)
        cut_off = not reply.finished and not begins(found.answer, names)  # what it weighs aloud is no ranking
        order, defects = permutation("" if cut_off else found.answer, names)
        ranks = {place: rank for rank, place in enumerate(order)}
        scores = tuple(float(len(order) - ranks[place]) for place in range(len(order)))
        return Judgment(scores, unreadable(found.defects) if defects["unreadable"] else found.defects | defects)
