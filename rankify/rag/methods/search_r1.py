"""Models that were trained to search while they think, between tags: Search-R1 and its kin."""

from __future__ import annotations

import re
from collections import Counter

from rankify.documents import Document
from rankify.llm.protocol import LLM
from rankify.prompts.template import template
from rankify.prompts.texts import Neutral, harmless, passage
from rankify.rag.flow import Flow, Found, Write, searched, written
from rankify.rag.method import method
from rankify.rag.reader import Plan
from rankify.stages import positive
from rankify.types import Ranking

ACTION = re.compile(r"<(search|answer)>(.*?)(?:</\1>|$)", re.DOTALL)
TAGS: Neutral = ((re.compile(r"<(/?(?:search|information|answer|think))>", re.IGNORECASE), r"< \1 >"),)
# what the checkpoints were trained with: search_r1/llm_agent/generation.py, Apache-2.0
INFORMATION = "\n\n<information>{}</information>\n\n"
INVALID = (
    "\nMy previous action is invalid. If I want to search, I should put the query between <search> and </search>. If I "
    "want to give the final answer, I should put the answer between <answer> and </answer>. Let me try again.\n"
)


@method(paper="Search-R1, arXiv:2503.09516")
def search_r1(llm: LLM, *, steps: int = 5, max_tokens: int = 500, prompt: str = "search-r1") -> Plan:
    """Thinks, and searches between `<search>` tags as often as it likes, until it answers between `<answer>` tags.

    What was found comes back between `<information>` tags, and the model goes on from there. A reply with neither is
    told so in the words of the training, and counted as unreadable. After `steps` turns it may write once more, and
    what it answers then counts; without an answer the text is empty, and counted as unanswered.

    Args:
        steps: how many times it may search.
        max_tokens: the most tokens of what it writes between two searches.
        prompt: another prompt file.
    """
    asks = template(prompt)
    positive(steps)

    def flow(ranking: Ranking) -> Flow:
        so_far, counts, seen = "", Counter[str](), dict[str, Document]()
        for step in range(steps + 1):
            request = Write(
                template=asks, begins=so_far, max_tokens=max_tokens, stop=("</search>", "</answer>"),
            )  # fmt: skip
            reply = yield from written(request)
            so_far += reply.whole[0]
            action = list(ACTION.finditer(reply.whole[0]))
            does, what = (action[-1][1], action[-1][2].strip()) if action else ("", "")
            if does == "answer":
                return Found(text=what, reasoning=so_far, shown=list(seen.values()), counts=+counts)
            if step == steps:
                break
            counts["unreadable"] += not what
            if what:
                counts["steps"] += 1
                [found] = yield from searched([what])
                seen |= {document.id: document for document in found.documents}
                so_far += "</search>" + INFORMATION.format(_told(found, llm))
            else:
                so_far += INVALID
        counts["unanswered"] = 1
        return Found(text="", reasoning=so_far, shown=list(seen.values()), counts=+counts)

    return Plan(answering=flow, searches=True, reads_first=False)


def _told(found: Ranking, llm: LLM) -> str:
    """Documents as the training showed them; nothing in them can act as a tag."""
    texts = [harmless(passage(d, "(Title: {title}) {text}"), TAGS, llm.special) for d in found.documents]
    return "".join(f"Doc {n}{'' if t.startswith('(Title: ') else ' '}{t}\n" for n, t in enumerate(texts, 1)).strip()
