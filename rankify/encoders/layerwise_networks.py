"""Decoders that give a score behind each layer: networks that come as code, run on layers that transformers has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import sqrt
from typing import Any, Literal

from rankify.encoders.checkpoint import Checkpoint
from rankify.encoders.compression import NONE, Compression
from rankify.encoders.heads import Layer, linear_of
from rankify.encoders.hub import located
from rankify.encoders.saved import read
from rankify.errors import BadInput, Misuse, UnknownName, needs
from rankify.packaged import packaged

Head = Literal["own", "first"]

# what names the code that is never run, and what follows from the number of layers
FOREIGN = ("model_type", "auto_map", "architectures", "_name_or_path", "layer_types", "torch_dtype", "dtype")


@dataclass(frozen=True, kw_only=True)
class Layered:
    """The first layers of a decoder, and the head that reads the last of them.

    Args:
        checkpoint: the network, which gives normalised states, and its tokenizer.
        head: from states to scores.
        cap: scores come no nearer to this, on either side.
        compression: how its passages are merged on the way.
        prompt: what stands behind each pair.
    """

    checkpoint: Checkpoint
    head: Layer
    cap: float | None
    compression: Compression
    prompt: str


@cache
def kinds() -> dict[str, dict[str, str]]:
    """What is known of each kind of network, by its model_type."""
    found: dict[str, dict[str, str]] = packaged(files("rankify.encoders") / "layerwise.yaml")
    return found


def layered(
    model: str, *, cutoff_layers: int | None = None, head: Head | None = None,
    compression: Compression = NONE, revision: str | None = None, dtype: str = "float32",
    device: str | None = None,
) -> Layered:  # fmt: skip
    """A model up to a layer; weights of the layers behind it are not loaded.

    Args:
        cutoff_layers: how many layers are computed; all if not given.
        head: own, the head trained for that layer; first, the first of all, whatever the layer; as the model's own
            code has it if not given.

    Raises:
        BadInput: the model is of another kind, or has other heads.
        Misuse: there is no score behind that many layers, or the model cannot merge so.
        UnknownName: there is no such head.
    """
    said = read(located(model, revision) / "config.json")
    kind = str(said.get("model_type"))
    if kind not in kinds():
        raise BadInput(f"model {model!r} is of the type {kind!r}: scores behind each layer have {', '.join(kinds())}")
    known, gemma = kinds()[kind], kind == "cost_wise_gemma"
    number = _head_of(model, said, cutoff_layers, head or known["head"], gemma)
    depth = int(said["num_hidden_layers"])
    compression.check(model, depth, trained=gemma)
    config = (_gemma if gemma else _minicpm)(said, cutoff_layers or depth)
    checkpoint = Checkpoint.load(
        model, kind="Gemma2Model" if gemma else "GraniteModel", revision=revision, dtype=dtype, device=device,
        more={"config": config},
    )  # fmt: skip
    return Layered(
        checkpoint=checkpoint, head=linear_of(checkpoint, f"lm_head.{number}.linear_head"), compression=compression,
        cap=said.get("final_logit_softcapping") if gemma else None, prompt=known["prompt"],
    )  # fmt: skip


def _head_of(model: str, said: Mapping[str, Any], cutoff: int | None, head: str, gemma: bool) -> int:
    """The number of the head that reads the state behind the last layer that is computed."""
    if head not in ("own", "first"):
        raise UnknownName.among("head", head, ("own", "first"))
    each = said.get("layer_wise") if gemma else said.get("head_type") == "simple" and said.get("head_multi")
    if not each or "start_layer" not in said:
        raise BadInput(f"model {model!r} has no heads of one score each: its config.json names others")
    first, depth, step = int(said["start_layer"]), int(said["num_hidden_layers"]), int(said.get("layer_sep", 1))
    scored = range(first, depth + 1, step)
    if cutoff is not None and cutoff not in scored:
        between = f"{first} to {scored[-1]} layers" + (f", every {step}" if step > 1 else "")
        raise Misuse(f"cutoff_layers={cutoff}: model {model!r} has a score behind {between}")
    return 0 if head == "first" else scored.index(scored[-1] if cutoff is None else cutoff)


def _minicpm(said: Mapping[str, Any], layers: int) -> Any:
    """MiniCPM (arXiv:2404.06395) is a Llama whose embeddings and residuals are scaled, as Granite's are."""
    transformers = needs("transformers", "neural")
    if said.get("rope_scaling"):
        raise BadInput(f"rope_scaling={said['rope_scaling']!r}: positions of MiniCPM are not scaled here")
    width = int(said["hidden_size"]) // int(said["num_attention_heads"])
    scales = {
        "embedding_multiplier": float(said.get("scale_emb", 1)), "attention_multiplier": width**-0.5,
        "residual_multiplier": float(said.get("scale_depth", 1)) / sqrt(int(said["num_hidden_layers"])),
    }  # fmt: skip
    return transformers.GraniteConfig.from_dict({**_own(said), **scales, "num_hidden_layers": layers})


def _gemma(said: Mapping[str, Any], layers: int) -> Any:
    """Gemma 2 (arXiv:2408.00118) as it is."""
    return needs("transformers", "neural").Gemma2Config.from_dict({**_own(said), "num_hidden_layers": layers})


def _own(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name not in FOREIGN}
