"""From questions and documents to prompts that fit the model, with texts in them that cannot act as markup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rankify.documents import Document
from rankify.errors import BadInput, Misuse
from rankify.llm.protocol import LLM, Message, Prompt, Shown
from rankify.prompts.template import Template
from rankify.prompts.texts import harmless, passage
from rankify.rag.context import Context
from rankify.rag.flow import Write
from rankify.rag.transcript import Transcript, without_end
from rankify.types import Query

BEGINNING = ""  # the name of the transcript that the reply begins with; no value of a prompt has it


@dataclass(frozen=True, slots=True)
class Ready:
    """A prompt, the documents that it shows in the order of their numbers, and what was left out.

    `truncated` counts texts that are shown in part, `dropped` documents for which there was no room, `forgotten` turns
    of a transcript of which the prompt shows nothing, or no more what was seen then. `begun` is the beginning of the
    reply where it stands at the prompt's end, since the model cannot go on from it as its own.
    """

    prompt: Prompt
    shown: tuple[Document, ...]
    counts: Counter[str] = field(default_factory=Counter)
    begun: str = ""


class Prompting:
    """Makes prompts for one model.

    Where a prompt and its reply are longer than the model reads, the worst documents are left out; then the only one
    that is left loses its end; then a transcript loses what was seen first, and its oldest turns; at last the question
    loses its end.

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
            llm=self.llm, context=self.context, write=write, query=query, asks=asks.strip(), told=_transcripts(write),
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
        told: the transcripts that it shows, by the names of values.
        truncated: how many texts are shown in part, those of transcripts aside.
    """

    llm: LLM
    context: Context
    write: Write
    query: Query
    asks: str
    texts: Sequence[str]
    told: Mapping[str, Transcript]
    truncated: int = 0

    def ready(self) -> Ready:
        """The prompt as it is, and what it left out."""
        shown = tuple(self.write.documents[rank] for rank in self._ranks())
        dropped = len(self.write.documents) - len(self.texts)
        whole = _transcripts(self.write)
        lost = sum((told.lost(whole[name]) for name, told in self.told.items()), Counter[str]())
        begun = "" if self.llm.prefills else self._begins()
        return Ready(self.prompt(), shown, +(Counter(truncated=self.truncated, dropped=dropped) + lost), begun)

    def prompt(self) -> Prompt:
        """The prompt as it is."""
        ranks, template = self._ranks(), self._told()
        names = template.identifiers(len(ranks)) if template.identifier else ()
        shown = Shown(self.query.id, tuple(self.write.documents[rank].id for rank in ranks), names, template.reads)
        texts = [self.texts[rank] for rank in ranks]
        asks = harmless(self.asks, template.neutral, self.llm.special)
        begins, goes_on = self._begins(), self.llm.prefills
        prompt = template.render(asks, texts, shown, template.beginning(self.llm) + begins * goes_on)
        prompt = prompt if goes_on else _ending(prompt, begins)
        stop = (*self.write.stop, *([template.stop] if template.stop else []))
        return replace(prompt, stop=stop) if stop else prompt

    def shorter(self, excess: int) -> Draft | None:
        """Without the worst documents, the end of the last one, the beginning of a transcript, or the question's end.

        None where nothing is left.

        Args:
            excess: how many tokens are too many.
        """
        if len(self.texts) > 1:
            kept = list(self.texts)
            while len(kept) > 1 and excess > 0:
                excess -= max(1, self.llm.tokens([kept.pop()])[0])
            return replace(self, texts=kept)
        if self.texts and (least := without_end(self.texts[0], excess, self.llm)):
            return replace(self, texts=[least], truncated=1)
        if self.texts:
            return replace(self, texts=[], truncated=0)
        for name in sorted(self.told, key=lambda name: -len(str(self.told[name]))):
            if (told := self.told[name].shorter(excess, self.llm)) is not None:
                return replace(self, told={**self.told, name: told})
        asks = without_end(self.asks, excess, self.llm)
        return replace(self, asks=asks, truncated=1) if asks else None

    def _begins(self) -> str:
        return str(self.told.get(BEGINNING, self.write.begins))

    def _ranks(self) -> list[int]:
        return self.context.arranged(range(len(self.texts)))

    def _told(self) -> Template:
        """The template with its values, in which the model's own markup is none; the prompt's is theirs to use."""
        told = {name: str(value) for name, value in self.told.items() if name != BEGINNING}
        values = {**self.write.values, **told}.items()
        clean = {n: harmless(v, (), self.llm.special) if isinstance(v, str) else v for n, v in values}
        return self.write.template.told(**clean) if clean else self.write.template


def numbers(template: Template) -> bool:
    """Whether a prompt numbers the documents that it shows, so that a reply may cite them.

    >>> from rankify.prompts.template import template
    >>> numbers(template("basic")), numbers(template("ircot"))
    (True, False)
    """
    return ".number" in f"{template.messages}{template.text}"


def unrepeated(reply: str, begins: str) -> str:
    """What a reply says behind the beginning, of which models say the last lines again that cannot go on from it.

    >>> unrepeated("Action 1: Search[Lola]", "Thought 1: look.\\nAction 1:")
    ' Search[Lola]'
    """
    lines, text = begins.strip().split("\n"), reply.lstrip()
    again = ("\n".join(lines[place:]) for place in range(len(lines)))
    said = next((one for one in again if one and text.startswith(one)), "")
    rest = text[len(said) :] if said else reply
    return rest.lstrip() if said and begins[-1].isspace() else rest


def _ending(prompt: Prompt, begins: str) -> Prompt:
    """The prompt with the beginning of the reply as the last that the user says, in a line of its own."""
    if not begins:
        return prompt
    apart = "" if prompt.plain.endswith("\n") else "\n"
    if not prompt.messages:
        return replace(prompt, text=prompt.text + apart + begins)
    *before, last = prompt.messages
    if last.role != "user":
        return replace(prompt, messages=(*prompt.messages, Message("user", begins)))
    return replace(prompt, messages=(*before, replace(last, content=last.content + apart + begins)))


def _transcripts(write: Write) -> dict[str, Transcript]:
    """The transcripts that a prompt shows, by name."""
    values = {**write.values, BEGINNING: write.begins}
    return {name: value for name, value in values.items() if isinstance(value, Transcript)}
