"""The documents that a prompt shows: which of them, how much of each, in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rankify.documents import Document
from rankify.errors import Misuse, UnknownName
from rankify.llm.protocol import LLM
from rankify.stages import positive

Order = Literal["best-first", "best-last", "sides"]
ORDERS = ("best-first", "best-last", "sides")


@dataclass(frozen=True, kw_only=True)
class Context:
    """What is shown of the documents of a ranking.

    Args:
        top: how many are shown at most.
        order: best-first; best-last; or sides, with the best at both ends and the worst in the middle, where models
            read least (Lost in the Middle, arXiv:2307.03172).
        passage_tokens: the most tokens of a document; all of it if None.
        context_tokens: the most tokens of all documents together; what the model reads if None. The best are kept.

    Raises:
        Misuse: a number below 1.
        UnknownName: there is no such order.
    """

    top: int = 5
    order: str = "best-first"
    passage_tokens: int | None = None
    context_tokens: int | None = None

    def __post_init__(self) -> None:
        positive(self.top)
        for name in ("passage_tokens", "context_tokens"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise Misuse(f"{name}={value!r}: that is a number of tokens, a whole number above 0")
        if self.order not in ORDERS:
            raise UnknownName.among("order of documents", self.order, ORDERS)

    def arranged(self, ranks: Sequence[int]) -> list[int]:
        """Ranks, best first, in the order in which a prompt shows them.

        >>> Context(order="sides").arranged([0, 1, 2, 3, 4]), Context(order="best-last").arranged([0, 1, 2])
        ([0, 2, 4, 3, 1], [2, 1, 0])
        """
        if self.order == "sides":
            return [*ranks[::2], *reversed(ranks[1::2])]
        return list(ranks) if self.order == "best-first" else list(reversed(ranks))

    def within(self, llm: LLM, texts: Sequence[str]) -> tuple[list[str], int]:
        """Texts, best first, as far as the model's tokens are allowed to go, and how many of them were cut.

        The first text that does not fit and all behind it are left out; the best one is cut instead.
        """
        if self.passage_tokens is None and self.context_tokens is None:
            return list(texts), 0
        kept = list(texts) if self.passage_tokens is None else llm.cut(texts, self.passage_tokens)
        if self.context_tokens is not None and kept:
            left, lengths = self.context_tokens, llm.tokens(kept)
            if lengths[0] > left:
                kept = llm.cut(kept[:1], left)
            else:
                fits = [sum(lengths[: n + 1]) <= left for n in range(len(kept))]
                kept = kept[: fits.index(False)] if False in fits else kept
        return kept, sum(now != before for now, before in zip(kept, texts, strict=False))


def distinct(documents: Sequence[Document]) -> tuple[list[Document], Counter[str]]:
    """Documents without those whose title and text were there before, and how many those are.

    >>> found, counts = distinct([Document("1", "A  cat"), Document("2", "a cat."), Document("3", "a cat")])
    >>> [document.id for document in found], counts
    (['1', '2'], Counter({'duplicates': 1}))
    """
    found: dict[str, Document] = {}
    for document in documents:
        found.setdefault(" ".join(f"{document.title} {document.text}".casefold().split()), document)
    return list(found.values()), +Counter(duplicates=len(documents) - len(found))
