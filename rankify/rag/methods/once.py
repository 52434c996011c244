"""Methods that ask once: from the question alone, or from documents."""

from __future__ import annotations

from rankify.llm.protocol import LLM
from rankify.prompts.template import template
from rankify.rag.answers import first_line
from rankify.rag.flow import Flow, Found, Write, written
from rankify.rag.method import method
from rankify.rag.reader import Plan
from rankify.types import Ranking


@method(paper="as in FlashRAG, arXiv:2405.13576, which calls it naive generation")
def zero_shot(llm: LLM, *, max_tokens: int = 32, prompt: str = "zero-shot") -> Plan:
    """What the model knows by itself: the question without documents.

    Args:
        max_tokens: the most tokens of an answer, whose first line counts.
        prompt: another prompt file, which shows no documents.
    """
    asks = template(prompt)

    def flow(_: Ranking) -> Flow:
        reply = yield from written(Write(template=asks, max_tokens=max_tokens))
        return Found(text=first_line(reply.text))

    return Plan(answering=flow, reads_first=False)


@method(paper="RAG, arXiv:2005.11401; the prompt is FlashRAG's, arXiv:2405.13576")
def basic(llm: LLM, *, max_tokens: int = 32, prompt: str = "basic") -> Plan:
    """The best documents and the question in one prompt, and a short answer.

    Args:
        max_tokens: the most tokens of an answer, whose first line counts.
        prompt: another prompt file, which shows documents.
    """
    asks = template(prompt)

    def flow(ranking: Ranking) -> Flow:
        reply = yield from written(Write(template=asks, documents=list(ranking.documents), max_tokens=max_tokens))
        return Found(text=first_line(reply.text), shown=reply.shown)

    return Plan(answering=flow)


@method(paper="ALCE, arXiv:2305.14627")
def cite(llm: LLM, *, max_tokens: int = 300, prompt: str = "cite") -> Plan:
    """A long answer, each sentence of which cites the documents that it relies on.

    Args:
        max_tokens: the most tokens of an answer.
        prompt: another prompt file, which numbers documents.
    """
    asks = template(prompt)

    def flow(ranking: Ranking) -> Flow:
        reply = yield from written(Write(template=asks, documents=list(ranking.documents), max_tokens=max_tokens))
        return Found(text=reply.text, shown=reply.shown)

    return Plan(answering=flow)
