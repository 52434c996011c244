"""How a network's output becomes weights of terms: what the caller, the catalogue, the model and its family say."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from rankify import catalog
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.packaged import packaged

CHOICES: dict[str, tuple[Any, ...]] = {
    "head": ("mlm", "token", "word"),
    "activation": ("log1p", "log1p-log1p", "relu"),
    "pooling": ("max", "sum"),
    "query_pooling": ("max", "sum"),
    "queries": ("encoded", "ones", "counts", "table"),
    "special": (True, False, "separators"),
}
TABLES = ("query_token_weights.txt", "idf.json")  # a line a token with its weight, or one object
GREATEST = 1e9  # of a scale: whole weights, and sums of their products, are numbers in float32
_SAVED_ACTIVATIONS = {"relu": "log1p", "log1p_relu": "log1p-log1p"}


@dataclass(frozen=True, kw_only=True)
class Weighting:
    """Everything besides the network's weights that decides the weights of terms.

    Args:
        head: mlm, where every token can put weight on every term of the vocabulary; token, where each token weighs
            itself; word, where the first piece of each word weighs it.
        layers: the linear layers behind the network that make a number of each token, for the heads token and word.
        activation: log1p is log(1 + relu(x)), log1p-log1p is log(1 + log(1 + relu(x))).
        pooling: the greatest of a term's numbers in a text, or their sum.
        query_pooling: the same for queries; as `pooling` if not given.
        queries: encoded by the network, or without it: every distinct token 1 (ones), as often as it stands there
            (counts), or what a table among the model's files says (table).
        special: whether special tokens are terms: all, none, or only the separator behind the text (separators).
        max_length, query_length: the most tokens read; None for all the network can.
        query_prefix, document_prefix: what stands before each text.
        scale: weights of encoded texts become whole numbers, round(scale * weight); 0 leaves them as they are.
    """

    head: str
    activation: str
    pooling: str
    queries: str
    layers: str = ""
    query_pooling: str = ""
    special: bool | str = True
    max_length: int | None = None
    query_length: int | None = None
    query_prefix: str = ""
    document_prefix: str = ""
    scale: float = 0.0

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            value = getattr(self, name)
            if value not in known and not (name == "query_pooling" and not value):
                raise UnknownName.among(f"{name} of sparse weights", str(value), map(str, known))
        if not 0 <= self.scale <= GREATEST:
            raise Misuse(
                f"scale={self.scale}: weights are multiplied by a number up to {GREATEST:.0e}, or left alone by 0"
            )

    @classmethod
    def of(cls, model: str, folder: Path, asked: Mapping[str, Any]) -> Weighting:
        """The weighting of a model: what is asked for wins over the catalogue, that over the model's own files.

        Raises:
            UnknownName: a family, or a value of one of the fields, that there is not.
            BadInput: nothing says what the model's output means.
        """
        given = {name: value for name, value in asked.items() if value is not None}
        known = (
            {} if "weighting" in given else {**_saved(folder), **catalog.models().get(model, {}).get("weighting", {})}
        )
        said = {**known, **given}
        name = said.pop("weighting", None)
        if name is None:
            raise BadInput(
                f"model {model!r} does not say how it weighs terms, nor does the catalogue; "
                f"give weighting={', '.join(families())}"
            )
        if name not in families():
            raise UnknownName.among("weighting", name, families())
        return cls(**{**families()[name], **said})

    def described(self) -> dict[str, Any]:
        """The weighting as fields of a manifest."""
        return asdict(self)


@cache
def families() -> dict[str, dict[str, Any]]:
    """The published families by name."""
    read = packaged(files(__package__) / "sparse.yaml")
    own = {field.name for field in fields(Weighting)}
    return {name: {key: value for key, value in entry.items() if key in own} for name, entry in read.items()}


def _saved(folder: Path) -> dict[str, Any]:
    """What a model's files say: an encoder of sentence-transformers, or a masked language model."""
    said: dict[str, Any] = {}
    if any(kind.endswith("ForMaskedLM") for kind in _read(folder / "config.json").get("architectures") or ()):
        said["weighting"] = "splade"
    for path in sorted(folder.glob("*SpladePooling/config.json")):
        config = _read(path)
        activation = config.get("activation_function", "relu")
        said |= {"weighting": "splade", "pooling": config.get("pooling_strategy", "max")}
        said["activation"] = _SAVED_ACTIVATIONS.get(activation, activation)
    if said and any((folder / name).is_file() for name in TABLES):
        said |= {"queries": "table", "special": False}
    return said


def query_table(folder: Path) -> dict[str, float]:
    """Tokens and the weights that a model's files give them in queries.

    Raises:
        BadInput: there is no such file, or it does not say that.
    """
    path = next((folder / name for name in TABLES if (folder / name).is_file()), None)
    if path is None:
        raise BadInput(f"the model in {folder} has no weights for queries: none of {', '.join(TABLES)} is there")
    try:
        pairs = _read(path).items() if path.suffix == ".json" else _pairs(path)
        found = {str(token): float(weight) for token, weight in pairs}
        if wrong := [token for token, weight in found.items() if not math.isfinite(weight)]:
            raise ValueError(f"the weight of {wrong[0]!r} is {found[wrong[0]]}")
        return found
    except (ValueError, TypeError, AttributeError, OSError) as error:
        raise BadInput(f"cannot read {path} as tokens with their weights: {error}") from None


def _pairs(path: Path) -> list[tuple[str, str]]:
    """The tokens and weights of a file with a tab between them, a line each."""
    lines = [line.rpartition("\t") for line in path.read_text("utf-8").split("\n") if line]
    return [(token, weight) for token, _, weight in lines]


def _read(path: Path) -> Any:
    """A JSON file, or nothing where there is none."""
    try:
        return json.loads(path.read_text("utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise BadInput(f"cannot read {path}: {error}") from None
