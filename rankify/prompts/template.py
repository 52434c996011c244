"""A prompt file: the published text of a prompt, made into what a model is asked about one query and some documents."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

from rankify.errors import BadInput, Misuse, UnknownName
from rankify.llm.protocol import LLM, Message, Prompt, Shown
from rankify.packaged import packaged
from rankify.prompts.spans import located, marked
from rankify.prompts.texts import Neutral

READS = (
    "permutation", "label", "pair", "relevance", "query", "attention", "passage", "rewriting", "rewritings", "answer",
    "marked", "tagged", "steps", "follow-ups", "candidates", "json",
)  # fmt: skip
KEYS = {
    "source", "licence", "reads", "identifier", "document", "words", "query_tokens", "document_tokens", "fix_text",
    "neutral", "messages", "text", "parts", "most", "worst_first", "instruction", "prefill", "decoder_prefill",
    "choices", "continuation", "decoder_continuation", "stop", "values",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Template:
    """A prompt file.

    Args:
        name: the file's name.
        source, licence: where the text was published, and under what terms.
        reads: what the reply is: a permutation, a label, one of a pair, a relevance, the query itself, or nothing that
            is written, where the model's attention is read; where no document is shown, a passage about the query,
            or one or several rewritings of it; an answer, whose first line or all of it counts, or one that is marked
            in what is written, or stands between tags, or is a step's action, or comes after follow-up
            questions, or two candidates of it;
            json is an object with what the prompt says it should have.
        identifier: what the text calls a document, with {number} (1, 2, ...) or {letter} (A, B, ...) in it.
        document: a document's text in the prompt, with {title} and {text} in it, where it has a title.
        words: the most words of a document; None for all.
        query_tokens, document_tokens: the most tokens of each text, by the model's tokenizer; None for all.
        fix_text: whether ftfy mends a text's encoding first, as RankLLM does.
        neutral: patterns that would be markup in a document or a query, and what is written instead.
        messages: turns of a conversation, each one {role: content}; `each` holds the turns of every document.
        text: in place of messages, for models that complete a text.
        parts: in place of both, the text about each document, for encoders that read them apart.
        most: how many tokens of the text, or of each part, an encoder reads at most.
        worst_first: whether a permutation is written from the worst document to the best.
        instruction: what the text says about the task, where it leaves that open.
        prefill: how the reply begins, where the backend can go on from a beginning.
        decoder_prefill: the same for encoder-decoders.
        choices: the replies among which a likelihood reading chooses, and what each is worth.
        stop: where a written reply ends, and what is behind it is left out.
        values: what else the text leaves open, and what stands there if nothing else is said.
        continuation, decoder_continuation: what a query-likelihood reading measures the likelihood of, and of models
            with a decoder of its own.
    """

    name: str
    source: str
    licence: str
    reads: str
    identifier: str = ""
    document: str = "{title} {text}"
    words: int | None = None
    query_tokens: int | None = None
    document_tokens: int | None = None
    fix_text: bool = False
    neutral: Neutral = ()
    messages: tuple[Mapping[str, Any], ...] = ()
    text: str = ""
    parts: str = ""
    most: int | None = None
    worst_first: bool = False
    instruction: str = ""
    prefill: str = ""
    decoder_prefill: str = ""
    choices: Mapping[str, float] | None = None
    stop: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    continuation: str = " {{ query }}"
    decoder_continuation: str = "{{ query }}"

    def identifiers(self, n: int) -> tuple[str, ...]:
        """What the prompt calls n documents.

        Raises:
            Misuse: it calls them by letters and there are more than 26.
        """
        if "{letter}" in self.identifier and n > 26:
            raise Misuse(f"prompt {self.name!r} has the letters A to Z for documents, too few for {n}; lower window")
        return tuple(self.identifier.format(number=i + 1, letter=chr(65 + i % 26)) for i in range(n))

    def render(self, query: str, texts: Sequence[str], shown: Shown, prefill: str = "") -> Prompt:
        """The prompt about a query and documents, whose texts are ready to stand in it."""
        names = shown.identifiers or ("",) * len(texts)
        usual, attended = self.identifiers(len(texts)) if self.identifier else names, self.reads == "attention"
        places = [usual.index(name) if self.identifier else place for place, name in enumerate(names)]
        documents = [
            {"number": place + 1, "letter": chr(65 + place % 26), "id": name, "text": text}
            for place, name, text in zip(places, names, map(marked, texts) if attended else texts, strict=True)
        ]
        values = {"num": len(texts), "documents": documents, "instruction": self.instruction, **self.values}
        values["query"] = query
        if self.messages:
            turns = _turns(self.messages, values)
            contents, spans = located([turn.content for turn in turns])
            said = tuple(Message(turn.role, content) for turn, content in zip(turns, contents, strict=True))
            return Prompt(messages=said, spans=spans, prefill=prefill, shown=shown)
        if self.text:
            [text], spans = located([_filled(self.text, values)])
            return Prompt(text=text, spans=spans, most=self.most, prefill=prefill, shown=shown)
        parts, spans = located([_filled(self.parts, {**values, **d}) for d in documents], apart=True)
        return Prompt(parts=tuple(parts), spans=spans, most=self.most, prefill=prefill, shown=shown)

    def instructed(self, instruction: str | None) -> Template:
        """The same with another instruction; as published if None."""
        return self if instruction is None else replace(self, instruction=instruction)

    def told(self, **values: Any) -> Template:
        """The same with other words where the text leaves some open.

        Raises:
            UnknownName: the text leaves nothing open under that name.
        """
        if unknown := values.keys() - self.values.keys():
            raise UnknownName.among(f"value of prompt {self.name!r}", min(unknown), self.values)
        return replace(self, values={**self.values, **values})

    def unbegun(self) -> Template:
        """The same for models that think before they answer: nothing is put into their mouth."""
        return replace(self, prefill="", decoder_prefill="")

    def beginning(self, llm: LLM) -> str:
        """How the reply of a model begins: nothing where its backend cannot go on from there."""
        if not llm.prefills:
            return ""
        return self.decoder_prefill if llm.encoder_decoder else self.prefill

    def continued(self, query: str, llm: LLM) -> str:
        """What a query-likelihood reading measures."""
        return _filled(self.decoder_continuation if llm.encoder_decoder else self.continuation, {"query": query})


def _turns(messages: Sequence[Mapping[str, Any]], values: Mapping[str, Any]) -> list[Message]:
    turns: list[Message] = []
    for message in messages:
        [(role, content)] = message.items()
        if role == "each":
            for document in values["documents"]:
                turns += _turns(content, {**values, **document})
        else:
            turns.append(Message(role, _filled(content, values)))
    return turns


@cache
def _compiled(source: str) -> Any:
    import jinja2

    # no escaping: what is made is a prompt, not a web page; texts are values and never templates themselves
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701
    )
    return environment.from_string(source)


def _filled(source: str, values: Mapping[str, Any]) -> str:
    return str(_compiled(source).render(values))


def names() -> list[str]:
    """Every prompt file's name, sorted."""
    return sorted(f.name.removesuffix(".yaml") for f in files(__package__).iterdir() if f.name.endswith(".yaml"))


@cache
def template(name: str) -> Template:
    """The prompt file of that name.

    Raises:
        UnknownName: there is none.
    """
    if name not in names():
        raise UnknownName.among("prompt", name, names())
    return made(name, packaged(files(__package__) / f"{name}.yaml"))


def made(name: str, said: Mapping[str, Any]) -> Template:
    """A template from what a prompt file says.

    Raises:
        UnknownName: it says something that no prompt file says.
        BadInput: something is missing or is none of the possible values.
    """
    if unknown := said.keys() - KEYS:
        raise UnknownName.among(f"key of prompt file {name!r}", min(unknown), KEYS)
    if missing := {"source", "licence", "reads"} - said.keys():
        raise BadInput(f"prompt file {name!r} does not say its {min(missing)}")
    if said["reads"] not in READS:
        raise UnknownName.among(f"reading of prompt {name!r}", said["reads"], READS)
    neutral = tuple((re.compile(p), r) for p, r in said.get("neutral", {}).items())
    return Template(name=name, **{**said, "neutral": neutral, "messages": tuple(said.get("messages", ()))})
