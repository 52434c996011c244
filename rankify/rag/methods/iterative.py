"""Methods that search again with what was written: Iter-RetGen and IRCoT."""

from __future__ import annotations

import re
from collections import Counter

from rankify.llm.protocol import LLM
from rankify.prompts.template import template
from rankify.rag.answers import first_line, marked, read
from rankify.rag.flow import Flow, Found, Write, merged, searched, written
from rankify.rag.method import method
from rankify.rag.prompting import numbers
from rankify.rag.reader import Plan
from rankify.rag.transcript import Transcript
from rankify.stages import positive
from rankify.text.sentences import sentences
from rankify.types import Ranking

END = re.compile(r"\bso\s+the\s+answer\s+is\s*:", re.IGNORECASE)


@method(paper="Iter-RetGen, arXiv:2305.15294", reads={"marked"})
def iter_retgen(llm: LLM, *, rounds: int = 3, max_tokens: int = 32, prompt: str = "basic") -> Plan:
    """Answers, searches for the question and that answer together, and answers again from what was found.

    The last of `rounds` answers counts, with the documents that it was written from. Each that says nothing is counted
    as unreadable.

    Args:
        rounds: how many times it answers; all but the first search before.
        max_tokens: the most tokens of an answer, whose first line counts.
        prompt: another prompt file, which shows documents; one that asks for a marked answer is read so.
    """
    asks = template(prompt)
    positive(rounds)

    def flow(ranking: Ranking) -> Flow:
        documents, before, counts = list(ranking.documents), "", Counter[str]()
        for number in range(rounds):
            if number:
                [ranking_now] = yield from searched([f"{ranking.query.text} {before}".strip()])
                documents = list(ranking_now.documents)
            reply = yield from written(Write(template=asks, documents=documents, max_tokens=max_tokens))
            before = reply.text
            answer, reasoning = marked(before) or (first_line(before), "")
            text, unread = read(answer)
            counts += unread
        return Found(text=text, reasoning=reasoning, shown=reply.shown, cites=before, counts=counts)

    return Plan(answering=flow, searches=rounds > 1)


@method(paper="IRCoT, arXiv:2212.10509; the prompt is FlashRAG's, arXiv:2405.13576")
def ircot(llm: LLM, *, steps: int = 5, max_tokens: int = 64, prompt: str = "ircot", reads: str = "basic") -> Plan:
    """Thinks one sentence at a time, and searches for each of them; its documents grow from step to step.

    It ends with "So the answer is:" and the answer. Where it has not come to that after `steps` thoughts, or thinks
    nothing, or ends with these words alone, which is counted as unreadable, the question is asked once more, with all
    documents and the prompt `reads`. Documents of several searches stand in turns: the best of each, then the second of
    each. A document stands there once. They have no numbers to cite, but for those that `reads` gives them.

    Args:
        steps: how many sentences it thinks at most.
        max_tokens: the most tokens of a thought, of which the first sentence counts, and of an answer at the end.
        prompt: another prompt file, which shows documents and `thoughts`.
        reads: the prompt file of an answer at the end.
    """
    asks, last = template(prompt), template(reads)
    positive(steps)

    def flow(ranking: Ranking) -> Flow:
        rankings, thoughts, counts = [ranking], list[str](), Counter[str]()
        while len(thoughts) < steps:
            request = Write(
                template=asks, documents=merged(rankings), values={"thoughts": Transcript.of(thoughts, " ")},
                max_tokens=max_tokens, stop=("\n",),
            )  # fmt: skip
            reply = yield from written(request)
            ended = marked(reply.text, END)
            answer, _ = read(ended[0]) if ended else ("", None)
            if answer:
                reasoning, counts = " ".join([*thoughts, reply.text]), Counter(steps=len(thoughts) + 1)
                return Found(text=answer, reasoning=reasoning, shown=reply.shown, cites="", counts=counts)
            thought = "" if ended else next((sentence.text for sentence in sentences(reply.text)), "")
            if not thought:
                counts["unreadable"] += 1
                break
            thoughts.append(thought)
            rankings += yield from searched([thought])
        reply = yield from written(Write(template=last, documents=merged(rankings), max_tokens=max_tokens))
        text, unread = read(first_line(reply.text))
        counts += unread + Counter(steps=len(thoughts), unanswered=1)
        cites = None if numbers(last) else ""
        return Found(text=text, reasoning=" ".join(thoughts), shown=reply.shown, cites=cites, counts=counts)

    return Plan(answering=flow, searches=True)
