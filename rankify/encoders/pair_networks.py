"""Networks of cross-encoders: what of a model's files gives a pair its logits, for each published layout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from rankify.encoders.adapter import adapted, adapter_folder
from rankify.encoders.checkpoint import Checkpoint
from rankify.encoders.first_token import read_first_token_only
from rankify.encoders.heads import Layer, applied, head_of, linear_of
from rankify.encoders.hub import located
from rankify.encoders.pooling import POOLINGS, pool
from rankify.encoders.saved import LAYERS, modules, pooling_of, read
from rankify.errors import BadInput, Misuse, needs

if TYPE_CHECKING:
    from torch import Tensor

CLASSIFIER = "AutoModelForSequenceClassification"
ENC_T5 = "EncT5ForSequenceClassification"  # TART, arXiv:2211.09260
HEAD = "score"  # the head of a decoder's sequence classifier


@dataclass(frozen=True)
class Headed:
    """An encoder with layers of its own behind it, called as a sequence classifier of transformers is.

    Args:
        encoder: gives a vector for each token.
        pooling: which of them, or what of them, the layers read.
        layers: from a vector to the logits.
    """

    encoder: Any
    pooling: str
    layers: tuple[Layer, ...]

    def __call__(self, **inputs: Tensor) -> SimpleNamespace:
        hidden = self.encoder(**inputs).last_hidden_state
        pooled = pool(hidden, inputs["attention_mask"], self.pooling)
        return SimpleNamespace(logits=applied(self.layers, pooled))

    @property
    def config(self) -> Any:
        """The encoder's configuration."""
        return self.encoder.config

    @property
    def base_model(self) -> Any:
        """The encoder itself."""
        return self.encoder


@dataclass(frozen=True)
class PairNetwork:
    """A network that gives each pair its logits.

    Args:
        checkpoint: the network and its tokenizer.
        labels: the names of its classes.
        said: the fields of a `PairRecipe` that the model's own files say.
    """

    checkpoint: Checkpoint
    labels: list[str]
    said: dict[str, Any] = field(default_factory=dict)


def pair_network(
    model: str, *, adapter: str | None, tokenizer: str | None, revision: str | None, dtype: str, device: str | None
) -> PairNetwork:
    """The network of a model.

    Raises:
        BadInput: there is no such model, it is code of its own repository, or no part of it scores a pair.
        Misuse: an adapter for a model whose head is not transformers' own.
    """
    folder = located(model, revision)
    config = read(folder / "config.json")
    load = _Load(model, folder, {"tokenizer": tokenizer, "revision": revision, "dtype": dtype, "device": device})
    behind = modules(folder)[1:]
    special: Callable[[], PairNetwork] | None = None
    if "backbone_model_type" in config:
        special = load.lightning
    elif ENC_T5 in (config.get("architectures") or ()):
        special = load.enc_t5
    elif behind:
        special = load.modular
    else:
        _refuse_code(model, config)
    if special is None:
        return load.classifier(adapter)
    if adapter is not None:
        raise Misuse(f"adapter={adapter!r}: model {model!r} has a head of its own, to which no adapter is added")
    return special()


