"""From what a classification head gives to one score: which of its classes, through which function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.encoders.pair_recipe import PairRecipe
from rankify.encoders.saved import read
from rankify.errors import BadInput, Misuse, UnknownName

TORCH_NAMES = {"Sigmoid": "sigmoid", "Identity": "identity"}
OF_ALL = ("softmax", "log_softmax")  # need the other classes too


@dataclass(frozen=True)
class Reading:
    """How the logits of a pair become its score.

    Args:
        place: which class's.
        activation: one of `ACTIVATIONS`.
    """

    place: int
    activation: str

    @classmethod
    def of(cls, model: str, labels: Sequence[str], recipe: PairRecipe, config: Any, folder: Path) -> Reading:
        """The reading that the recipe and the model's configuration ask for.

        With several classes it is a probability where nothing else is asked for: a logit alone does not say how the
        others stand.

        Raises:
            BadInput: there are several classes and no label says which, or the configuration names an activation that
                is not computed here.
            UnknownName: there is no such label.
            Misuse: an activation of several classes for a head with one.
        """
        if len(labels) == 1:
            if recipe.activation in OF_ALL:
                raise Misuse(f"activation={recipe.activation}: model {model!r} has one label; sigmoid or identity")
            return cls(_place(recipe.label, labels) if recipe.label is not None else 0,
                       recipe.activation or _configured(model, config, folder))  # fmt: skip
        if recipe.label is None:
            raise BadInput(
                f"model {model!r} has {len(labels)} labels ({', '.join(labels)}): a classifier such as NLI, "
                f"where one score is needed; label={labels[-1]} takes that one on purpose"
            )
        return cls(_place(recipe.label, labels), recipe.activation or "softmax")

    def scores(self, logits: Any) -> NDArray[np.float32]:
        """A score for each pair, shape (pairs,).

        Args:
            logits: an array or a tensor, shape (pairs, classes).
        """
        values = np.asarray(logits.float().cpu() if hasattr(logits, "cpu") else logits, dtype=np.float32)
        if self.activation in OF_ALL:
            values = values - np.logaddexp.reduce(values, axis=1, keepdims=True)
        one = values[:, self.place]
        if self.activation == "sigmoid":
            one = np.exp(-np.logaddexp(np.float32(0), -one))  # distinct far below 0, where 1 / (1 + exp(-x)) overflows
        return np.exp(one) if self.activation == "softmax" else one


def _place(label: str | int, labels: Sequence[str]) -> int:
    """The place of a class, by name or number."""
    if isinstance(label, int) and not isinstance(label, bool) and 0 <= label < len(labels):
        return label
    if label not in labels:
        raise UnknownName.among("label", str(label), labels)
    return labels.index(str(label))


def _configured(model: str, config: Any, folder: Path) -> str:
    """What the model's configuration names, under the keys that sentence-transformers has used; sigmoid if nothing.

    Raises:
        BadInput: it names a function that is none of those for one class.
    """
    named = (getattr(config, "sentence_transformers", None) or {}).get("activation_fn")
    named = named or getattr(config, "sbert_ce_default_activation_function", None)
    named = named or read(folder / "config_sentence_transformers.json").get("activation_fn")
    if not named:
        return "sigmoid"
    found = TORCH_NAMES.get(named.rpartition(".")[2]) if named.startswith("torch.") else None
    if found is None:
        raise BadInput(f"model {model!r} asks for the activation {named!r}; give activation=sigmoid or identity")
    return found
