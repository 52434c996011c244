"""How a model's token vectors become a text's vector: what the caller, the catalogue and the model itself say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from rankify import catalog
from rankify.encoders.instructions import instruction_of
from rankify.encoders.pooling import POOLINGS
from rankify.encoders.saved import said_by
from rankify.errors import BadInput, Misuse, UnknownName

SIMILARITIES = ("cosine", "dot")
TASK = "{instruction}"
_ALWAYS = {"max_length", "query_prefix", "document_prefix", "similarity", "lowercase"}
# what decides no vector by itself, but by what it puts before a query, or by the files of the other tower
_SOURCES = {"instructed_prefix", "instruction", "tasks", "matryoshka", "query_model"}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything besides the weights that decides a vector.

    Args:
        pooling: one of `POOLINGS`, or "modules" where the model has modules that are not computed here.
        normalize: whether vectors have length 1.
        max_length: the most tokens read; None for all the network can.
        query_prefix, document_prefix: what stands before each text.
        similarity: cosine or dot, by which the vectors are meant to be compared.
        lowercase: whether texts are lowercased first.
        query_length: the most tokens read of a query; None for as many as of a document.
        instructed_prefix: what stands before each query in place of `query_prefix` where there is an instruction, which
            stands in it for `{instruction}`; "" where the model takes none.
        instruction: what the queries ask for, in words; "" for nothing.
        tasks: the set of `instructions.yaml` in which a task's name is looked up first.
        title_separator: what stands between a document's title and its text.
        special: whether the tokenizer puts its special tokens around a text.
        end: the token that every text ends in; "" where the tokenizer says it all.
        fill: the token that fills a query up to its length; "" for none. It is attended to and pooled.
        pool_prefix: whether the tokens of what stands before a text are pooled.
        suffix: what stands behind each text.
        text_length: the most tokens of a text by itself; a longer one loses words at its end.
        pool_text: whether only so many tokens are pooled, counted from the end, as the text and its suffix are by
            themselves: no prefix, and nothing that the tokenizer puts before it.
        bidirectional: whether a decoder's tokens attend to those behind them too.
        standardize: whether a vector's values get mean 0 and variance 1 before it is cut.
        matryoshka: the fewest dimensions that a vector was trained to be cut to; None if it was not.
        dimensions: how many of a vector's first values are kept; None for all.
        query_model: the model that reads queries; None where one reads both.
    """

    pooling: str
    normalize: bool
    max_length: int | None = None
    query_prefix: str = ""
    document_prefix: str = ""
    similarity: str = "cosine"
    lowercase: bool = False
    query_length: int | None = None
    instructed_prefix: str = ""
    instruction: str = ""
    tasks: str = ""
    title_separator: str = " "
    special: bool = True
    end: str = ""
    fill: str = ""
    pool_prefix: bool = True
    suffix: str = ""
    text_length: int | None = None
    pool_text: bool = False
    bidirectional: bool = False
    standardize: bool = False
    matryoshka: int | None = None
    dimensions: int | None = None
    query_model: str | None = None

    @classmethod
    def of(cls, model: str, folder: Path, asked: Mapping[str, Any]) -> Recipe:
        """The recipe of a model: what is asked for wins over the catalogue, and that over the model's own files.

        Raises:
            UnknownName: a pooling or task that there is not.
            BadInput: nothing says how the model pools, or its vectors are to be compared by a distance.
            Misuse: an instruction for a model that takes none, or a cut that the model was not trained for.
        """
        published = catalog.models().get(model, {}).get("encoding", {})
        given = {name: value for name, value in asked.items() if value is not None}
        said = {**said_by(folder), **published, **given}
        if "pooling" not in said:
            raise BadInput(
                f"model {model!r} does not say how it pools, nor does the catalogue; give pooling={', '.join(POOLINGS)}"
            )
        if said["pooling"] not in (*POOLINGS, "modules"):
            raise UnknownName.among("pooling", said["pooling"], POOLINGS)
        if said.get("similarity", "cosine") not in SIMILARITIES:
            known = " or ".join(SIMILARITIES)
            raise BadInput(f"model {model!r} compares by {said['similarity']}, and here it is {known}")
        said["instruction"] = _instruction(model, said, given)
        _refuse_cut(model, said, bool(published))
        return cls(**{"normalize": said.get("similarity", "cosine") == "cosine", **said})

    @property
    def before_query(self) -> str:
        """What stands before each query, the instruction included."""
        return self.instructed_prefix.replace(TASK, self.instruction) if self.instruction else self.query_prefix

    def described(self) -> dict[str, Any]:
        """The recipe as fields of a manifest; those that most models lack only where they say something."""
        usual = {field.name: field.default for field in fields(self) if field.default is not MISSING}
        said = {name: value for name, value in asdict(self).items() if name not in _SOURCES}
        kept = {name: value for name, value in said.items() if name in _ALWAYS or value != usual.get(name, MISSING)}
        return {**kept, "query_prefix": self.before_query}


def _instruction(model: str, said: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """The words of the instruction, if there is one."""
    if "instruction" not in given:
        return "" if "query_prefix" in given else str(said.get("instruction", ""))
    asked = str(given["instruction"])
    if "query_prefix" in given:
        raise Misuse(f"instruction={asked!r} and query_prefix={given['query_prefix']!r} both stand before a query")
    if TASK not in said.get("instructed_prefix", ""):
        raise Misuse(f"instruction={asked!r}: model {model!r} takes no instruction; query_prefix= puts words before it")
    return instruction_of(asked, str(said.get("tasks", "")))


def _refuse_cut(model: str, said: Mapping[str, Any], known: bool) -> None:
    """Raises Misuse for vectors that are to be cut shorter than the model was trained for."""
    asked, least = said.get("dimensions"), said.get("matryoshka")
    if asked is None or (not known and asked >= 1):
        return
    if least is None:
        raise Misuse(f"dimensions={asked}: model {model!r} was not trained to have its vectors cut")
    if asked < least:
        raise Misuse(f"dimensions={asked}: model {model!r} was trained to have its vectors cut to {least} or more")
