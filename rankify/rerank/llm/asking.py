"""From questions to prompts: texts made harmless and cut to size, so that every prompt fits the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rankify.documents import Document
from rankify.errors import BadInput
from rankify.llm.protocol import LLM, Prompt, Shown
from rankify.prompts.template import Template
from rankify.prompts.texts import first_words, harmless, mended, passage
from rankify.rerank.llm.judge import Question

REMEMBERED = 1 << 16  # texts that are ready, so that a document which is shown often is prepared once


@dataclass(frozen=True, slots=True)
class Ready:
    """A text that may stand in a prompt, and whether it is the whole one."""

    text: str
    whole: bool


class Asking:
    """Makes prompts of one template for one model.

    A document is cut to the template's words or tokens. While a prompt and its reply are longer than the model reads,
    its documents lose words, as RankLLM has it; when none is left to lose, the query does.
    """

    def __init__(self, llm: LLM, template: Template) -> None:
        self.llm, self.template = llm, template
        self._documents: dict[str, Ready] = {}
        self._queries: dict[str, Ready] = {}

    def prompts(self, questions: Sequence[Question], reply_tokens: int) -> tuple[list[Prompt], list[Counter[str]]]:
        """The prompt of each question, and what it counts so far: asked, and truncated texts.

        Args:
            reply_tokens: the most tokens of a reply.
        """
        self._prepare(questions)
        prompts = [self._prompt(q, None, None) for q in questions]
        counts = [Counter(asked=1, truncated=self._cut(q)) for q in questions]
        if self.llm.context is None:
            return prompts, counts
        room = self.llm.context - reply_tokens
        for place, length in enumerate(self.llm.prompt_tokens(prompts)):
            if length > room:
                prompts[place], cut = self._fitted(questions[place], length, room)
                counts[place]["truncated"] = max(counts[place]["truncated"], cut)
        return prompts, counts

    def _prepare(self, questions: Sequence[Question]) -> None:
        """Makes all texts ready that are not yet."""
        if len(self._documents) + len(self._queries) > REMEMBERED:
            self._documents.clear()
            self._queries.clear()
        raw = (self._raw(document) for question in questions for document in question.documents)
        self._ready(self._documents, raw, self.template.words, self.template.document_tokens)
        self._ready(self._queries, (q.query.text for q in questions), None, self.template.query_tokens)

    def _ready(self, known: dict[str, Ready], texts: Iterable[str], words: int | None, tokens: int | None) -> None:
        waiting = [text for text in dict.fromkeys(texts) if text not in known]
        mend = mended if self.template.fix_text else str.strip
        cut = [first_words(mend(text), words) for text in waiting]
        if tokens is not None:
            cut = self.llm.cut(cut, tokens)
        for text, kept in zip(waiting, cut, strict=True):
            whole = len(kept.split()) == len(text.split())
            known[text] = Ready(harmless(kept, self.template.neutral, self.llm.special), whole)

    def _raw(self, document: Document) -> str:
        return passage(document, self.template.document)

    def _cut(self, question: Question) -> int:
        """How many of the question's texts are not whole."""
        documents = [self._documents[self._raw(d)] for d in question.documents]
        return sum(not ready.whole for ready in (*documents, self._queries[question.query.text]))

    def _prompt(self, question: Question, words: int | None, query_words: int | None) -> Prompt:
        texts = [first_words(self._documents[self._raw(d)].text, words) for d in question.documents]
        query = first_words(self._queries[question.query.text].text, query_words)
        names = self.template.identifiers(len(texts)) if self.template.identifier else ()
        ids = tuple(d.id for d in question.documents)
        shown = Shown(question.query.id, ids, names, self.template.reads)
        return self.template.render(query, texts, shown, self.template.beginning(self.llm))

    def _fitted(self, question: Question, length: int, room: int) -> tuple[Prompt, int]:
        """The prompt with so few words that it fits, and how many texts lost some."""
        lengths = [len(self._documents[self._raw(d)].text.split()) for d in question.documents]
        words, query_words = max(lengths), len(self._queries[question.query.text].text.split())
        while length > room:
            if words > 1:
                words = max(1, words - max(1, (length - room) // (4 * len(lengths))))
            elif query_words > 1:
                query_words //= 2
            else:
                raise BadInput(
                    f"query {question.query.id!r}: prompt {self.template.name!r} takes {length:,} tokens and "
                    f"{self.llm!r} reads {room:,} beside its reply; show fewer documents, or choose another model"
                )
            prompt = self._prompt(question, words, query_words)
            [length] = self.llm.prompt_tokens([prompt])
        shorter = query_words < len(self._queries[question.query.text].text.split())
        return prompt, sum(n > words for n in lengths) + shorter
