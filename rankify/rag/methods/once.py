"""Methods that ask once: from the question alone, or from documents."""

from __future__ import annotations

from rankify.documents import Document
from rankify.errors import Misuse
from rankify.llm.protocol import LLM
from rankify.prompts.template import template
from rankify.rag.answers import first_line, unmarked
from rankify.rag.flow import Flow, Found, Write, written
from rankify.rag.method import method
from rankify.rag.reader import Plan
from rankify.types import Ranking

EMPTY = Document("", "")


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
        text, counts = unmarked(first_line(reply.text))
        return Found(text=text, cites="", counts=counts)

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
        text, counts = unmarked(first_line(reply.text))
        return Found(text=text, shown=reply.shown, counts=counts)

    return Plan(answering=flow)


@method(paper="fusion in decoder, arXiv:2007.01282")
def fid(llm: LLM, *, max_tokens: int = 50, prompt: str = "fid") -> Plan:
    """Each document encoded with the question by itself, all of them read by the decoder of a T5 trained so.

    The order of the documents does not matter to it. A question without documents is encoded with an empty one.

    Args:
        max_tokens: the most tokens of an answer.
        prompt: another prompt file of parts; each part loses what is behind its most tokens.
    """
    asks = template(prompt)
    if not llm.fuses:
        raise Misuse(f"{llm!r} has no encoder that reads documents apart: fid wants hf: and a T5 trained for it")

    def flow(ranking: Ranking) -> Flow:
        documents = list(ranking.documents)
        reply = yield from written(Write(template=asks, documents=documents or [EMPTY], max_tokens=max_tokens))
        text, counts = unmarked(reply.text)
        return Found(text=text, shown=reply.shown if documents else (), cites="", counts=counts)

    return Plan(answering=flow)


@method(paper="In-Context RALM, arXiv:2302.00083")
def in_context_ralm(llm: LLM, *, max_tokens: int = 10, prompt: str = "in-context-ralm") -> Plan:
    """Documents before the question, for language models that nobody taught to follow instructions.

    The question begins with a small letter and ends with a question mark, as published; the first line of what comes
    next is the answer.

    Args:
        max_tokens: the most tokens of an answer.
        prompt: another prompt file, which shows documents.
    """
    asks = template(prompt)

    def flow(ranking: Ranking) -> Flow:
        text = ranking.query.text.strip()
        question = text[:1].lower() + text[1:] + "?" * (not text.endswith("?"))
        documents = list(ranking.documents)
        request = Write(template=asks, asks=question, documents=documents, max_tokens=max_tokens, stop=("\n",))
        reply = yield from written(request)
        text, counts = unmarked(first_line(reply.text))
        return Found(text=text, shown=reply.shown, cites="", counts=counts)

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
        text, counts = unmarked(reply.text)
        return Found(text=text, shown=reply.shown, counts=counts)

    return Plan(answering=flow)
