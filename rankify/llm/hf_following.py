"""Texts that go on where another one stopped: their tokens, and tokens as such a text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from operator import eq
from typing import Any

from rankify.encoders.texts import whole
from rankify.llm.hf_format import tokenized

LABEL = 32  # the most characters of a text that is asked about again and again
MARKS = ("▁", "Ġ")  # how vocabularies write a blank
# texts to tokenize another one behind; one of them ends in a token that does not grow into what follows
ANCHORS = ("[", "a", "0", "。")


class Following:
    """The tokens of a text in the middle of another, "A" and " A" told apart.

    A tokenizer that reads "A" as "▁A", as if a text began there, would not do: what is asked is how likely "A" is
    behind "[".
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._vocabulary = tokenizer.get_vocab()
        first = tokenizer.convert_ids_to_tokens(tokenized(tokenizer, ["a"])[0][:1])
        self._blank = next((mark for mark in MARKS if first and first[0].startswith(mark)), "")
        self._known: dict[tuple[str, bool], list[int]] = {}

    def tokens(self, text: str, *, begins: bool = False) -> list[int]:
        """The token ids of a text.

        Args:
            begins: nothing stands before it, so that the tokenizer's own reading of a text is right.
        """
        if len(text) > LABEL:
            return self._read(text, begins)
        key = (text, begins)
        if key not in self._known:
            self._known[key] = self._read(text, begins)
        return self._known[key]

    def text(self, tokens: Sequence[int], *, begins: bool) -> str:
        """What a reply says, without special tokens; a leading blank is kept unless it begins a text."""
        if begins or not self._blank:
            return self._decoded(tokens)
        anchor = self.tokens("a", begins=True)
        before, both = self._decoded(anchor), self._decoded([*anchor, *tokens])
        return both[len(before) :] if both.startswith(before) else self._decoded(tokens)

    def pieces(self, tokens: Sequence[int], *, begins: bool) -> list[str]:
        """What each token adds to what a reply says, all of which they spell.

        Nothing is added by special tokens, and by those that end inside of a character: the next one adds it.
        """
        whole, done, found = self.text(tokens, begins=begins), 0, []
        for n in range(1, len(tokens) + 1):
            so_far = self.text(tokens[:n], begins=begins)
            reach = max(done, sum(takewhile(bool, map(eq, whole, so_far))))
            found.append(whole[done:reach])
            done = reach
        return found

    def _decoded(self, tokens: Sequence[int]) -> str:
        decoded = self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(decoded)

    def _read(self, text: str, begins: bool) -> list[int]:
        alone = tokenized(self.tokenizer, [text])[0] if begins or not self._blank else []
        return alone or self._behind(text)

    def _behind(self, text: str) -> list[int]:
        """The tokens behind an anchor, for a tokenizer that puts a blank before each text it begins."""
        for piece in (text, text.replace(" ", self._blank)):
            if piece in self._vocabulary:
                return [int(self._vocabulary[piece])]
        for anchor in ANCHORS:
            before, both = tokenized(self.tokenizer, [anchor, anchor + whole(text)])
            if both[: len(before)] == before:
                return both[len(before) :]
        return tokenized(self.tokenizer, [text])[0]
