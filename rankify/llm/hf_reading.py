"""What a network reads of a prompt: token ids, and where the documents stand among them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from rankify.encoders.texts import CHUNK, whole
from rankify.errors import BadInput
from rankify.llm.hf_format import Format, tokenized
from rankify.llm.hf_rows import Row
from rankify.llm.protocol import Prompt, Span


class Reading:
    """Makes rows of prompts.

    Args:
        format: how the model wants its prompts.
        start: what a decoder of its own begins with; None for decoder-only models.
    """

    def __init__(self, format: Format, start: list[int] | None) -> None:
        self.format, self.tokenizer, self.start = format, format.tokenizer, start

    def rows(self, prompts: Sequence[Prompt]) -> list[Row]:
        """What the network reads of each prompt.

        Raises:
            BadInput: a prompt has parts and the model no encoder, or its documents cannot be found in what the chat
                template makes of it.
        """
        if self.start is None:
            return self._decoder_only(prompts)
        begun = tokenized(self.tokenizer, [prompt.prefill for prompt in prompts])
        return [
            Row([*self.start, *tokens], texts, spans=spans)
            for (texts, spans), tokens in zip(self._encoded(prompts), begun, strict=True)
        ]

    def _decoder_only(self, prompts: Sequence[Prompt]) -> list[Row]:
        if any(prompt.parts for prompt in prompts):
            raise BadInput("a prompt in parts is for encoder-decoders, and this model has no encoder")
        rows = [Row(tokens) for tokens in self.format.decoder_only(prompts)]
        for place, prompt in enumerate(prompts):
            if prompt.spans:
                text = self.format.text(prompt)
                spans = list(_shifted(prompt, text))
                tokens, found = _located(self.tokenizer, text + prompt.prefill, spans, special=False)
                before = len(rows[place].tokens) - len(tokens)  # a beginning of the sequence
                rows[place] = Row(rows[place].tokens, spans=[(start + before, end + before) for start, end in found])
        return rows

    def _encoded(self, prompts: Sequence[Prompt]) -> Iterator[tuple[list[list[int]], list[Span]]]:
        """For each prompt the texts that its encoder reads one by one, and where in them the documents stand."""
        whole_ones = iter(self.format.encoder([p for p in prompts if not p.parts and not p.most and not p.spans]))
        apart = self._parts([prompt for prompt in prompts if prompt.parts])
        for prompt in prompts:
            if prompt.parts:
                yield next(apart)
            elif prompt.most or prompt.spans:
                text = self.format.text(prompt)
                tokens, found = _located(self.tokenizer, text, list(_shifted(prompt, text)), most=prompt.most)
                yield [tokens], found
            else:
                yield [next(whole_ones)], []

    def _parts(self, prompts: Sequence[Prompt]) -> Iterator[tuple[list[list[int]], list[Span]]]:
        """The same for prompts in parts; parts that several of them have are read once.

        A document that goes on to the end of its part has the end of sequence too, as LiT5-Score counts it.
        """
        for most, some in groupby(prompts, key=lambda prompt: prompt.most):
            same = list(some)
            texts = list(dict.fromkeys(part for prompt in same for part in prompt.parts))
            located = any(prompt.spans for prompt in same)
            read = dict(zip(texts, _read(self.tokenizer, texts, most=most, located=located), strict=True))
            for prompt in same:
                spans = zip(prompt.parts, prompt.spans, strict=True) if prompt.spans else ()
                found = [_touched(read[part][1], span, to_end=span[1] >= len(part)) for part, span in spans]
                yield [read[part][0] for part in prompt.parts], found


def _shifted(prompt: Prompt, text: str) -> Iterator[Span]:
    """The prompt's spans as places in the text that the model's format makes of it."""
    if not prompt.messages:
        yield from prompt.spans
        return
    before = behind = 0  # where the message begins in the plain contents, and where to look for it in the text
    spans = iter(prompt.spans)
    span = next(spans, None)
    for message in prompt.messages:
        at = text.find(message.content, behind)
        ends = before + len(message.content)
        while span is not None and span[1] <= ends:
            if at < 0:
                raise BadInput("the model's chat template changes what messages say: documents cannot be found in it")
            yield span[0] - before + at, span[1] - before + at
            span = next(spans, None)
        behind = max(behind, at + len(message.content))
        before = ends + 1


def _located(
    tokenizer: Any, text: str, spans: Sequence[Span], *, most: int | None = None, special: bool = True
) -> tuple[list[int], list[Span]]:
    """The tokens of a text, cut to the most that may be read, and which of them each span of characters touches."""
    [(tokens, offsets)] = _read(tokenizer, [text], most=most, special=special, located=bool(spans))
    return tokens, [_touched(offsets, span) for span in spans]


def _read(
    tokenizer: Any, texts: Sequence[str], *, most: int | None, located: bool, special: bool = True
) -> Iterator[tuple[list[int], list[Span]]]:
    """The tokens of each text, cut to the most that may be read, and the characters of each, if they are asked for."""
    limit = {} if most is None else {"truncation": True, "max_length": most}
    for start in range(0, len(texts), CHUNK):
        some = [whole(text) for text in texts[start : start + CHUNK]]
        found = tokenizer(
            some, add_special_tokens=special, return_offsets_mapping=located, return_attention_mask=False,
            verbose=False, **limit,
        )  # fmt: skip
        yield from zip(found["input_ids"], found["offset_mapping"] if located else [[]] * len(some), strict=True)


def _touched(offsets: Sequence[Span], span: Span, *, to_end: bool = False) -> Span:
    """The first token of a span of characters, and the one behind its last; empty where all of it was cut off.

    Args:
        to_end: whether what stands behind its last character, which is no text, is part of it.
    """
    real = len(offsets)
    while real and offsets[real - 1][1] == 0:  # an end of the sequence stands at no characters
        real -= 1
    first = bisect_right(offsets, span[0], hi=real, key=lambda own: own[1])
    behind = bisect_left(offsets, span[1], lo=first, hi=real, key=lambda own: own[0])
    return (first, len(offsets) if to_end else behind) if behind > first else (0, 0)
