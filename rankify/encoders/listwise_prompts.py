"""What a listwise decoder reads: blocks of documents with a query, each text cut to size, in the model's own format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from rankify.encoders.texts import token_rows
from rankify.errors import BadInput
from rankify.packaged import packaged

FORMAT = "jina-reranker-v3"


@cache
def wording() -> dict[str, str]:
    """The pieces of the prompt, and the two tokens at which the network is read."""
    found: dict[str, dict[str, str]] = packaged(files("rankify.encoders") / "listwise.yaml")
    return found[FORMAT]


@dataclass(frozen=True, slots=True)
class Block:
    """Documents that are read together.

    Args:
        query: which one of the queries.
        tokens: the whole prompt.
        documents: how many documents stand in it.
    """

    query: int
    tokens: list[int]
    documents: int


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """How queries and their documents become blocks, as jina-reranker-v3's own code has it.

    A block ends with `block` documents, or when what is left of the context could be too little for one more.

    Args:
        tokenizer: the model's.
        context: the most tokens of a block's texts; the query stands there twice.
        block: the most documents of a block.
        query_length, document_length: the most tokens of each text.
        instruction: what the documents are wanted for; "" for nothing.
    """

    tokenizer: Any
    context: int
    block: int
    query_length: int
    document_length: int
    instruction: str = ""

    def of(self, queries: Sequence[str], documents: Sequence[Sequence[str]]) -> list[Block]:
        """The blocks of all queries, in order; none for a query without documents."""
        asked = self._cut(queries, self.query_length)
        places = {text: place for place, text in enumerate(dict.fromkeys(text for own in documents for text in own))}
        read = self._cut(list(places), self.document_length)
        found = []
        for number, (query, own) in enumerate(zip(asked, documents, strict=True)):
            texts = [read[places[text]] for text in own]
            found += [
                (number, query[0], [text for text, _ in texts[start:end]])
                for start, end in self._bounds(query[1], [length for _, length in texts])
            ]
        rows = token_rows(self.tokenizer, [self._prompt(query, texts) for _, query, texts in found], 1 << 30)
        return [Block(n, row, len(texts)) for (n, _, texts), row in zip(found, rows, strict=True)]

    @property
    def ids(self) -> tuple[int, int]:
        """The tokens behind a document and behind the query.

        Raises:
            BadInput: the model's tokenizer lacks one.
        """
        known, wanted = self.tokenizer.get_vocab(), (wording()["document_token"], wording()["query_token"])
        if lacking := [token for token in wanted if token not in known]:
            raise BadInput(f"the model's tokenizer has no token {lacking[0]!r}: it is none of jina-reranker-v3's kind")
        return known[wanted[0]], known[wanted[1]]

    def _bounds(self, query: int, lengths: Sequence[int]) -> list[tuple[int, int]]:
        """Where the blocks of one query begin and end, by the lengths of its texts."""
        found, start, room = [], 0, self.context - 2 * query
        for place, length in enumerate(lengths, 1):
            room -= length
            if place - start >= self.block or room <= self.document_length:
                found.append((start, place))
                start, room = place, self.context - 2 * query
        return [*found, (start, len(lengths))] if start < len(lengths) else found

    def _cut(self, texts: Sequence[str], most: int) -> list[tuple[str, int]]:
        """Each text, or what its first tokens say, and how many tokens that is; it holds none that is read."""
        rows = token_rows(self.tokenizer, texts, most)
        return [
            (_without_marks(self.tokenizer.decode(row) if len(row) >= most else text), len(row))
            for text, row in zip(texts, rows, strict=True)
        ]

    def _prompt(self, query: str, texts: Sequence[str]) -> str:
        said = wording()
        beginning = said["beginning"].format(n=len(texts), query=query)
        task = said["instruction"].format(instruction=_without_marks(self.instruction)) if self.instruction else ""
        passages = [said["passage"].format(place=place, text=text) for place, text in enumerate(texts)]
        return beginning + task + "\n".join(passages) + said["end"].format(query=query)


def _without_marks(text: str) -> str:
    """The text without the tokens that are read, also where leaving one out would make another.

    >>> _without_marks("a <|embed_<|rerank_token|>token|>b")
    'a b'
    """
    marks = (wording()["document_token"], wording()["query_token"])
    while any(mark in text for mark in marks):
        for mark in marks:
            text = text.replace(mark, "")
    return text
