"""Multi-query: several queries in place of one, searched for one by one and fused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from rankify import registry
from rankify.errors import Misuse
from rankify.llm.protocol import LLM
from rankify.prompts.template import template
from rankify.retrieve.expansion import Expansion
from rankify.stages import Retriever
from rankify.types import Query, Ranking, Run

ITEM = re.compile(r"\s*(?:\(?\d+[.):]\)?|[-*\u2022])\s+(.*)")
QUOTES = "\"'`\u201c\u201d\u2018\u2019*_ \t"


class MultiQuery(Expansion):
    """Searches for the query and for several others that a language model wrote in its place, and fuses what they find.

    RAG-Fusion, arXiv:2402.03367. One reply lists the queries, a line each. Where lines are numbered or have bullets,
    only those count. A query that says the same as another is left out. All are searched for together, and fused by
    reciprocal rank fusion.

    `multi-query(bm25, llm=LLM) % 100`.

    Args:
        retriever: what searches; any.
        llm: a language model's spec, or the backend.
        queries: how many are asked for, and used at most.
        fusion: the name of a fusion, with its options.
        depth: how many documents of each query are fused.
        own: whether the query itself is one of them.
        max_tokens: the most tokens of a reply.
        temperature, top_p, seed: how it is drawn, as for `hyde`; with temperature 0 it is the likeliest one.

    Raises:
        UnknownName: there is no such fusion.
        Misuse: an option out of range.
    """

    name: ClassVar[str] = "multi-query"

    def __init__(
        self, retriever: Retriever, llm: str | LLM, *, queries: int = 4, fusion: str = "rrf", depth: int = 1000,
        own: bool = True, max_tokens: int = 256, temperature: float = 0.0, top_p: float = 1.0, seed: int = 0,
    ) -> None:  # fmt: skip
        for option, value in (("queries", queries), ("depth", depth)):
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise Misuse(f"multi-query with {option}={value!r}: it is a whole number from 1 up")
        self._refuse_fusion(fusion)
        prompt = template("rag-fusion").told(queries=queries)
        super().__init__(retriever, llm, prompt, max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed)
        self.queries, self.fusion, self.depth, self.own = queries, fusion, depth, own

    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        replies = self.written(queries, rewritings)
        asked = [self._asked(query.text, own[0] if own else []) for query, own in zip(queries, replies, strict=True)]
        self._counted["queries"] = sum(map(len, asked))
        deep = max(k, self.depth)
        flat = [(place, text) for place, texts in enumerate(asked) for text in texts]
        every = self.retriever.retrieve([Query(str(i), text) for i, (_, text) in enumerate(flat)], deep)
        self.searching(self.retriever.counts())
        lists: list[list[Ranking]] = [[] for _ in queries]
        for (place, _), found in zip(flat, every, strict=True):
            lists[place].append(Ranking(queries[place], found.documents, found.scores))
        runs = [Run(own[i] for own in lists if i < len(own)) for i in range(max(map(len, lists), default=0))]
        return self._fused(queries, runs, deep, k)

    def _refuse_fusion(self, fusion: str) -> None:
        """Raises what is wrong with a fusion, which has to take as many runs as replies have queries."""
        try:
            for parts in (1, 2):
                registry.load("fusion", fusion, *[Run(())] * parts)
        except Misuse as error:
            raise Misuse(f"multi-query with fusion={fusion}, which has to take any number of runs: {error}") from None

    def _fused(self, queries: Sequence[Query], runs: Sequence[Run], deep: int, k: int) -> Run:
        """The lists of each query as one, in the order of the queries."""
        if not runs:
            return Run(())
        fused: Any = registry.load("fusion", self.fusion, *runs, depth=deep)
        return Run(fused[query.id].head(k) for query in queries)

    def _asked(self, query: str, written: Sequence[str]) -> list[str]:
        """The texts to search for, one at least, no two of them the same but for case and blanks."""
        own = [query] if self.own or not written else []
        distinct: dict[str, str] = {}
        for text in (*own, *written):
            distinct.setdefault(" ".join(text.lower().split()), text)
        return list(distinct.values())[: len(own) + self.queries]


def rewritings(reply: str) -> list[str]:
    """The queries that a reply lists: of its lines those with numbers or bullets, or all where none has.

    >>> rewritings("Sure! Here are some:\\n1. cats of Rome\\n2) 'Roman cats'\\n\\n- cats")
    ['cats of Rome', 'Roman cats', 'cats']
    >>> rewritings("Sure:\\na b\\nc")
    ['a b', 'c']
    """
    lines = [line for line in reply.splitlines() if line.strip()]
    items = [found[1] for line in lines if (found := ITEM.fullmatch(line))]
    plain = [line for line in lines if not line.rstrip().endswith(":")]
    return [text for line in items or plain if (text := line.strip(QUOTES))]
