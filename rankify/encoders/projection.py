"""The linear layers that late-interaction models have behind their network, read from files that are never executed."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankify.errors import BadInput, needs

if TYPE_CHECKING:
    from torch import Tensor

INSIDE = "linear.weight"  # the layer of ColBERT's checkpoints, under this name among the weights of the network
TANH = "torch.nn.modules.activation.Tanh"  # what sentence-transformers applies where nothing is said

Layer = Callable[["Tensor"], "Tensor"]


def inside(folder: Path) -> Path | None:
    """The file of a model's weights that holds a projection, if there is one."""
    return next((path for path in _files(folder) if INSIDE in _weights(path, only=INSIDE)), None)


def projection(folder: Path, names: Sequence[str], *, like: Tensor) -> Layer:
    """All linear layers of a model, one after the other, as one function of token vectors.

    Args:
        folder: the model's.
        names: folders inside it that hold a Dense module, or `INSIDE`.
        like: a tensor of the network, whose device and dtype the layers get.

    Raises:
        BadInput: a layer's files are missing, cannot be read, or name an activation that torch has not.
    """
    layers = [_inside(folder, like) if name == INSIDE else _dense(folder / name, like) for name in names]

    def project(vectors: Tensor) -> Tensor:
        for layer in layers:
            vectors = layer(vectors)
        return vectors

    return project


def _inside(folder: Path, like: Tensor) -> Layer:
    from torch.nn.functional import linear

    path = inside(folder)
    if path is None:
        raise BadInput(f"the weights in {folder} hold no {INSIDE}")
    weight = _weights(path, only=INSIDE)[INSIDE].to(like)
    return lambda vectors: linear(vectors, weight)


def _dense(folder: Path, like: Tensor) -> Layer:
    """A Dense module of PyLate or sentence-transformers: linear, activation, and what goes past them."""
    from torch.nn.functional import linear

    try:
        said = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot read {folder / 'config.json'}: {error}") from None
    weights = {name: tensor.to(like) for path in _files(folder) for name, tensor in _weights(path).items()}
    if INSIDE not in weights:
        raise BadInput(f"the weights in {folder} hold no {INSIDE}")
    activation, past = _activation(said.get("activation_function", TANH)), bool(said.get("use_residual"))

    def layer(vectors: Tensor) -> Tensor:
        found = activation(linear(vectors, weights[INSIDE], weights.get("linear.bias")))
        if past:
            found = found + (linear(vectors, weights["residual.weight"]) if "residual.weight" in weights else vectors)
        projected: Tensor = found
        return projected

    return layer


def _files(folder: Path) -> list[Path]:
    """The files of a folder's weights: safetensors, or else what torch's restricted reader unpickles."""
    return sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))


def _weights(path: Path, *, only: str | None = None) -> dict[str, Tensor]:
    """The tensors of a file, or the one of that name if it is there."""
    import torch

    library = needs("safetensors", "neural")
    try:
        if path.suffix == ".bin":
            mapped = zipfile.is_zipfile(path)  # torch's older format cannot be
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
            return {name: tensor for name, tensor in found.items() if only in (None, name)}
        with library.safe_open(path, framework="pt") as weights:
            return {name: weights.get_tensor(name) for name in weights.keys() if only in (None, name)}  # noqa: SIM118
    except (library.SafetensorError, pickle.UnpicklingError, OSError, EOFError, RuntimeError) as error:
        raise BadInput(f"cannot read {path}: {(str(error).splitlines() or [type(error).__name__])[0]}") from None


def _activation(name: str) -> Any:
    """torch's activation of that full name; nothing else is imported."""
    import torch

    package, _, kind = name.rpartition(".")
    found = getattr(torch.nn, kind, None) if package.startswith("torch.nn") else None
    try:
        if isinstance(found, type) and issubclass(found, torch.nn.Module):
            return found()
    except TypeError:  # a module that needs to be told more
        pass
    raise BadInput(f"activation {name!r} of a projection is none of torch.nn's, and no other is loaded")
