"""What a folder that sentence-transformers wrote says of its model: its modules, its lengths, its prompts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rankify.encoders.pooling import POOLINGS
from rankify.errors import BadInput

# what older versions of sentence-transformers named the file after that says a network's length
NETWORKS = ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
ENDS = ("Normalize", "Dropout")  # may stand behind the pooling, as may `LAYERS`; the second does nothing here
LAYERS = ("Dense", "LayerNorm")
ACTIVATIONS = ("Identity", "Tanh", "GELU", "ReLU")
_SAVED_AS = {"cls": "cls", "max": "max", "mean": "mean", "lasttoken": "last"}
_LEGACY = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "last",
}


def modules(folder: Path) -> list[tuple[str, Path]]:
    """The kind and the folder of each module, in order; none where sentence-transformers did not write the folder.

    Raises:
        BadInput: they cannot be read, or the first one is no Transformer.
    """
    path = folder / "modules.json"
    if not path.is_file():
        return []
    try:
        listed = [(m["type"].rpartition(".")[2], folder / m["path"]) for m in read(path, list)]
    except (LookupError, TypeError, AttributeError):
        raise BadInput(f"cannot read {path}: a module in it has no type or no path") from None
    if not listed or listed[0][0] != "Transformer":
        raise BadInput(f"the model in {folder} does not begin with a Transformer, so it cannot be run here")
    return listed


def said_by(folder: Path) -> dict[str, Any]:
    """The fields of a `Recipe` that a folder says; nothing where sentence-transformers did not write it."""
    listed = modules(folder)
    if not listed:
        return {}
    files = (listed[0][1] / f"sentence_{network}_config.json" for network in NETWORKS)
    reads: dict[str, Any] = next(filter(None, map(read, files)), {})
    said: dict[str, Any] = {"lowercase": bool(reads.get("do_lower_case", False))}
    if reads.get("max_seq_length"):
        said["max_length"] = int(reads["max_seq_length"])
    beside = read(folder / "config_sentence_transformers.json")
    prompts = beside.get("prompts") or {}
    default = prompts.get(beside.get("default_prompt_name") or "", "")
    said |= {"query_prefix": prompts.get("query") or default}
    said |= {"document_prefix": prompts.get("document") or prompts.get("passage") or default}
    similarity = beside.get("similarity_fn_name") or "cosine"
    said |= {"similarity": similarity, **_pooled(listed)}
    return said | {"normalize": listed[-1][0] == "Normalize" or similarity == "cosine"}


def _pooled(listed: list[tuple[str, Path]]) -> dict[str, Any]:
    """How the modules pool: "modules" where one of them is not computed here."""
    config = read(listed[1][1] / "config.json") if len(listed) > 1 and listed[1][0] == "Pooling" else {}
    pooling = pooling_of(config)
    if pooling not in POOLINGS or not all(_known(kind, path) for kind, path in listed[2:]):
        pooling = "modules"
    return {"pooling": pooling, "pool_prefix": bool(config.get("include_prompt", True))}


def _known(kind: str, path: Path) -> bool:
    """Whether a module behind the pooling is computed here."""
    if kind != "Dense":
        return kind in (*ENDS, *LAYERS)
    config = read(path / "config.json")
    names = [config.get(name, "sentence_embedding") for name in ("module_input_name", "module_output_name")]
    activation = str(config.get("activation_function", "")).rpartition(".")[2]
    plain = {*names} <= {"sentence_embedding", None} and not config.get("use_residual")
    return activation in ACTIVATIONS and plain


def pooling_of(config: Mapping[str, Any]) -> str:
    """The name of a pooling that a module's configuration says, or "" for one that only sentence-transformers has."""
    modes = config.get("pooling_mode")
    if modes is None:
        modes = [name for name, on in config.items() if name.startswith("pooling_mode_") and on]
        names = [_LEGACY.get(mode, "") for mode in modes]
    else:
        names = [_SAVED_AS.get(mode, "") for mode in ([modes] if isinstance(modes, str) else modes)]
    return names[0] if len(names) == 1 else ""


def read(path: Path, kind: type = dict) -> Any:
    """What a JSON file holds, or nothing where there is none.

    Raises:
        BadInput: it is no JSON, or holds something else than an object, or than a list where that is the kind.
    """
    try:
        found = json.loads(path.read_text("utf-8")) if path.is_file() else kind()
    except (ValueError, RecursionError, OSError) as error:
        raise BadInput(f"cannot read {path}: {error}") from None
    if not isinstance(found, kind):
        raise BadInput(f"cannot read {path}: it holds {type(found).__name__}, not {kind.__name__}")
    return found
