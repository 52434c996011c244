"""From questions to prompts: texts made harmless and cut to size, so that every prompt fits the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from rankify.errors import BadInput, Misuse
from rankify.llm.protocol import LLM, Prompt, Shown
from rankify.llm.rounds import advanced
from rankify.prompts.template import Template
from rankify.prompts.texts import first_words, harmless, mended, passage
from rankify.rerank.llm.judge import Question

LEAST_WORDS = 8  # below that, texts are cut by tokens: a text without blanks is one word
REMEMBERED = 1 << 16  # texts that are ready, so that a document which is shown often is prepared once


@dataclass(frozen=True, slots=True)
class Ready:
    """A text that may stand in a prompt, and whether it is the whole one."""

    text: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one question that are ready: its query, and its documents in the order in which they are shown."""

    query: Ready
    documents: tuple[Ready, ...]

    def cut(self) -> int:
        """How many of them are not whole."""
        return sum(not text.whole for text in (self.query, *self.documents))


class Asking:
    """Makes prompts of one template for one model; several threads may ask at once.

    A document is cut to the template's words or tokens. While a prompt and its reply are longer than the model reads,
    its documents lose words, as RankLLM has it, then tokens; when none is left to lose, the query does.

    Raises:
        Misuse: the prompt is a text in a model's own format, and the backend takes only conversations.
    """

    def __init__(self, llm: LLM, template: Template) -> None:
        if template.text and llm.chats:
            raise Misuse(
                f"{llm!r} sends chats, and prompt {template.name!r} is a text in the model's own format: use hf:, "
                "vllm:, or a server's api=completions"
            )
        self.llm, self.template = llm, template
        self._documents: dict[str, Ready] = {}
        self._queries: dict[str, Ready] = {}

    def prompts(
        self, questions: Sequence[Question], reply_tokens: Sequence[int]
    ) -> tuple[list[Prompt], list[Counter[str]]]:
        """The prompt of each question, and what it counts so far: asked, and truncated texts.

        A prompt depends on its own question alone, so that it is the same in whatever company it is asked.

        Args:
            reply_tokens: the most tokens of each reply.
        """
        texts = self._texts(questions)
        prompts = [
            self._prompt(q, t.query.text, [d.text for d in t.documents]) for q, t in zip(questions, texts, strict=True)
        ]
        counts = [Counter(asked=1, truncated=own.cut()) for own in texts]
        if self.llm.context is None:
            return prompts, counts
        for place, length in enumerate(self.llm.prompt_tokens(prompts)):
            room = self.llm.context - reply_tokens[place]
            if length > room:
                prompts[place], cut = self._fitted(questions[place], texts[place], length, room)
                counts[place]["truncated"] = max(counts[place]["truncated"], cut)
        return prompts, counts

    def _texts(self, questions: Sequence[Question]) -> list[Texts]:
        """The texts of each question, made ready where they are not yet."""
        if len(self._documents) + len(self._queries) > REMEMBERED:
            self._documents, self._queries = {}, {}  # new ones: another thread may still read the old
        raw = [[passage(document, self.template.document) for document in q.documents] for q in questions]
        documents = self._ready(
            self._documents, chain.from_iterable(raw), self.template.words, self.template.document_tokens
        )
        queries = self._ready(self._queries, (q.query.text for q in questions), None, self.template.query_tokens)
        return [
            Texts(queries[question.query.text], tuple(documents[text] for text in own))
            for question, own in zip(questions, raw, strict=True)
        ]

    def _ready(
        self, known: dict[str, Ready], texts: Iterable[str], words: int | None, tokens: int | None
    ) -> dict[str, Ready]:
        """The texts of this call, ready; what is new is remembered."""
        found = {text: known.get(text) for text in texts}
        waiting = [text for text, ready in found.items() if ready is None]
        mend = mended if self.template.fix_text else str.strip
        cut = [first_words(mend(text), words) for text in waiting]
        if tokens is not None:
            cut = self.llm.cut(cut, tokens)
        made = {
            text: Ready(
                harmless(kept, self.template.neutral, self.llm.special),
                "".join(kept.split()) == "".join(mend(text).split()),
            )
            for text, kept in zip(waiting, cut, strict=True)
        }
        known.update(made)
        return {text: ready or made[text] for text, ready in found.items()}

    def _prompt(self, question: Question, query: str, texts: Sequence[str]) -> Prompt:
        names = self.template.identifiers(len(texts)) if self.template.identifier else ()
        if question.labels is not None:
            names = tuple(names[label] for label in question.labels)
        ids = tuple(d.id for d in question.documents)
        shown = Shown(question.query.id, ids, names, self.template.reads)
        return self.template.render(query, texts, shown, self.template.beginning(self.llm))

    def _fitted(self, question: Question, whole: Texts, length: int, room: int) -> tuple[Prompt, int]:
        """The prompt with so little text that it fits, and how many texts lost some."""
        shorter = self._shorter(whole.query.text, [text.text for text in whole.documents], length - room)
        left = next(shorter, None)
        while left is not None:
            query, texts = left
            prompt = self._prompt(question, query, texts)
            [length] = self.llm.prompt_tokens([prompt])
            if length <= room:
                lost = sum(now != before.text for now, before in zip(texts, whole.documents, strict=True))
                return prompt, lost + (query != whole.query.text)
            left = advanced(shorter, length - room)
        raise BadInput(
            f"query {question.query.id!r}: prompt {self.template.name!r} takes {length:,} tokens and "
            f"{self.llm!r} reads {room:,} beside its reply; show fewer documents, or choose another model"
        )

    def _shorter(self, query: str, texts: list[str], excess: int) -> Generator[tuple[str, list[str]], int, None]:
        """Shorter and shorter texts: documents by words (RankLLM's steps), then by tokens, then the query by halves.

        It is sent how many tokens the last ones were too many.
        """
        words = self.template.words or max((len(text.split()) for text in texts), default=0)
        while words > LEAST_WORDS:
            words = max(LEAST_WORDS, words - max(1, excess // (4 * len(texts))))
            excess = yield query, [first_words(text, words) for text in texts]
        texts = [first_words(text, words) for text in texts]
        tokens = max(self.llm.tokens(texts), default=0)
        while tokens > 1:
            tokens = max(1, tokens - max(1, excess // len(texts)))
            texts = self.llm.cut(texts, tokens)
            excess = yield query, texts
        [tokens] = self.llm.tokens([query])
        while tokens > 1:
            tokens //= 2
            query = self.llm.cut([query], tokens)[0]
            yield query, texts
