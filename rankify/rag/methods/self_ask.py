"""Self-Ask: follow-up questions, each searched for and answered, until the question itself can be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rankify.documents import Document
from rankify.llm.protocol import LLM
from rankify.prompts.template import template
from rankify.rag.answers import bare, first_line, read
from rankify.rag.flow import Flow, Found, Write, Written, searched, written
from rankify.rag.method import method
from rankify.rag.reader import Plan
from rankify.rag.transcript import Transcript
from rankify.stages import positive
from rankify.types import Ranking

FINAL = "So the final answer is:"
FOLLOW, BETWEEN = "Follow up:", "Intermediate answer:"


@method(paper="Self-Ask, arXiv:2210.03350")
def self_ask(llm: LLM, *, steps: int = 5, max_tokens: int = 128, prompt: str = "self-ask") -> Plan:
    """Asks itself follow-up questions. Each is searched for, and answered from what was found for it.

    The model writes up to "Intermediate answer:"; the documents about its last follow-up question then stand in the
    prompt, and it writes on. It ends with "So the final answer is:"; after `steps` follow-up questions these words are
    put into its mouth. A reply that neither asks nor answers is counted as unreadable, and its answer is empty.

    Args:
        steps: how many follow-up questions it asks at most.
        max_tokens: the most tokens of what it writes between two searches.
        prompt: another prompt file, which shows documents and `so_far`.
    """
    asks = template(prompt)
    positive(steps)

    def writes(so_far: Transcript, shown: Sequence[Document], *more: str) -> Write:
        stop = (f"\n{BETWEEN}", "\nQuestion:", *more)
        return Write(template=asks, documents=shown, values={"so_far": so_far}, max_tokens=max_tokens, stop=stop)

    def flow(ranking: Ranking) -> Flow:
        so_far, shown = Transcript(), tuple[Document, ...]()
        for step in range(steps):
            reply = yield from written(writes(so_far, shown))
            wrote, asked = reply.replies[0].rstrip(), _follow_up(reply.text)
            if FINAL in reply.text or asked is None:
                return _found(f"{so_far}{wrote}", reply, step)
            so_far += f"{wrote}\n{BETWEEN}"
            [found] = yield from searched([asked])
            shown = tuple(found.documents)
        reply = yield from written(writes(so_far, shown, f"\n{FOLLOW}"))
        so_far += reply.replies[0].rstrip()
        if FINAL not in reply.text:
            so_far += f"\n{FINAL}"
            reply = yield from written(writes(so_far, shown))
            so_far += reply.replies[0].rstrip()
        return _found(str(so_far), reply, steps)

    return Plan(answering=flow, searches=True, reads_first=False)


def _found(so_far: str, last: Written, steps: int) -> Found:
    """What stands behind the words that end it, if they are there."""
    _, ended, behind = so_far.rpartition(FINAL)
    answer, counts = read(bare(first_line(behind)) if ended else "")
    counts += Counter(steps=steps)
    return Found(text=answer, reasoning=so_far.strip(), shown=last.shown, counts=counts)


def _follow_up(text: str) -> str | None:
    """The last follow-up question; None where there is none."""
    asked = re.findall(rf"{FOLLOW}\s*(\S[^\n]*)", text)
    return asked[-1].strip() if asked else None
