"""ReAct: thoughts, actions and observations, step by step, with a search of the model's own queries."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from rankify.documents import Document
from rankify.llm.protocol import LLM
from rankify.prompts.template import Template, template
from rankify.prompts.texts import harmless
from rankify.rag.answers import read
from rankify.rag.flow import Flow, Found, Request, Write, searched, shows, written
from rankify.rag.method import method
from rankify.rag.reader import Plan
from rankify.rag.transcript import Step, Transcript
from rankify.stages import positive
from rankify.text.sentences import sentences
from rankify.types import Ranking

ACTION = re.compile(r"\s*(search|lookup|finish)\s*\[", re.IGNORECASE)
MADE_UP = re.compile(r"^[ \t]*observation|\bobservation\s*(?:\d+\s*)?:", re.IGNORECASE | re.MULTILINE)
FIRST = 5  # sentences of a document that a search shows, as published


@method(paper="ReAct, arXiv:2210.03629")
def react(llm: LLM, *, steps: int = 7, max_tokens: int = 100, passages: int = 1, prompt: str = "react") -> Plan:
    """Thinks, acts and observes in turns: Search[query], Lookup[keyword] in what was found, Finish[answer].

    The model's own query is searched for, and what it makes up behind "Observation" is never read. An observation is
    one line: the first five sentences of the best documents, cut as documents of a prompt are; the next sentence with
    the keyword; or that there is none. Where a reply has no action, its first line is the thought, and the action is
    asked for apart, as published. The first action of a line counts. One that is none or has nothing between its
    brackets is told so, and counted as unreadable; Finish[] ends with no answer, and is counted so, too. After `steps`
    steps without Finish the answer is empty, and counted as unanswered. Observations have no numbers to cite.

    Args:
        steps: how many times it thinks.
        max_tokens: the most tokens of a thought with its action.
        passages: how many of the documents found an observation shows.
        prompt: another prompt file, which shows `so_far`.
    """
    asks = template(prompt)
    positive(steps)
    positive(passages)

    def flow(ranking: Ranking) -> Flow:
        page, so_far, counts = Page(llm, asks, passages), Transcript(), Counter[str]()
        for step in range(1, steps + 1):
            counts["steps"] = step
            thought, action, odd = yield from _acted(asks, so_far, step, max_tokens)
            counts["repaired"] += odd
            wrote = f"Thought {step}: {thought}\nAction {step}: {action}\n"
            does, what = action_of(action) or ("", "")
            if does == "finish":
                text, unread = read(what)
                reasoning = str(so_far + wrote)
                return Found(text=text, reasoning=reasoning, shown=page.seen, cites="", counts=+counts + unread)
            counts["unreadable"] += not what
            seen = (yield from page.observed(does, what)) if what else f"Invalid action: {action}"
            so_far += Step(f"{wrote}Observation {step}: ", seen, "\n")
        counts["unanswered"] = 1
        return Found(text="", reasoning=str(so_far), shown=page.seen, cites="", counts=+counts)

    return Plan(answering=flow, searches=True, reads_first=False)


def _acted(
    asks: Template, so_far: Transcript, step: int, max_tokens: int
) -> Generator[list[Request], list[Any], tuple[str, str, bool]]:
    """(the thought of a step, its action, whether that had to be asked for apart)."""

    def writes(begins: str | Transcript, stop: str) -> Write:
        return Write(template=asks, values={"so_far": so_far}, max_tokens=max_tokens, begins=begins, stop=(stop,))

    reply = yield from written(writes(f"Thought {step}:", "\nObservation"))
    text = _own(re.sub(rf"^\s*Thought {step}:", "", reply.text))
    thought, acts, action = text.partition(f"\nAction {step}:")
    if acts and action.strip():
        return thought.strip(), action.strip().split("\n")[0], False
    thought = text.strip().split("\n")[0].strip()
    reply = yield from written(writes(Transcript() + f"Thought {step}: {thought}\n" + f"Action {step}:", "\n"))
    action = _own(re.sub(rf"^\s*Action {step}:", "", reply.text))
    return thought, action.strip().split("\n")[0], True


def _own(reply: str) -> str:
    """A reply without what it makes up to have seen, and all behind that."""
    return MADE_UP.split(reply)[0]


def action_of(line: str) -> tuple[str, str] | None:
    """The action with which a line begins, and what stands between its brackets; None where there is none.

    >>> action_of("Search[Ann [singer]] and Lookup[born]."), action_of("Finish[[0, 1)]"), action_of("Dance[now]")
    (('search', 'Ann [singer]'), ('finish', '[0, 1)'), None)
    """
    if not (begins := ACTION.match(line)):
        return None
    start, depth = begins.end(), 1
    for place in range(start, len(line)):
        depth += {"[": 1, "]": -1}.get(line[place], 0)
        if not depth:
            return begins[1].lower(), line[start:place].strip()
    last = line.rfind("]")  # an interval that is open at one end leaves a bracket over
    return (begins[1].lower(), line[start:last].strip()) if last >= start else None


@dataclass
class Page:
    """What was found last, and how far a keyword was looked up in it.

    Attributes:
        sentences: of the documents that were shown last.
        seen: all documents that were shown, each once.
    """

    llm: LLM
    asks: Template
    passages: int
    sentences: list[str] = field(default_factory=list)
    seen: list[Document] = field(default_factory=list)
    keyword: str = ""
    looked: int = 0

    def observed(self, does: str, what: str) -> Generator[list[Request], list[Any], str]:
        """What is seen after a search or a look-up, in one line that cannot act as a step."""
        self.keyword, self.looked = (what, self.looked) if does == "lookup" and what == self.keyword else (what, 0)
        text = yield from (self._next(what) if does == "lookup" else self._found(what))
        return harmless(" ".join(text.split()), self.asks.neutral, self.llm.special)

    def _found(self, query: str) -> Generator[list[Request], list[Any], str]:
        [ranking] = yield from searched([query])
        documents = list(ranking.documents)[: self.passages]
        parts = [[sentence.text for sentence in sentences(document.text)] for document in documents]
        shown = yield from shows(
            [" ".join([*self._title(d), *p[:FIRST]]) for d, p in zip(documents, parts, strict=True)]
        )
        ranks = sorted(rank for rank, _ in shown)
        self.sentences = [sentence for rank in ranks for sentence in parts[rank]]
        known = {document.id for document in self.seen}
        self.seen += [documents[rank] for rank in ranks if documents[rank].id not in known]
        return " ".join(text for _, text in shown) if documents else f"Could not find [{query}]."

    def _title(self, document: Document) -> list[str]:
        """A title, where several documents have to be told apart."""
        return [f"({document.title})"] if document.title and self.passages > 1 else []

    def _next(self, keyword: str) -> Generator[list[Request], list[Any], str]:
        """The next sentence with a keyword."""
        found = [sentence for sentence in self.sentences if keyword.casefold() in sentence.casefold()]
        if self.looked >= len(found):
            return "No more results."
        self.looked += 1
        [(_, text)] = yield from shows([found[self.looked - 1]])
        return f"(Result {self.looked} / {len(found)}) {text}"
