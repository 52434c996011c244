"""The layers between a text's pooled vector and its embedding, for the models that have some."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankify.encoders.checkpoint import Checkpoint
from rankify.encoders.hub import in_safetensors
from rankify.encoders.saved import ACTIVATIONS, ENDS, LAYERS, modules, read
from rankify.errors import BadInput, needs

if TYPE_CHECKING:
    from torch import Tensor

Layer = Callable[["Tensor"], "Tensor"]
# ANCE (arXiv:2007.00808) keeps its projection and its norm beside the network's own weights
LINEAR, NORM = "embeddingHead", "norm"


def head_of(checkpoint: Checkpoint) -> list[Layer]:
    """The layers of a model's head, in order, in float32: sentence-transformers' modules, or ANCE's two.

    Raises:
        BadInput: a layer is not computed here, or its weights are missing or cannot be read.
    """
    behind = modules(checkpoint.folder)[1:]
    if other := [kind for kind, _ in behind if kind not in (*ENDS, *LAYERS, "Pooling")]:
        raise BadInput(
            f"model {checkpoint.model!r} has a module {other[0]!r}, which is not computed here: give no pooling"
        )
    layers = [_module(kind, path, checkpoint.device) for kind, path in behind if kind in LAYERS]
    if layers:
        return layers
    names = {name.removesuffix(".weight") for name in checkpoint.unread if name.endswith(".weight")}
    linear, norm = (next((n for n in names if n.rpartition(".")[2] == part), None) for part in (LINEAR, NORM))
    if linear is None or norm is None:
        return []
    found = _tensors(checkpoint.folder, [f"{n}.{part}" for n in (linear, norm) for part in ("weight", "bias")])
    placed = [tensor.to(checkpoint.device) for tensor in found]
    return [_linear(placed[0], placed[1], "Identity"), _layer_norm(placed[2], placed[3])]


def projection(layer: Any) -> list[Layer]:
    """A torch linear layer as a head of one layer in float32."""
    bias = None if layer.bias is None else layer.bias.detach().float()
    return [_linear(layer.weight.detach().float(), bias, "Identity")]


def linear_of(checkpoint: Checkpoint, name: str, activation: str = "Identity") -> Layer:
    """A linear layer beside the network's own weights, in float32, with an activation behind it.

    Raises:
        BadInput: its weights are missing or cannot be read.
    """
    names = [f"{name}.weight", *([f"{name}.bias"] if f"{name}.bias" in checkpoint.unread else [])]
    found = [tensor.to(checkpoint.device) for tensor in _tensors(checkpoint.folder, names)]
    return _linear(found[0], found[1] if len(found) > 1 else None, activation)


def applied(head: Sequence[Layer], vectors: Tensor) -> Tensor:
    """The vectors behind every layer, shape (texts, dim)."""
    for layer in head:
        vectors = layer(vectors)
    return vectors


def _module(kind: str, path: Path, device: str) -> Layer:
    """A module of sentence-transformers."""
    if kind == "LayerNorm":
        weight, bias = (tensor.to(device) for tensor in _tensors(path, ["norm.weight", "norm.bias"]))
        return _layer_norm(weight, bias)
    config = read(path / "config.json")
    if config.get("use_residual"):
        raise BadInput(f"the layer in {path} adds its input to what it gives, which is not computed here")
    names = ["linear.weight", *(["linear.bias"] if config.get("bias", True) else [])]
    found = [tensor.to(device) for tensor in _tensors(path, names)]
    activation = str(config.get("activation_function", "")).rpartition(".")[2]
    if activation not in ACTIVATIONS:
        raise BadInput(
            f"the layer in {path} has the activation {activation!r}, which is not computed here: give no pooling"
        )
    return _linear(found[0], found[1] if len(found) > 1 else None, activation)


def _linear(weight: Tensor, bias: Tensor | None, activation: str) -> Layer:
    import torch
    from torch.nn.functional import linear

    then = getattr(torch.nn, activation)()

    def layer(vectors: Tensor) -> Tensor:
        found: Tensor = then(linear(vectors, weight, bias))
        return found

    return layer


def _layer_norm(weight: Tensor, bias: Tensor) -> Layer:
    from torch.nn.functional import layer_norm

    def layer(vectors: Tensor) -> Tensor:
        return layer_norm(vectors, weight.shape, weight, bias)

    return layer


def _tensors(folder: Path, names: Sequence[str]) -> list[Tensor]:
    """Weights by their names in a folder's files, in float32.

    Raises:
        BadInput: one is in none of them, or a file is damaged or holds more than tensors.
    """
    paths = sorted(folder.glob("*.safetensors") if in_safetensors(folder) else folder.glob("pytorch_model*.bin"))
    found = {name: tensor for path in paths for name, tensor in _file(path, names).items()}
    if missing := sorted({*names} - found.keys()):
        raise BadInput(f"no weights for {missing[0]!r} in {folder}: the model's files are not whole")
    return [found[name].float() for name in names]


def _file(path: Path, names: Sequence[str]) -> dict[str, Tensor]:
    """Those weights of one file that have these names; of a pickle nothing but tensors is made, and all of them."""
    torch, safetensors = needs("torch", "neural"), needs("safetensors", "neural")
    damaged = (safetensors.SafetensorError, pickle.UnpicklingError, EOFError, LookupError)
    try:
        if path.suffix == ".safetensors":
            with safetensors.safe_open(path, framework="pt") as weights:  # the others may be gigabytes
                return {name: weights.get_tensor(name) for name in {*weights.keys()} & {*names}}
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except (*damaged, RuntimeError, ValueError) as error:
        raise BadInput(f"cannot read {path}: it is damaged, or holds more than tensors") from error
