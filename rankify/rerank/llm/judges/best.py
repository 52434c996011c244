"""Setwise generation: the model names the best of the documents shown (arXiv:2310.09497)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rankify.llm.protocol import LLM, Method, Reply
from rankify.llm.thoughts import said
from rankify.prompts.template import Template
from rankify.rerank.llm.asking import Asking
from rankify.rerank.llm.judge import Judge, Judgment, Question, taken
from rankify.rerank.llm.judges.replies import label, unreadable
from rankify.rerank.llm.judges.thinking import asks_for_tags, room_to_think, thinking_costs
from rankify.stages import positive

SEED = 929  # of the shuffles, as llm-rankers has it


@dataclass(frozen=True, slots=True)
class Show:
    """A question as it is shown once: places in the order of the prompt, and the label that each of them gets."""

    question: Question
    order: Sequence[int]
    labels: Sequence[int]


class Best(Judge):
    """Scores are votes: each reply gives its document one. An unreadable reply votes for none, so the order stays.

    Args:
        votes: how often each question is asked. One vote is asked in the present order. Several are asked with the
            documents shuffled and the labels too, so that no place and no letter is favoured (permutation voting); of
            documents with equally many votes a random one wins, as published.
        shuffled: the documents are shuffled for every vote, also for a single one, under labels that count up, as
            Rank-R1 has it (arXiv:2503.06034).
        reasoning_tokens: tokens for a think block before the answer; at most half of what the model reads.
    """

    needs: ClassVar[Method] = "generate"

    def __init__(
        self, llm: LLM, template: Template, *, votes: int = 1, shuffled: bool = False, reasoning_tokens: int = 0
    ) -> None:
        self.llm, self.template, self.calls, self.shuffled = llm, template, positive(votes), shuffled
        self.reasoning_tokens = room_to_think(llm, reasoning_tokens)
        self.tagged = asks_for_tags(template)
        self.asking = Asking(llm, template)

    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        shows = [show for question in questions for show in self._shows(question)]
        most = [self.reply_tokens()] * len(shows)
        prompts, counts = self.asking.prompts([show.question for show in shows], most)
        replies = self.llm.generate(prompts, max_tokens=most)
        read = [self._vote(reply, show) for reply, show in zip(replies, shows, strict=True)]
        votes = [vote for vote, _ in read]
        costs = thinking_costs(self.llm, replies, thinks=self.reasoning_tokens > 0)
        took = [
            counted + taken(reply) + cost + defects
            for counted, reply, cost, (_, defects) in zip(counts, replies, costs, read, strict=True)
        ]
        return [
            self._judged(question, votes[start : start + self.calls], sum(took[start : start + self.calls], Counter()))
            for question, start in zip(questions, range(0, len(votes), self.calls), strict=True)
        ]

    def reply_tokens(self) -> int:
        """The tokens of an identifier, with room for an end of turn, and of a think block before it."""
        identifier = self.template.identifiers(1)[0]
        answer = f"<answer> {identifier} </answer>\n\n" if self.tagged else identifier
        return self.llm.reply_tokens(answer) + 2 + self.reasoning_tokens

    def _shows(self, question: Question) -> list[Show]:
        """The ways in which a question's documents are shown; the same for the same query and documents."""
        present = list(range(len(question.documents)))
        if self.calls == 1 and not self.shuffled:
            return [Show(question, present, present)]
        rng, shows = _random(question), []
        for _ in range(self.calls):
            order = rng.sample(present, len(present))
            labels = present if self.shuffled else rng.sample(present, len(present))
            shown = Question(question.query, [question.documents[place] for place in order], labels)
            shows.append(Show(shown, order, labels))
        return shows

    def _vote(self, reply: Reply[str], show: Show) -> tuple[int | None, Counter[str]]:
        """The place of the document that a reply names, None where it names none, and what was wrong with it."""
        found = said(reply, thinks=self.reasoning_tokens > 0, tagged=self.tagged)
        named = label(found.answer, self.template.identifiers(len(show.order)))
        if named is None:
            return None, unreadable(found.defects)
        return show.order[show.labels.index(named)], found.defects

    def _judged(self, question: Question, votes: Sequence[int | None], took: Counter[str]) -> Judgment:
        """One point a vote, and half a point more for the one among equals that chance picks."""
        counted = Counter(vote for vote in votes if vote is not None)
        scores = [float(counted[place]) for place in range(len(question.documents))]
        best = [place for place, score in enumerate(scores) if counted and score == max(scores)]
        if len(best) > 1:
            scores[_random(question).choice(best)] += 0.5
        return Judgment(tuple(scores), took)


def _random(question: Question) -> random.Random:
    return random.Random(f"{SEED} {question.query.id} {[d.id for d in question.documents]}")  # noqa: S311
