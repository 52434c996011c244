"""query2doc: the query and a passage that a language model made up, searched for together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rankify.errors import BadInput, Misuse
from rankify.io.jsonl import records
from rankify.llm.protocol import LLM
from rankify.prompts.template import template
from rankify.retrieve.expansion import Expansion
from rankify.stages import Retriever
from rankify.types import Query, Run

TIMES = 5  # how often the query stands before the passage where terms are counted, so that it is not outweighed


class Query2Doc(Expansion):
    """A search for the query and a passage about it that a language model wrote.

    Wang, Yang and Wei, arXiv:2303.07678. Where terms are counted the query stands five times before the passage, so
    that it is not outweighed; a retriever that reads with a network gets the query, its tokenizer's separator (`[SEP]`)
    and the passage.

    `query2doc(bm25, llm=LLM) % 100`. The paper shows the model four examples from MS MARCO's training set, whose terms
    allow no copy in here: `examples` names a file with yours. Without it the model is asked without an example.

    Args:
        retriever: what searches; any.
        llm: a language model's spec, or the backend.
        examples: a file of JSON lines, each an example's query and passage; shown in their order.
        repeat: how often the query stands before the passage; if not given, 5 times where terms are
            counted and once where a network reads.
        max_tokens: the most tokens of a passage.
        temperature, top_p, seed: how it is drawn, as for `hyde`; temperature 0 takes the likeliest one.

    Raises:
        BadInput: a file of examples that cannot be read.
        Misuse: an option out of range.
    """

    name: ClassVar[str] = "query2doc"

    def __init__(
        self, retriever: Retriever, llm: str | LLM, *, examples: str | None = None, repeat: int | None = None,
        max_tokens: int = 128, temperature: float = 1.0, top_p: float = 1.0, seed: int = 0,
    ) -> None:  # fmt: skip
        if repeat is not None and (not isinstance(repeat, int) or isinstance(repeat, bool) or repeat < 1):
            raise Misuse(f"query2doc with repeat={repeat!r}: it is a whole number from 1 up")
        prompt = template("query2doc").told(examples=_examples(examples) if examples else [])
        super().__init__(retriever, llm, prompt, max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed)
        self.examples, self.repeat = examples, repeat
        encoder = getattr(retriever, "encoder", None)  # of the retrievers that read texts with a network
        self._times = repeat or (TIMES if encoder is None else 1)
        self._between = " " if encoder is None else _separator(encoder)

    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        passages = self.written(queries, str)
        texts = [
            self._between.join([" ".join([query.text] * self._times), *some]) if some else query.text
            for query, some in zip(queries, passages, strict=True)
        ]
        return self.searched(queries, texts, k)


def _separator(encoder: Any) -> str:
    """What stands between query and passage: the tokenizer's separator, or a line break where none is known."""
    checkpoint = getattr(encoder, "checkpoint", None)  # a provider shows none
    own = checkpoint.tokenizer.sep_token if checkpoint else None
    return f" {own} " if own else "\n"


def _examples(path: str) -> list[dict[str, str]]:
    found = []
    for line, record in records(path):
        example = {name: record.get(name) for name in ("query", "passage")}
        if not all(isinstance(text, str) and text.strip() for text in example.values()):
            raise BadInput(f"{path}:{line}: an example has a query and a passage, each a text")
        found.append({name: str(text).strip() for name, text in example.items()})
    if not found:
        raise BadInput(f"{path} has no examples; leave examples away for none")
    return found
