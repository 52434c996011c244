"""Texts that a language model writes about queries: prompts that fit, all asked together, replies read and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rankify.errors import BadInput, Misuse
from rankify.llm.prices import Prices
from rankify.llm.protocol import LLM, Prompt, Reply, Shown
from rankify.llm.sampling import Sampling, seed_of
from rankify.prompts.template import Template
from rankify.prompts.texts import harmless
from rankify.types import Query

Read = Callable[[str], Any]  # from what a reply says to what is wanted of it; nothing (empty) where it is unreadable


class Writer:
    """Asks a model to write about queries, by one prompt.

    Args:
        llm: a backend that writes.
        template: the prompt, which shows a query and no document.
        max_tokens: the most tokens of a reply.
        temperature, top_p: as for `Sampling`; temperature 0 takes the likeliest reply.
        seed: of all replies' random numbers. Those of a reply depend on the query's text and on which of its replies it
            is, and not on the other queries.

    Raises:
        Misuse: the backend writes nothing, or a number is out of range.
    """

    def __init__(
        self, llm: LLM, template: Template, *, max_tokens: int, temperature: float, top_p: float, seed: int
    ) -> None:
        if "generate" not in llm.offers:
            raise Misuse(f"{llm!r} writes no text, which prompt {template.name!r} asks for; choose another backend")
        if not isinstance(max_tokens, int) or isinstance(max_tokens, bool) or max_tokens < 1:
            raise Misuse(f"max_tokens={max_tokens!r}: it is a whole number from 1 up")
        if temperature or top_p != 1:
            Sampling(temperature, top_p, seed)
        self.llm, self.template, self.max_tokens = llm, template, max_tokens
        self.temperature, self.top_p, self.seed = temperature, top_p, seed
        self.counted: Counter[str] = Counter()

    def write(
        self, queries: Sequence[Query], read: Read, *, each: int = 1, values: Sequence[Mapping[str, Any]] = ()
    ) -> list[list[Any]]:
        """What was read of the replies about each query: `each` of them, less those that are unreadable.

        Args:
            read: from what a reply says to what is wanted of it.
            values: for each query, what the prompt says besides.
        """
        self.counted, before = Counter(), self.llm.passes
        told = values or [{}] * len(queries)
        prompts = [self._fitting(query, more) for query, more in zip(queries, told, strict=True)]
        asked = [prompt for prompt in prompts for _ in range(each)]
        replies = self.llm.generate(asked, max_tokens=self.max_tokens, **self._drawn(queries, each)) if asked else []
        found = [read(said(reply.value, self.template.stop)) for reply in replies]
        for reply, one in zip(replies, found, strict=True):
            self._count(reply, readable=bool(one))
        self.counted["passes"] = self.llm.passes - before
        return [[one for one in found[i * each : (i + 1) * each] if one] for i in range(len(queries))]

    def counts(self) -> dict[str, float]:
        """What the last texts took, as rerankers count it: replies asked for and unreadable, tokens, passes, dollars.

        `truncated` are queries that were cut to fit the model, `unfinished` replies that were cut at their most tokens.
        """
        names = ("asked", "unreadable", "truncated", "unfinished", "prompt_tokens", "generated_tokens")
        prices, tokens = Prices.load(), [int(self.counted[name]) for name in names[-2:]]
        priced = {"cost": prices.cost(self.llm.model, *tokens)} if prices.priced(self.llm.model) else {}
        return {**dict.fromkeys(names, 0.0), **self.counted, **priced}

    def fits(self, query: str, values: Mapping[str, Any]) -> bool:
        """Whether the prompt about a query leaves room for its reply."""
        return self._excess(self._prompt("", query, values)) <= 0

    def _drawn(self, queries: Sequence[Query], each: int) -> dict[str, Any]:
        """The option that says how replies are drawn; none where they are not."""
        if not self.temperature:
            return {}
        seeds = [seed_of(self.seed, query.text, number) for query in queries for number in range(each)]
        return {"sampling": [Sampling(self.temperature, self.top_p, seed) for seed in seeds]}

    def _count(self, reply: Reply[str], *, readable: bool) -> None:
        self.counted.update(asked=1, unreadable=int(not readable), unfinished=int(not reply.finished))
        if reply.cached:
            self.counted.update(cached=1)
            return
        self.counted.update(prompt_tokens=reply.prompt_tokens, generated_tokens=reply.generated_tokens)
        extra = Counter(reasoning_tokens=reply.reasoning_tokens, estimated=int(reply.estimated))
        self.counted.update(+extra)

    def _prompt(self, id: str, query: str, values: Mapping[str, Any]) -> Prompt:
        shown = Shown(id, (), (), self.template.reads)
        return self.template.told(**values).render(harmless(query, self.template.neutral, self.llm.special), (), shown)

    def _fitting(self, query: Query, values: Mapping[str, Any]) -> Prompt:
        """The prompt about a query, which loses its end where the model could not read it all.

        Raises:
            BadInput: the prompt is too long even without the query.
        """
        text = query.text.strip()
        prompt = self._prompt(query.id, text, values)
        tokens = self.llm.tokens([text])[0] if (excess := self._excess(prompt)) > 0 else 0
        self.counted["truncated"] += int(excess > 0)
        while excess > 0:
            if tokens < 1:
                raise BadInput(
                    f"query {query.id!r}: prompt {self.template.name!r} is {excess:,} tokens too long for {self.llm!r} "
                    "even without the query; choose another model"
                )
            tokens = max(0, tokens - excess)
            text = self.llm.cut([text], tokens)[0] if tokens else ""
            prompt = self._prompt(query.id, text, values)
            excess = self._excess(prompt)
        return prompt

    def _excess(self, prompt: Prompt) -> int:
        """How many tokens a prompt is too long; half of what a model reads is kept for a long reply at most."""
        if self.llm.context is None:
            return 0
        room = self.llm.context - min(self.max_tokens, self.llm.context // 2)
        return self.llm.prompt_tokens([prompt])[0] - room


def said(reply: str, stop: str = "") -> str:
    """What a reply says before its end, without the thoughts before it; nothing where it only thinks.

    >>> said("<think>hm</think> A cat.** Q: b", "**"), said("<think>hm"), said(" A cat. ")
    ('A cat.', '', 'A cat.')
    """
    before, ended, answer = reply.rpartition("</think>")
    text = answer if ended else before + answer
    if not ended and "<think>" in text:
        return ""
    return (text.lstrip().split(stop)[0] if stop else text).strip()
