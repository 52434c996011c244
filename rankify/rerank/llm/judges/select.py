"""Selection: the model names the best m of the documents shown, in whatever order (TourRank, arXiv:2406.11678)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from rankify.llm.protocol import LLM, Method, Prompt, Reply
from rankify.llm.thoughts import without_thinking
from rankify.prompts.template import Template
from rankify.rerank.llm.asking import Asking
from rankify.rerank.llm.judge import Judge, Judgment, Question, taken
from rankify.rerank.llm.judges.replies import begins, plain

SLACK = 4  # tokens beyond the names: an end of turn, a blank or two


class Select(Judge):
    """1 for each document that the reply names, of the first `select` of a question; 0 for the others.

    Args:
        template: its instruction is how many to select.
    """

    needs: ClassVar[Method] = "generate"

    def __init__(self, llm: LLM, template: Template) -> None:
        self.llm, self.template = llm, template
        self.askings: dict[int, Asking] = {}

    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        most = [self.reply_tokens(len(question.documents)) for question in questions]
        asked: dict[int, tuple[Prompt, Counter[str]]] = {}
        for m in {question.select for question in questions}:
            places = [place for place, question in enumerate(questions) if question.select == m]
            made = self._asking(m).prompts([questions[place] for place in places], [most[place] for place in places])
            asked.update(zip(places, zip(*made, strict=True), strict=True))
        prompts, counts = zip(*(asked[place] for place in range(len(questions))), strict=True)
        replies = self.llm.generate(prompts, max_tokens=most)
        return [self._judged(*one) for one in zip(questions, replies, counts, strict=True)]

    def _judged(self, question: Question, reply: Reply[str], counted: Counter[str]) -> Judgment:
        names = self.template.identifiers(len(question.documents))
        answer = without_thinking(reply.value)
        if not reply.finished and not begins(answer, names):
            answer = ""  # cut off while it was still thinking aloud: what it weighs is no selection
        chosen, defects = selection(answer, names, question.select or 1)
        return Judgment(tuple(float(place in chosen) for place in range(len(names))), counted + taken(reply) + defects)

    def reply_tokens(self, n: int) -> int:
        """The tokens of an answer that names n documents."""
        return self.llm.reply_tokens(", ".join(self.template.identifiers(n))) + SLACK

    def _asking(self, m: int | None) -> Asking:
        return self.askings.setdefault(m or 1, Asking(self.llm, self.template.instructed(str(m or 1))))


def selection(reply: str, identifiers: Sequence[str], m: int) -> tuple[list[int], Counter[str]]:
    """The places of the first m documents that a reply names, and what was wrong with it.

    Repeats and unknown numbers are skipped, and names beyond the first m are not read, as published. Numbers count
    wherever they stand when none stands behind the prompt's word for a document.

    Returns:
        m places or fewer, and counts: unreadable where no document was named, otherwise repaired and the kind of defect
        (wrong_format, missing_documents, repetition) where the reply does not begin with m names.

    >>> names = ["Document 1", "Document 2", "Document 3"]
    >>> selection("Document 3, Document 1", names, 2), selection("the best: 3 and 9", names, 2)
    (([2, 0], Counter()), ([2], Counter({'repaired': 1, 'wrong_format': 1})))
    """
    text, one = plain(reply), rf"{re.escape(identifiers[0].removesuffix('1').strip())}\s*(\d+)"
    named = re.findall(one, text, re.IGNORECASE) or re.findall(r"\d+", text)
    places = {str(place + 1): place for place in range(len(identifiers))}
    chosen = list(dict.fromkeys(places[number] for number in named if number in places))[:m]
    if not chosen:
        return [], Counter(unreadable=1)
    if not re.match(rf"\s*{one}(\s*[,>]\s*{one}){{{min(m, len(named)) - 1}}}", text, re.IGNORECASE):
        return chosen, Counter(repaired=1, wrong_format=1)
    if chosen == [places.get(number) for number in named[:m]] and len(chosen) == m:
        return chosen, Counter()
    return chosen, Counter({"repaired": 1, "repetition" if len(set(named)) < len(named) else "missing_documents": 1})
