"""How one side of a bi-encoder, queries or documents, turns texts into rows of token ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rankify.encoders.texts import token_rows
from rankify.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of one side.

    Args:
        prefix: what stands before each text.
        limit: the most tokens of a row; longer ones are cut, and keep the token that they end in.
        special: whether the tokenizer puts its special tokens around a text.
        end: the token that every row ends in; "" where the tokenizer says it all.
        fill: the token that fills each row up to the limit; "" for none.
        suffix: what stands behind each text, whose own blanks at its end go then.
        text_length: the most tokens of a text by itself; a longer one loses words at its end. None for all.
    """

    tokenizer: Any
    prefix: str
    limit: int
    special: bool = True
    end: str = ""
    fill: str = ""
    suffix: str = ""
    text_length: int | None = None

    def of(self, texts: Sequence[str]) -> list[list[int]]:
        """A row for each text, with the prefix before it."""
        before = [self.prefix + text for text in self._bodies(texts)]
        if not self.end or self._ends_by_itself():
            rows = self._cut(before, self.limit)
        else:
            rows = [[*row, self._id(self.end)] for row in self._cut(before, self.limit - 1)]
        return [row + [self._id(self.fill)] * (self.limit - len(row)) for row in rows] if self.fill else rows

    def prefixed(self) -> int:
        """How many tokens of each row are the prefix's, with those that the tokenizer puts before it."""
        if not self.prefix:
            return 0
        [row] = self._cut([self.prefix], self.limit)
        ends = (self.tokenizer.sep_token_id, self.tokenizer.eos_token_id)
        return len(row) - (self.special and row[-1] in ends)  # what ends a text stands behind the text

    def before_texts(self, texts: Sequence[str], rows: Sequence[Sequence[int]]) -> list[int]:
        """How many tokens of each text's row are more than the text and its suffix are by themselves."""
        bodies = token_rows(self.tokenizer, self._bodies(texts), self.limit, special=False)
        return [max(0, len(row) - len(body)) for row, body in zip(rows, bodies, strict=True)]

    def _bodies(self, texts: Sequence[str]) -> Sequence[str]:
        """The texts with what stands behind them, none longer than it may be by itself."""
        kept = texts if self.text_length is None else [self._by_words(text, self.text_length) for text in texts]
        return [text.rstrip() + self.suffix for text in kept] if self.suffix else kept

    def _by_words(self, text: str, most: int) -> str:
        """The text, or so many of its words that it is no longer, in the steps of LLM2Vec (arXiv:2404.05961).

        Of a single word that is longer, which there would be nothing left of, it is the first tokens.
        """
        while (length := len(token_rows(self.tokenizer, [text], self.limit, special=False)[0])) > most:
            words = text.split()
            kept = int(len(words) * most / length)
            if not kept:
                return str(self.tokenizer.decode(token_rows(self.tokenizer, [text], most, special=False)[0])).strip()
            text = " ".join(words[:kept])
        return text

    def _cut(self, texts: Sequence[str], limit: int) -> list[list[int]]:
        return token_rows(self.tokenizer, texts, limit, special=self.special)

    def _ends_by_itself(self) -> bool:
        [row] = self._cut(["a"], self.limit)
        return row[-1] == self._id(self.end)

    def _id(self, token: str) -> int:
        vocabulary: dict[str, int] = self.tokenizer.get_vocab()
        if token not in vocabulary:
            raise BadInput(f"the model's tokenizer has no token {token!r}")
        return vocabulary[token]
