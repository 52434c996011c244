"""How a model's token vectors become a text's vector: what the caller, the catalogue and the model itself say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rankify import catalog
from rankify.encoders.pooling import POOLINGS
from rankify.errors import BadInput, UnknownName

SIMILARITIES = ("cosine", "dot")
OWN = {"Transformer", "Pooling", "Normalize"}  # the modules of sentence-transformers that are computed here
_SAVED_AS = {"cls": "cls", "max": "max", "mean": "mean", "lasttoken": "last"}
_LEGACY = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "last",
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything besides the weights that decides a vector.

    Args:
        pooling: one of `POOLINGS`, or "modules" where the model has modules of its own behind the network.
        normalize: whether vectors have length 1.
        max_length: the most tokens read; None for all the network can.
        query_prefix, document_prefix: what stands before each text.
        similarity: cosine or dot, by which the vectors are meant to be compared.
        lowercase: whether texts are lowercased first.
    """

    pooling: str
    normalize: bool
    max_length: int | None = None
    query_prefix: str = ""
    document_prefix: str = ""
    similarity: str = "cosine"
    lowercase: bool = False

    @classmethod
    def of(cls, model: str, folder: Path, asked: Mapping[str, Any]) -> Recipe:
        """The recipe of a model: what is asked for wins over the catalogue, and that over the model's own files.

        Raises:
            UnknownName: a pooling or similarity that there is not.
            BadInput: nothing says how the model pools.
        """
        published = catalog.models().get(model, {}).get("encoding", {})
        said = {**_saved(folder), **published, **{name: value for name, value in asked.items() if value is not None}}
        if "pooling" not in said:
            raise BadInput(
                f"model {model!r} does not say how it pools, nor does the catalogue; give pooling={', '.join(POOLINGS)}"
            )
        if said["pooling"] not in (*POOLINGS, "modules"):
            raise UnknownName.among("pooling", said["pooling"], POOLINGS)
        if said.get("similarity", "cosine") not in SIMILARITIES:
            raise UnknownName.among("similarity", said["similarity"], SIMILARITIES)
        return cls(**{"normalize": said.get("similarity", "cosine") == "cosine", **said})

    def described(self) -> dict[str, Any]:
        """The recipe as fields of a manifest."""
        return asdict(self)


def _saved(folder: Path) -> dict[str, Any]:
    """What a folder written by sentence-transformers says of itself; nothing for any other folder."""
    if not (folder / "modules.json").is_file():
        return {}
    modules = [
        (module["type"].rpartition(".")[2], folder / module["path"]) for module in _read(folder / "modules.json")
    ]
    if not modules or modules[0][0] != "Transformer":
        raise BadInput(f"the model in {folder} does not begin with a Transformer, so it cannot be run here")
    reads = _read(modules[0][1] / "sentence_bert_config.json")
    said: dict[str, Any] = {"lowercase": bool(reads.get("do_lower_case", False))}
    if reads.get("max_seq_length"):
        said["max_length"] = int(reads["max_seq_length"])
    pooling = "".join(_pooling(_read(path / "config.json")) for name, path in modules if name == "Pooling")
    names = [name for name, _ in modules]
    ours = pooling in POOLINGS and names in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
    beside = _read(folder / "config_sentence_transformers.json")
    prompts = beside.get("prompts") or {}
    default = prompts.get(beside.get("default_prompt_name") or "", "")
    said |= {"query_prefix": prompts.get("query") or default}
    said |= {"document_prefix": prompts.get("document") or prompts.get("passage") or default}
    similarity = beside.get("similarity_fn_name") or "cosine"
    said |= {"similarity": similarity, "pooling": pooling if ours else "modules"}
    return said | {"normalize": names[-1] == "Normalize" or similarity == "cosine"}


def _pooling(config: Mapping[str, Any]) -> str:
    """The name of a pooling, or "" for one that only sentence-transformers has."""
    modes = config.get("pooling_mode")
    if modes is None:
        modes = [name for name, on in config.items() if name.startswith("pooling_mode_") and on]
        names = [_LEGACY.get(mode, "") for mode in modes]
    else:
        names = [_SAVED_AS.get(mode, "") for mode in ([modes] if isinstance(modes, str) else modes)]
    return names[0] if len(names) == 1 and config.get("include_prompt", True) else ""


def _read(path: Path) -> Any:
    """A JSON file, or nothing where there is none."""
    try:
        return json.loads(path.read_text("utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise BadInput(f"cannot read {path}: {error}") from None
