"""Rewriting: a language model says what should be searched for in place of what was asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rankify.errors import BadInput
from rankify.llm.protocol import LLM
from rankify.prompts.template import template
from rankify.prompts.texts import harmless
from rankify.retrieve.expansion import Expansion
from rankify.retrieve.multi_query import QUOTES
from rankify.stages import Retriever
from rankify.types import Query, Ranking, Run

LABEL = re.compile(r"(?:(?:re-?written|new|better|search|standalone)\s+)*(?:query|question)\s*:\s*", re.IGNORECASE)
WHO = {"user": "Human", "assistant": "Assistant"}


def rewritten(reply: str) -> str:
    """The one query that a reply gives: its first line, without a label or quotes.

    >>> rewritten('Standalone question: "Who wrote it?"\\n\\nBecause ...'), rewritten("\\n")
    ('Who wrote it?', '')
    """
    first = next((line.strip(QUOTES) for line in reply.splitlines() if line.strip(QUOTES)), "")
    label = LABEL.match(first)
    return (first[label.end() :] if label else first).strip(QUOTES)


class Rewrite(Expansion):
    """Searches for a better query, which a language model wrote in place of the question.

    Rewrite-retrieve-read, Ma et al., arXiv:2305.14283, with its prompt for a frozen model. The run has the question as
    it was asked, which is what the reader answers.

    `rewrite(bm25, llm=LLM) % 100`.

    Args:
        retriever: what searches; any.
        llm: a language model's spec, or the backend.
        max_tokens: the most tokens of a reply.
        temperature, top_p, seed: how it is drawn, as for `hyde`; with temperature 0 it is the likeliest one.

    Raises:
        Misuse: an option out of range.
    """

    name: ClassVar[str] = "rewrite"

    def __init__(
        self, retriever: Retriever, llm: str | LLM, *, max_tokens: int = 64, temperature: float = 0.0,
        top_p: float = 1.0, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(
            retriever, llm, template("rewrite-retrieve-read"), max_tokens=max_tokens, temperature=temperature,
            top_p=top_p, seed=seed,
        )  # fmt: skip

    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        found = self.written(queries, rewritten)
        texts = [own[0] if own else query.text for query, own in zip(queries, found, strict=True)]
        return self.searched(queries, texts, k)


class Standalone(Expansion):
    """Searches for what a question of a conversation means, which a language model says in one that stands alone.

    The conversation so far is the query's `metadata["history"]`: texts in turn, the first of them the user's, or
    messages {role: ..., content: ...}. Where it is too long for the model, the oldest turns are left out, and counted
    under `forgotten`. A query without a history is not asked about. The run has the new questions as its queries, since
    nobody behind it knows the conversation, and their metadata has no history any more.

    `standalone(bm25, llm=LLM) % 100`.

    Args:
        retriever: what searches; any.
        llm: a language model's spec, or the backend.
        max_tokens: the most tokens of a reply.
        temperature, top_p, seed: how it is drawn, as for `hyde`; with temperature 0 it is the likeliest one.

    Raises:
        BadInput: a query's history is none.
        Misuse: an option out of range.
    """

    name: ClassVar[str] = "standalone"

    def __init__(
        self, retriever: Retriever, llm: str | LLM, *, max_tokens: int = 128, temperature: float = 0.0,
        top_p: float = 1.0, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(
            retriever, llm, template("standalone"), max_tokens=max_tokens, temperature=temperature, top_p=top_p,
            seed=seed,
        )  # fmt: skip

    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        turns = [turns_of(query) for query in queries]
        asked = [place for place, own in enumerate(turns) if own and queries[place].text.strip()]
        told = [self._remembered(queries[place].text, turns[place]) for place in asked]
        values = [{"history": history} for history, _ in told]
        found = self.written([queries[place] for place in asked], rewritten, values=values)
        self._counted.update(kept=len(queries) - len(asked), forgotten=sum(lost for _, lost in told))
        texts = {place: own[0] for place, own in zip(asked, found, strict=True) if own}
        now = [_alone(query, texts[place]) if place in texts else query for place, query in enumerate(queries)]
        run = self.searched(now, [query.text for query in now], k)
        return Run(Ranking(query, r.documents, r.scores) for query, r in zip(now, run, strict=True))

    def _remembered(self, query: str, turns: Sequence[str]) -> tuple[str, int]:
        """As much of a conversation as the model can read, a line for each turn, and how many turns are left out."""
        clean = [harmless(turn, self.writer.template.neutral, self.llm.special) for turn in turns]
        lost = 0
        while lost < len(clean) - 1 and not self.writer.fits(query, {"history": "\n".join(clean[lost:])}):
            lost += 1
        return "\n".join(clean[lost:]), lost


def turns_of(query: Query) -> list[str]:
    """The turns of the conversation before a query, with who said them.

    >>> turns_of(Query("1", "And her sister?", {"history": ["Who is Ann?", "A singer."]}))
    ['Human: Who is Ann?', 'Assistant: A singer.']

    Raises:
        BadInput: the history is no list of texts or messages.
    """
    history = query.metadata.get("history") or []
    if not isinstance(history, Sequence) or isinstance(history, str):
        raise BadInput(f"query {query.id!r}: its history is {history!r:.60}; it is a list of texts or messages")
    return [_turn(query, number, turn) for number, turn in enumerate(history)]


def _turn(query: Query, number: int, turn: Any) -> str:
    if isinstance(turn, str):
        return f"{('Human', 'Assistant')[number % 2]}: {turn.strip()}"
    if isinstance(turn, Mapping) and isinstance(turn.get("role"), str) and isinstance(turn.get("content"), str):
        return f"{WHO.get(turn['role'], turn['role'])}: {turn['content'].strip()}"
    raise BadInput(f"query {query.id!r}: turn {number + 1} of its history is {turn!r:.60}; it is a text or a message")


def _alone(query: Query, text: str) -> Query:
    """The query as it can be understood alone."""
    return Query(query.id, text, {name: value for name, value in query.metadata.items() if name != "history"})
