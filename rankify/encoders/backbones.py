"""Networks of bi-encoders: which class of transformers runs a model, and what of it stands behind the pooling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankify import catalog
from rankify.encoders.adapter import adapted
from rankify.encoders.checkpoint import Checkpoint, device_of
from rankify.encoders.first_token import read_first_token_only
from rankify.encoders.heads import Layer, applied, head_of, projection
from rankify.encoders.hub import in_safetensors, located
from rankify.encoders.pooling import pool
from rankify.encoders.recipe import Recipe
from rankify.encoders.runtimes.choice import TORCH, Choice
from rankify.encoders.runtimes.outside import moved
from rankify.encoders.saved import read
from rankify.errors import BadInput, Misuse, needs

if TYPE_CHECKING:
    from torch import Tensor

ENCODERS = {"t5": "T5EncoderModel", "mt5": "MT5EncoderModel", "umt5": "UMT5EncoderModel"}  # of encoder-decoders
TOWERS = {"DPRContextEncoder": "ctx_encoder", "DPRQuestionEncoder": "question_encoder"}  # DPR, arXiv:2004.04906


@dataclass(frozen=True)
class Backbone:
    """A network with the head behind it.

    Args:
        checkpoint: the network, which gives a vector for each token, and its tokenizer.
        head: the layers that the pooled vector goes through.
        whole: sentence-transformers' own forward pass, where the model has modules that are not computed here.
    """

    checkpoint: Checkpoint
    head: tuple[Layer, ...] = ()
    whole: Callable[[dict[str, Tensor], int], Tensor] | None = None

    def pooled(self, inputs: dict[str, Tensor], recipe: Recipe, skipped: int | Tensor) -> Tensor:
        """One vector for each row, before it is cut and normalised, in float32, shape (rows, dim)."""
        if self.whole is not None:
            return self.whole(inputs, int(skipped))
        hidden: Tensor = self.checkpoint.network(**inputs).last_hidden_state
        return applied(self.head, pool(hidden, inputs["attention_mask"], recipe.pooling, skipped))


def backbone(
    model: str, recipe: Recipe, *, revision: str | None, dtype: str, device: str | None, adapter: str | None = None,
    choice: Choice = TORCH,
) -> Backbone:  # fmt: skip
    """The network of a model, as the recipe wants it.

    Raises:
        BadInput: there is no such model, or it is code of its own repository.
        Misuse: sentence-transformers runs the model, and cannot do what is asked for.
    """
    kind = class_of(model, located(model, revision))
    checkpoint = Checkpoint.load(model, kind=kind, revision=revision, dtype=dtype, device=choice.device(device))
    head: list[Layer] = []
    if kind in TOWERS:
        tower = getattr(checkpoint.network, TOWERS[kind])
        head = projection(tower.encode_proj) if tower.projection_dim else []
        checkpoint = replace(checkpoint, network=tower.bert_model)
    if adapter is not None:
        checkpoint = replace(checkpoint, network=adapted(checkpoint.network, adapter))
    if recipe.pooling == "modules":
        if adapter is not None or recipe.bidirectional:
            raise Misuse(f"model {model!r} has modules that are not computed here: it takes no adapter")
        if choice.elsewhere:
            raise Misuse(f"model {model!r} has modules that are not computed here: it takes no backend but torch")
        return Backbone(checkpoint, whole=_whole(checkpoint, device))
    if recipe.bidirectional:
        attend_both_ways(checkpoint.network)
    probe = checkpoint.inputs([[1, 2, 3, 4], [1, 2]])
    if recipe.pooling == "cls":
        read_first_token_only(checkpoint.network, probe)
    moving = moved(checkpoint, choice, "last_hidden_state", probe)
    return Backbone(moving, tuple(head or head_of(checkpoint)))


def class_of(model: str, folder: Path) -> str:
    """The class of transformers that runs a model's encoder.

    Raises:
        BadInput: what the model computes is in its repository's code, which is never run.
    """
    config, transformers = read(folder / "config.json"), needs("transformers", "neural")
    kind = config.get("model_type")
    own = (config.get("auto_map") or {}).get("AutoModel")
    if kind not in transformers.CONFIG_MAPPING:
        raise BadInput(
            f"model {model!r} is a network that transformers does not have ({kind!r}); code that comes with a model is "
            "never run"
        )
    if own and "encoding" not in catalog.models().get(model, {}):
        raise BadInput(
            f"model {model!r} brings code of its own ({own}), which is never run; where transformers' {kind!r} does "
            "the same, take auto_map out of a copy's config.json"
        )
    if kind == "dpr":
        return next((name for name in config.get("architectures") or () if name in TOWERS), "DPRQuestionEncoder")
    return ENCODERS.get(str(kind), "AutoModel")


def attend_both_ways(network: Any) -> None:
    """Lets each token of a decoder attend to all others, as GritLM (arXiv:2402.09906) does to embed a text."""
    network.config.is_causal = False
    for part in network.modules():
        if hasattr(part, "is_causal"):
            part.is_causal = False


def _whole(checkpoint: Checkpoint, device: str | None) -> Callable[[dict[str, Tensor], int], Tensor]:
    """The forward pass of sentence-transformers, for models with modules that are not computed here."""
    library = needs("sentence_transformers", "neural")
    dtype, folder = checkpoint.network.dtype, checkpoint.folder
    whole = library.SentenceTransformer(
        str(folder), device=device_of(device), local_files_only=True,
        model_kwargs={"dtype": dtype, "use_safetensors": in_safetensors(folder)},
    )  # fmt: skip
    whole.to(dtype).eval()

    def forward(inputs: dict[str, Tensor], skipped: int) -> Tensor:
        features: dict[str, Any] = {**inputs, **({"prompt_length": skipped} if skipped else {})}
        found: Tensor = whole(features)["sentence_embedding"].float()
        return found

    return forward
