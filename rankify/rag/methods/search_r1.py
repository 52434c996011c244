"""Models that were trained to search while they think, between tags: Search-R1 and its kin."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator
from typing import Any

from rankify.documents import Document
from rankify.llm.protocol import LLM
from rankify.prompts.template import template
from rankify.prompts.texts import Neutral, harmless, passage
from rankify.rag.answers import read
from rankify.rag.flow import Flow, Found, Request, Write, searched, shows, written
from rankify.rag.method import method
from rankify.rag.reader import Plan
from rankify.rag.transcript import Step, Transcript
from rankify.stages import positive
from rankify.types import Ranking

ACTION = re.compile(r"<(search|answer)>((?:(?!<(?:search|answer)>).)*?)(?:</\1>|$)", re.DOTALL)
MADE_UP = re.compile(r"</?information>", re.IGNORECASE)
# what the checkpoints were trained with: search_r1/llm_agent/generation.py, Apache-2.0
INFORMATION = ("\n\n<information>", "</information>\n\n")
INVALID = (
    "\nMy previous action is invalid. If I want to search, I should put the query between <search> and </search>. If I "
    "want to give the final answer, I should put the answer between <answer> and </answer>. Let me try again.\n"
)


@method(paper="Search-R1, arXiv:2503.09516")
def search_r1(llm: LLM, *, steps: int = 5, max_tokens: int = 500, prompt: str = "search-r1") -> Plan:
    """Thinks, and searches between `<search>` tags as often as it likes, until it answers between `<answer>` tags.

    What was found comes back between `<information>` tags, cut as documents of a prompt are, and the model goes on from
    there. What it makes up behind such a tag of its own is never read. A reply with neither a query nor an answer is
    told so in the words of the training, and counted as unreadable; an answer of nothing ends it, and is counted so,
    too. After `steps` turns it may write once more, and what it answers then counts; without an answer the text is
    empty, and counted as unanswered. Numbers of documents begin anew with each search, so that none is cited.

    Args:
        steps: how many times it may search.
        max_tokens: the most tokens of what it writes between two searches.
        prompt: another prompt file.
    """
    asks = template(prompt)
    positive(steps)

    def flow(ranking: Ranking) -> Flow:
        so_far, counts, seen = Transcript(), Counter[str](), dict[str, Document]()
        for step in range(steps + 1):
            request = Write(template=asks, begins=so_far, max_tokens=max_tokens, stop=("</search>", "</answer>"))
            reply = yield from written(request)
            wrote = MADE_UP.split(reply.whole[0])[0]
            action = list(ACTION.finditer(wrote))
            does, what = (action[-1][1], action[-1][2].strip()) if action else ("", "")
            if does == "answer":
                text, unread = read(what)
                reasoning, shown = str(so_far + wrote), list(seen.values())
                return Found(text=text, reasoning=reasoning, shown=shown, cites="", counts=+counts + unread)
            counts["unreadable"] += not what
            if step == steps:
                so_far += wrote
            elif what:
                counts["steps"] += 1
                documents, told = yield from _found(what, asks.neutral, llm)
                seen |= {document.id: document for document in documents}
                begins, ends = INFORMATION
                so_far += Step(f"{wrote}</search>{begins}", told, ends)
            else:
                so_far += wrote + INVALID
        counts["unanswered"] = 1
        return Found(text="", reasoning=str(so_far), shown=list(seen.values()), cites="", counts=+counts)

    return Plan(answering=flow, searches=True, reads_first=False)


def _found(query: str, neutral: Neutral, llm: LLM) -> Generator[list[Request], list[Any], tuple[list[Document], str]]:
    """The documents about a query, as the training showed them; nothing in them can act as a tag."""
    [ranking] = yield from searched([query])
    shown = yield from shows([passage(document, "(Title: {title}) {text}") for document in ranking.documents])
    texts = [harmless(text, neutral, llm.special) for _, text in shown]
    told = "".join(f"Doc {n}{'' if t.startswith('(Title: ') else ' '}{t}\n" for n, t in enumerate(texts, 1)).strip()
    return [ranking.documents[rank] for rank, _ in shown], told
