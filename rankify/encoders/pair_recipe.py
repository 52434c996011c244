"""How a cross-encoder reads a pair: what the caller, the catalogue and the model's own files say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from rankify import catalog
from rankify.documents import Document
from rankify.encoders.pair_rows import CUTS
from rankify.encoders.texts import passage
from rankify.errors import Misuse, UnknownName

ACTIVATIONS = ("sigmoid", "identity", "softmax", "log_softmax")
QUERY = re.compile(r"\{(query|instruction)\}")
DOCUMENT = re.compile(r"\{(document|title|text)\}")


@dataclass(frozen=True, kw_only=True)
class PairRecipe:
    """Everything besides the weights that decides a pair's score.

    Args:
        query_prefix: what stands before all that is read of a query.
        query_template: what is read of a query, which stands in it for `{query}`, as an instruction does for
            `{instruction}`.
        document_template: what is read of a document: `{document}` is its title and text, or its text where it has no
            title; `{title}` and `{text}` stand for each alone, with what stands between them whatever they are.
        instructed_template: the query's template where there is an instruction; "" for the same.
        instruction: what the queries ask for, in words; "" for nothing.
        special: the tokens before, between and behind both texts; None for what the tokenizer puts.
        cut: what gives way of a pair that is too long: `longest_first`, as fast tokenizers cut it,
            `longest_first_slow`, as those in Python do, or `only_second`, with which a query is cut to three quarters
            of a pair first.
        query_length, document_length: the most tokens of either text, its template included; None for no limit.
        max_length: the most tokens of a pair; None for all the network can read.
        activation: one of `ACTIVATIONS`, which makes a score of what the network gives; None for what the model's
            configuration says.
        label: the class whose value is the score, by name or number; None for the only one.
        tokenizer: whose tokenizer reads the texts; None for the model's own.
    """

    query_prefix: str = ""
    query_template: str = "{query}"
    document_template: str = "{document}"
    instructed_template: str = ""
    instruction: str = ""
    special: tuple[str, str, str] | None = None
    cut: str = "longest_first"
    query_length: int | None = None
    document_length: int | None = None
    max_length: int | None = None
    activation: str | None = None
    label: str | int | None = None
    tokenizer: str | None = None

    @classmethod
    def of(cls, model: str, asked: Mapping[str, Any], own: Mapping[str, Any] | None = None) -> PairRecipe:
        """The recipe of a model: what is asked for wins over the catalogue, and that over the model's own files.

        Raises:
            UnknownName: an activation or a cut that there is not.
            Misuse: a template without its text, or an instruction for a model that takes none.
        """
        given = {name: value for name, value in asked.items() if value is not None}
        if unknown := given.keys() - {field.name for field in fields(cls)}:
            raise UnknownName.among("field of a pair's recipe", min(unknown), [field.name for field in fields(cls)])
        own = {name: value for name, value in (own or {}).items() if value is not None}
        said = {**own, **catalog.models().get(model, {}).get("pair", {}), **given}
        for name, known in (("activation", ACTIVATIONS), ("cut", CUTS)):
            if said.get(name) is not None and said[name] not in known:
                raise UnknownName.among(name, said[name], known)
        special = said.get("special")
        found = cls(**{**said, "special": None if special is None else tuple(special)})
        found._refuse(model)
        return found

    @property
    def _query_template(self) -> str:
        return self.instructed_template if self.instruction and self.instructed_template else self.query_template

    def query(self, text: str) -> str:
        """What is read of a query."""
        values = {"query": text, "instruction": self.instruction}
        return self.query_prefix + QUERY.sub(lambda place: values[place[1]], self._query_template)

    def document(self, document: Document) -> str:
        """What is read of a document."""
        values = {"title": document.title, "text": document.text, "document": passage(document)}
        return DOCUMENT.sub(lambda place: values[place[1]], self.document_template)

    @property
    def tails(self) -> tuple[str, str]:
        """What stands behind a query and behind a document."""
        return QUERY.split(self._query_template)[-1], DOCUMENT.split(self.document_template)[-1]

    def frame(self) -> tuple[str, str]:
        """What is read of an empty query and of an empty document."""
        return self.query(""), self.document(Document("", ""))

    def _refuse(self, model: str) -> None:
        if "{query}" not in self._query_template:
            raise Misuse(f"query_template={self._query_template!r} has no place for a query: write {{query}} in it")
        if not {"document", "text"} & {*DOCUMENT.findall(self.document_template)}:
            raise Misuse(
                f"document_template={self.document_template!r} has no place for a document: write {{document}} in it"
            )
        if self.instruction and "{instruction}" not in self._query_template:
            raise Misuse(
                f"instruction={self.instruction!r}: model {model!r} takes no instruction; "
                "query_template= puts words around a query"
            )
