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
from rankify.rag.flow import Flow, Found, Request, Write, searched, written
from rankify.rag.method import method
from rankify.rag.reader import Plan
from rankify.stages import positive
from rankify.text.sentences import sentences
from rankify.types import Ranking

ACTION = re.compile(r"\s*(search|lookup|finish)\s*\[(.*)\]\s*", re.IGNORECASE | re.DOTALL)
FIRST = 5  # sentences of a document that a search shows, as published


@method(paper="ReAct, arXiv:2210.03629")
def react(llm: LLM, *, steps: int = 7, max_tokens: int = 100, passages: int = 1, prompt: str = "react") -> Plan:
    """Thinks, acts and observes in turns: Search[query], Lookup[keyword] in what was found, Finish[answer].

    The model's own query is searched for, and what it makes up behind "Observation" is never read. An observation is
    one line: the first five sentences of the best documents; the next sentence with the keyword; or that there is
    none. Where a reply has no action, its first line is the thought, and the action is asked for apart, as published.
    After `steps` steps without Finish the answer is empty, and counted as unanswered.

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
        page, so_far, counts = Page(llm, asks, passages), "", Counter[str]()
        for step in range(1, steps + 1):
            counts["steps"] = step
            thought, action, odd = yield from _acted(asks, so_far, step, max_tokens)
            counts["repaired"] += odd
            so_far += f"Thought {step}: {thought}\nAction {step}: {action}\n"
            what = ACTION.fullmatch(action)
            if what and what[1].lower() == "finish":
                return Found(text=what[2].strip(), reasoning=so_far, shown=page.seen, counts=+counts)
            counts["unreadable"] += what is None
            seen = (yield from page.observed(what[1].lower(), what[2].strip())) if what else f"Invalid action: {action}"
            so_far += f"Observation {step}: {seen}\n"
        counts["unanswered"] = 1
        return Found(text="", reasoning=so_far, shown=page.seen, counts=+counts)

    return Plan(answering=flow, searches=True, reads_first=False)


def _acted(
    asks: Template, so_far: str, step: int, max_tokens: int
) -> Generator[list[Request], list[Any], tuple[str, str, bool]]:
    """(the thought of a step, its action, whether that had to be asked for apart)."""

    def writes(begins: str, stop: str) -> Write:
        return Write(
            template=asks, values={"so_far": so_far}, max_tokens=max_tokens, begins=begins, stop=(f"\n{stop}",)
        )

    reply = yield from written(writes(f"Thought {step}:", f"Observation {step}:"))
    text = re.sub(rf"^\s*Thought {step}:", "", reply.text)
    thought, acts, action = text.partition(f"\nAction {step}:")
    if acts and action.strip():
        return thought.strip(), action.strip().split("\n")[0], False
    thought = text.strip().split("\n")[0].strip()
    reply = yield from written(writes(f"Thought {step}: {thought}\nAction {step}:", ""))
    action = re.sub(rf"^\s*Action {step}:", "", reply.text)
    return thought, action.strip().split("\n")[0], True


@dataclass
class Page:
    """What was found last, and how far a keyword was looked up in it.

    Attributes:
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
        text = self._next(what) if does == "lookup" else (yield from self._found(what))
        return harmless(" ".join(text.split()), self.asks.neutral, self.llm.special)

    def _found(self, query: str) -> Generator[list[Request], list[Any], str]:
        [ranking] = yield from searched([query])
        documents = list(ranking.documents)[: self.passages]
        parts = [[sentence.text for sentence in sentences(document.text)] for document in documents]
        self.sentences = [sentence for part in parts for sentence in part]
        self.seen += [document for document in documents if document.id not in {one.id for one in self.seen}]
        shown = [" ".join([*self._title(d), *part[:FIRST]]) for d, part in zip(documents, parts, strict=True)]
        return " ".join(shown) if documents else f"Could not find [{query}]."

    def _title(self, document: Document) -> list[str]:
        """A title, where several documents have to be told apart."""
        return [f"({document.title})"] if document.title and self.passages > 1 else []

    def _next(self, keyword: str) -> str:
        """The next sentence with a keyword."""
        found = [sentence for sentence in self.sentences if keyword.casefold() in sentence.casefold()]
        if self.looked >= len(found):
            return "No more results."
        self.looked += 1
        return f"(Result {self.looked} / {len(found)}) {found[self.looked - 1]}"
