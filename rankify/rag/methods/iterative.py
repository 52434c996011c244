"""Methods that search again with what was written: Iter-RetGen and IRCoT."""

from __future__ import annotations

from collections import Counter

from rankify.llm.protocol import LLM
from rankify.prompts.template import template
from rankify.rag.answers import first_line, marked
from rankify.rag.flow import Flow, Found, Write, merged, searched, written
from rankify.rag.method import method
from rankify.rag.reader import Plan
from rankify.stages import positive
from rankify.text.sentences import sentences
from rankify.types import Ranking


@method(paper="Iter-RetGen, arXiv:2305.15294")
def iter_retgen(llm: LLM, *, rounds: int = 3, max_tokens: int = 32, prompt: str = "basic") -> Plan:
    """Answers, searches for the question and that answer together, and answers again from what was found.

    The last of `rounds` answers counts, with the documents that it was written from.

    Args:
        rounds: how many times it answers; all but the first search before.
        max_tokens: the most tokens of an answer, whose first line counts.
        prompt: another prompt file, which shows documents; one that asks for a marked answer is read so.
    """
    asks = template(prompt)
    positive(rounds)

    def flow(ranking: Ranking) -> Flow:
        documents, before = list(ranking.documents), ""
        for number in range(rounds):
            if number:
                [ranking_now] = yield from searched([f"{ranking.query.text} {before}".strip()])
                documents = list(ranking_now.documents)
            reply = yield from written(Write(template=asks, documents=documents, max_tokens=max_tokens))
            before = reply.text
        found = marked(before) or (first_line(before), "")
        return Found(text=found[0], reasoning=found[1], shown=reply.shown, cites=before)

    return Plan(answering=flow, searches=rounds > 1)


@method(paper="IRCoT, arXiv:2212.10509; the prompt is FlashRAG's, arXiv:2405.13576")
def ircot(llm: LLM, *, steps: int = 5, max_tokens: int = 64, prompt: str = "ircot", reads: str = "basic") -> Plan:
    """Thinks one sentence at a time, and searches for each of them; its documents grow from step to step.

    It ends with "So the answer is:". Where it has not come to that after `steps` thoughts, the question is asked once
    more, with all documents and the prompt `reads`. Documents of several searches stand in turns: the best of each,
    then the second of each. A document stands there once.

    Args:
        steps: how many sentences it thinks at most.
        max_tokens: the most tokens of a thought, of which the first sentence counts, and of an answer at the end.
        prompt: another prompt file, which shows documents and `thoughts`.
        reads: the prompt file of an answer at the end.
    """
    asks, last = template(prompt), template(reads)
    positive(steps)

    def flow(ranking: Ranking) -> Flow:
        rankings, thoughts = [ranking], list[str]()
        while len(thoughts) < steps:
            request = Write(
                template=asks, documents=merged(rankings), values={"thoughts": " ".join(thoughts)},
                max_tokens=max_tokens, stop=("\n",),
            )  # fmt: skip
            reply = yield from written(request)
            found = marked(reply.text)
            if found is not None:
                reasoning = " ".join([*thoughts, reply.text])
                return Found(text=found[0], reasoning=reasoning, shown=reply.shown, counts=_steps(thoughts, 1))
            thought = next((sentence.text for sentence in sentences(reply.text)), "")
            if not thought:
                break
            thoughts.append(thought)
            rankings += yield from searched([thought])
        reply = yield from written(Write(template=last, documents=merged(rankings), max_tokens=max_tokens))
        counts = _steps(thoughts, 0) + Counter(unanswered=1)
        return Found(text=first_line(reply.text), reasoning=" ".join(thoughts), shown=reply.shown, counts=counts)

    return Plan(answering=flow, searches=True)


def _steps(thoughts: list[str], more: int) -> Counter[str]:
    return Counter(steps=len(thoughts) + more)