@dataclass(frozen=True)
class _Load:
    """The ways to load one model."""

    model: str
    folder: Path
    given: dict[str, Any]

    def classifier(self, adapter: str | None) -> PairNetwork:
        """A sequence classifier of transformers, with the weights of an adapter and its head where there is one."""
        if adapter is None:
            found = Checkpoint.load(self.model, kind=CLASSIFIER, **self.given)
        else:
            untrained = Checkpoint.load(
                self.model, kind=CLASSIFIER, elsewhere=(HEAD,), more={"num_labels": 1}, **self.given
            )
            found = replace(untrained, network=_with_head(untrained.network, adapter))
        network = found.network
        if hasattr(network, HEAD):  # it looks for the last token that is not padding by this id
            network.config.get_text_config().pad_token_id = found.pad
        names = network.config.id2label
        labels = [str(names[i]) for i in range(network.config.num_labels)]
        return PairNetwork(found, labels, self._said(found.limit))

    def modular(self) -> PairNetwork:
        """An encoder with a pooling and layers that sentence-transformers wrote, e.g. Ettin's rerankers."""
        (first, path), *rest = modules(self.folder)[1:]
        pooling = pooling_of(read(path / "config.json")) if first == "Pooling" else ""
        other = [kind for kind, _ in rest if kind not in (*LAYERS, "Dropout")]
        if pooling not in POOLINGS or other or not rest or rest[-1][0] != "Dense":
            kinds = ", ".join(kind for kind, _ in modules(self.folder))
            raise BadInput(
                f"model {self.model!r} has the modules {kinds}: only a pooling with Dense layers behind it is run here"
            )
        encoder = Checkpoint.load(self.model, **self.given)
        labels = int(read(rest[-1][1] / "config.json")["out_features"])
        found = self._headed(encoder, pooling, head_of(encoder), labels)
        return replace(found, said=self._said(encoder.limit))

    def _said(self, limit: int) -> dict[str, Any]:
        """What sentence-transformers saved beside a cross-encoder: what stands before each query, and the length."""
        beside = read(self.folder / "config_sentence_transformers.json")
        if beside.get("model_type", "CrossEncoder") != "CrossEncoder":
            return {}
        prompt = (beside.get("prompts") or {}).get(beside.get("default_prompt_name") or "")
        length = read(self.folder / "sentence_bert_config.json").get("max_seq_length")
        return {"query_prefix": prompt, "max_length": min(int(length), limit) if length else None}

    def enc_t5(self) -> PairNetwork:
        """T5's encoder with a linear layer on its first token: TART's EncT5."""
        kind = "MT5EncoderModel" if read(self.folder / "config.json").get("model_type") == "mt5" else "T5EncoderModel"
        encoder = Checkpoint.load(self.model, kind=kind, **self.given)
        return self._headed(encoder, "cls", [linear_of(encoder, "classifier")], encoder.network.config.num_labels)

    def lightning(self) -> PairNetwork:
        """An encoder with a linear layer on its first token as Lightning IR saves one, e.g. Webis' monoELECTRA."""
        config = read(self.folder / "config.json")
        kind, pooling = config["backbone_model_type"], {"first": "cls"}.get(config.get("pooling_strategy", "first"), "")
        known = needs("transformers", "neural").CONFIG_MAPPING
        if config.get("model_type") not in ("cross-encoder", "mono") or kind not in known or not pooling:
            raise BadInput(
                f"model {self.model!r} is Lightning IR's {config.get('model_type')!r} over {kind!r}: only its "
                "cross-encoders with a linear layer on the first token of an encoder are run here"
            )
        own = known[kind].from_dict({**config, "model_type": kind})
        encoder = Checkpoint.load(self.model, more={"config": own}, **self.given)
        lengths = {"query_length": config.get("query_length"), "document_length": config.get("doc_length")}
        found = self._headed(encoder, pooling, [linear_of(encoder, "linear")], 1)
        return replace(found, said={"activation": "identity", **lengths})

    def _headed(self, encoder: Checkpoint, pooling: str, layers: list[Layer], labels: int) -> PairNetwork:
        if pooling == "cls":
            read_first_token_only(encoder.network, encoder.inputs([[1, 2, 3, 4], [1, 2]]))
        network = Headed(encoder.network, pooling, tuple(layers))
        return PairNetwork(replace(encoder, network=network), [f"LABEL_{i}" for i in range(labels)])


def _with_head(network: Any, adapter: str) -> Any:
    """The network with an adapter's weights, its trained head among them.

    Raises:
        BadInput: the adapter brings no head.
    """
    none = BadInput(f"adapter {adapter!r} brings no trained {HEAD!r}: it is not one of a reranker")
    if read(adapter_folder(adapter) / "adapter_config.json").get("task_type") == "CAUSAL_LM":
        raise none
    before = getattr(network, HEAD).weight.detach().clone()
    found = adapted(network, adapter)
    if getattr(found, HEAD).weight.equal(before):
        raise none
    return found


def _refuse_code(model: str, config: dict[str, Any]) -> None:
    """Raises BadInput where what the model computes is in its repository's code, which is never run."""
    kind, own = config.get("model_type"), (config.get("auto_map") or {}).get(CLASSIFIER)
    if kind not in needs("transformers", "neural").CONFIG_MAPPING:
        raise BadInput(
            f"model {model!r} is a network that transformers does not have ({kind!r}); code that comes with a model is "
            "never run"
        )
    if own:
        raise BadInput(
            f"model {model!r} brings code of its own ({own}), which is never run; where transformers' {kind!r} does "
            "the same, take auto_map out of a copy's config.json"
        )
