"""From questions and documents to prompts that fit the model, with texts in them that cannot act as markup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rankify.documents import Document
from rankify.errors import BadInput, Misuse
from rankify.llm.protocol import LLM, Prompt, Shown
from rankify.prompts.template import Template
from rankify.prompts.texts import harmless, passage
from rankify.rag.context import Context
from rankify.rag.flow import Write
from rankify.types import Query


@dataclass(frozen=True, slots=True)
class Ready:
    """A prompt, the documents that it shows in the order of their numbers, and what was left out: truncated, dropped.

    `truncated` counts texts that are shown in part, `dropped` documents for which there was no room.
    """

    prompt: Prompt
    shown: tuple[Document, ...]
    counts: Counter[str] = field(default_factory=Counter)


class Prompting:
    """Makes prompts for one model.

    Where a prompt and its reply are longer than the model reads, the worst documents are left out; then the only one
    that is left loses its end, and at last the question does.

    Args:
        llm: the model.
        context: what is shown of the documents.
        reasoning_tokens: what a reply may think besides.
    """

    def __init__(self, llm: LLM, context: Context, *, reasoning_tokens: int = 0) -> None:
        self.llm, self.context, self.reasoning_tokens = llm, context, reasoning_tokens

    def prompts(self, asked: Sequence[tuple[Query, Write]]) -> list[Ready]:
        """The prompt of each request, whatever the company it is asked in.

        Raises:
            Misuse: a prompt is a text in a model's own format, and the backend takes only conversations.
            BadInput: a prompt does not fit even without its documents.
        """
        drafts = [self._draft(query, write) for query, write in asked]
        if self.llm.context is None:
            return [draft.ready() for draft in drafts]
        lengths = self.llm.prompt_tokens([draft.prompt() for draft in drafts])
        return [self._fitted(draft, length) for draft, length in zip(drafts, lengths, strict=True)]

    def _draft(self, query: Query, write: Write) -> Draft:
        template = write.template
        if template.text and self.llm.chats:
            raise Misuse(
                f"{self.llm!r} sends chats, and prompt {template.name!r} is a text in the model's own format: use hf:, "
                "vllm:, or a server's api=completions"
            )
        whole = [passage(document, template.document) for document in write.documents]
        texts, cut = self.context.within(self.llm, whole)
        asks = query.text if write.asks is None else write.asks
        return Draft(
            llm=self.llm, context=self.context, write=write, query=query, asks=asks.strip(),
            texts=[harmless(text, template.neutral, self.llm.special) for text in texts], truncated=cut,
        )  # fmt: skip

    def _fitted(self, draft: Draft, length: int) -> Ready:
        """The draft with as much as fits, whose prompt has so many tokens."""
        assert self.llm.context is not None  # noqa: S101 - for mypy
        reply = draft.write.max_tokens + self.reasoning_tokens
        room = self.llm.context - min(reply, self.llm.context // 2)
        while length > room:
            shorter = draft.shorter(length - room)
            if shorter is None:
                raise BadInput(
                    f"query {draft.query.id!r}: prompt {draft.write.template.name!r} takes {length:,} tokens and "
                    f"{self.llm!r} reads {room:,} beside its reply; choose another model"
                )
            draft = shorter
            [length] = self.llm.prompt_tokens([draft.prompt()])
        return draft.ready()


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A prompt that may still lose texts.

    Args:
        texts: of the documents that it shows, best first.
        asks: the question.
        truncated: how many texts are shown in part.
    """

    llm: LLM
    context: Context
    write: Write
    query: Query
    asks: str
    texts: Sequence[str]
    truncated: int = 0

    def ready(self) -> Ready:
        """The prompt as it is, and what it left out."""
        shown = tuple(self.write.documents[rank] for rank in self._ranks())
        dropped = len(self.write.documents) - len(self.texts)
        return Ready(self.prompt(), shown, +Counter(truncated=self.truncated, dropped=dropped))

    def prompt(self) -> Prompt:
        """The prompt as it is."""
        ranks, template = self._ranks(), self._told()
        names = template.identifiers(len(ranks)) if template.identifier else ()
        shown = Shown(self.query.id, tuple(self.write.documents[rank].id for rank in ranks), names, template.reads)
        texts = [self.texts[rank] for rank in ranks]
        asks = harmless(self.asks, template.neutral, self.llm.special)
        prompt = template.render(asks, texts, shown, template.beginning(self.llm) + self.write.begins)
        stop = (*self.write.stop, *([template.stop] if template.stop else []))
        return replace(prompt, stop=stop) if stop else prompt

    def shorter(self, excess: int) -> Draft | None:
        """Without the worst documents, the end of the last one, or of the question; None where nothing is left.

        Args:
            excess: how many tokens are too many.
        """
        if len(self.texts) > 1:
            kept = list(self.texts)
            while len(kept) > 1 and excess > 0:
                excess -= max(1, self.llm.tokens([kept.pop()])[0])
            return replace(self, texts=kept)
        if self.texts and (least := self._cut(self.texts[0], excess)):
            return replace(self, texts=[least], truncated=1)
        if self.texts:
            return replace(self, texts=[], truncated=0)
        asks = self._cut(self.asks, excess)
        return replace(self, asks=asks, truncated=1) if asks else None

    def _cut(self, text: str, excess: int) -> str:
        """A text with so many tokens less, at least one; "" where none is left."""
        [tokens] = self.llm.tokens([text])
        left = tokens - max(1, excess)
        return self.llm.cut([text], left)[0] if left > 0 else ""

    def _ranks(self) -> list[int]:
        return self.context.arranged(range(len(self.texts)))

    def _told(self) -> Template:
        """The template with its values, in which the model's own markup is none; the prompt's is theirs to use."""
        values = self.write.values.items()
        clean = {n: harmless(v, (), self.llm.special) if isinstance(v, str) else v for n, v in values}
        return self.write.template.told(**clean) if clean else self.write.template
