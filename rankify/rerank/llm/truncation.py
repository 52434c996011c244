"""Prompts no longer than a model was trained on, with what stands behind the documents or, as published, without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal, get_args

from rankify.documents import Document
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.llm.protocol import LLM, Prompt
from rankify.prompts.template import Template
from rankify.rerank.llm.asking import REMEMBERED, Asking, Texts
from rankify.rerank.llm.judge import Question
from rankify.types import Query

Cut = Literal["cue", "published"]
SEAM = 4  # tokens that two texts may take more side by side than each alone


def truncating(llm: LLM, template: Template, *, cut: Cut, length: int | None, documents: int = 1) -> Asking:
    """Makes prompts that are cut in this way.

    Args:
        cut: cue, so that what stands behind the documents is read; published, so that the first tokens are read.
        length: the most tokens of a prompt; as many as the template says if not given.
        documents: how many a prompt shows.

    Raises:
        UnknownName: there is no such cut.
        Misuse: the length leaves no room for texts, or the backend has no encoder to cut what it reads.
    """
    if cut not in get_args(Cut):
        raise UnknownName.among("cut", cut, get_args(Cut))
    return (CueKept if cut == "cue" else FirstTokens)(llm, template, length=length, documents=documents)


class Truncating(Asking):
    """What both cuts know: how long a prompt may be, and how long a prompt and its texts are.

    Args:
        length, documents: as for `truncating`.
    """

    def __init__(self, llm: LLM, template: Template, *, length: int | None = None, documents: int = 1) -> None:
        most = template.most if length is None else length
        if most is None or isinstance(most, bool) or most != int(most):
            raise Misuse(f"length={length!r}: a prompt's length is a whole number of tokens")
        if llm.context is not None:
            most = min(most, llm.context - (0 if llm.encoder_decoder else 1))  # 1: the reply, where it follows
        super().__init__(llm, replace(template, most=most))
        self.length = most
        self.tokens = lru_cache(REMEMBERED)(lambda text: llm.tokens([text])[0])
        nothing = Question(Query("q", ""), [Document("d", "")] * documents)
        self.words = self.read([self._prompt(nothing, "", [""] * documents)])[0]  # the prompt's own
        if self.length < 2 * self.words:
            raise Misuse(
                f"length={self.length}: prompt {template.name!r} takes {self.words} tokens without any text, and half "
                "of a prompt at least is for its texts"
            )

    def read(self, prompts: Sequence[Prompt]) -> list[int]:
        """How many tokens of each prompt are read, without the one that a decoder of its own begins with."""
        start = 1 if self.llm.encoder_decoder else 0
        return [tokens - start for tokens in self.llm.prompt_tokens(prompts)]

    def fits(self, query: str, documents: Sequence[str]) -> bool:
        """Whether a prompt with these texts surely fits, by the lengths of its pieces."""
        pieces = self.words + self.tokens(query) + sum(map(self.tokens, documents))
        return pieces + SEAM * (len(documents) + 1) <= self.length


class CueKept(Truncating):
    """Cuts documents, so that the whole prompt fits and all that stands behind them is read.

    Each document of a prompt gets the same share of what the query and the prompt's own words leave, however long the
    others are, as RankLLM has it. A document keeps an eighth of the length at least; a longer query loses its end.
    """

    def __init__(self, llm: LLM, template: Template, *, length: int | None = None, documents: int = 1) -> None:
        super().__init__(llm, template, length=length, documents=documents)
        # no text is shown beyond that, so none is made harmless beyond it
        self.template = replace(self.template, query_tokens=self.length, document_tokens=self.length)
        self._cut = lru_cache(REMEMBERED)(lambda text, most: llm.cut([text], most)[0])

    def prompts(
        self,
        questions: Sequence[Question],
        reply_tokens: Sequence[int],  # noqa: ARG002  one token is read, and the length leaves room for it
    ) -> tuple[list[Prompt], list[Counter[str]]]:
        fitting = [self._fitting(q, whole) for q, whole in zip(questions, self._texts(questions), strict=True)]
        return [prompt for prompt, _ in fitting], [Counter(asked=1, truncated=lost) for _, lost in fitting]

    def _fitting(self, question: Question, whole: Texts) -> tuple[Prompt, int]:
        """The prompt with as much of each text as it gets, and how many texts lost some."""
        n, room, length = len(whole.documents), self.length - self.words, self.length
        while room > 0:
            query = self._begun(whole.query.text, room - n * (self.length // 8))
            share = (room - self.tokens(query)) // n
            documents = [self._begun(document.text, share) for document in whole.documents]
            kept = zip((query, *documents), (whole.query, *whole.documents), strict=True)
            lost = sum(text != before.text or not before.whole for text, before in kept)
            prompt = self._prompt(question, query, documents)
            if not lost and self.fits(query, documents):
                return prompt, 0
            [length] = self.read([prompt])
            if length <= self.length:
                return prompt, lost
            room = min(room - n, room * self.length // length)  # in a prompt, texts may be more tokens
        raise BadInput(
            f"query {question.query.id!r}: prompt {self.template.name!r} takes {length:,} tokens with hardly any text, "
            f"and {self.length:,} are read"
        )

    def _begun(self, text: str, most: int) -> str:
        """The text's beginning, as far as so many tokens reach, and one at least."""
        return text if self.tokens(text) <= most else self._cut(text, max(most, 1))


class FirstTokens(Truncating):
    """Cuts nothing: the encoder reads the first tokens of a prompt, and what stands behind long documents is lost."""

    def __init__(self, llm: LLM, template: Template, *, length: int | None = None, documents: int = 1) -> None:
        super().__init__(llm, template, length=length, documents=documents)
        if not llm.fuses:  # where an encoder reads parts, it cuts them
            raise Misuse(f"{llm!r} has no encoder that reads the first {self.length} tokens: use hf: and a T5")

    def prompts(
        self,
        questions: Sequence[Question],
        reply_tokens: Sequence[int],  # noqa: ARG002  a decoder of its own has room for a reply
    ) -> tuple[list[Prompt], list[Counter[str]]]:
        made, counts = [], []
        for question, texts in zip(questions, self._texts(questions), strict=True):
            query, documents = texts.query.text, [document.text for document in texts.documents]
            prompt = self._prompt(question, query, documents)
            cut = not self.fits(query, documents) and self.read([replace(prompt, most=None)])[0] > self.length
            made.append(prompt)
            counts.append(Counter(asked=1, truncated=int(cut)))
        return made, counts
