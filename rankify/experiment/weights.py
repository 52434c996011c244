"""What the networks of an experiment weigh: bytes where their files are here, and the names of those that are not."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rankify import catalog, registry
from rankify.errors import needs
from rankify.experiment.available import installed, networks
from rankify.spec import Spec

_FILES = (  # of one format, the first that is there: what is read where there are several
    ("*.safetensors", "[0-9]*/*.safetensors"),
    ("pytorch_model*.bin", "*/pytorch_model.bin"),
    ("*.onnx", "onnx/*.onnx"),
)
_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}  # of a weight


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """The networks that run in a process.

    Attributes:
        known: bytes in memory, by model.
        unknown: models that are not here: an id of a hub, before it is fetched.
        networks: whether there are any, known or not.
    """

    known: dict[str, int]
    unknown: list[str]
    networks: bool

    @classmethod
    def of(cls, parts: Collection[tuple[str, Spec]]) -> Weights:
        """Those of components, each model once, as large as the widest type that one of them asks for.

        Args:
            parts: kinds and specs; kind "" for a checkpoint that no component loads, but transformers alone.
        """
        run = {*networks(part for part in parts if part[0]), *(part for part in parts if not part[0])}
        known: dict[str, int] = {}
        for kind, spec in run:
            known[spec.model] = max(known.get(spec.model, 0), _weight(kind, spec))
        found = {model: weight for model, weight in sorted(known.items()) if weight}
        return cls(known=found, unknown=sorted(known.keys() - found.keys() - {""}), networks=bool(run))

    @property
    def total(self) -> int:
        """Bytes of all that are known."""
        return sum(self.known.values())


def here(model: str, revision: str | None = None) -> Path | None:
    """The folder of a model that is here: itself, in the hub's cache, or in a package; None of any other."""
    folder = Path(model).expanduser()
    if model and folder.is_dir():
        return folder
    return _cached(model, revision) or _packaged(model)


def _packaged(model: str) -> Path | None:
    name = str(catalog.models().get(model, {}).get("packaged", ""))
    package = find_spec(name) if name else None
    folder = Path(str(package.origin)).parent / "model" if package else None
    return folder if folder and folder.is_dir() else None


def _cached(model: str, revision: str | None) -> Path | None:
    """The hub cache's copy; nothing is fetched."""
    if not model or not installed("huggingface_hub"):
        return None
    hub = needs("huggingface_hub", "neural")
    try:
        return Path(hub.snapshot_download(model, revision=revision, local_files_only=True))
    except (hub.errors.LocalEntryNotFoundError, hub.errors.HFValidationError):
        return None


def _weight(kind: str, spec: Spec) -> int:
    """Bytes of a model's weights in memory; 0 where they are not here."""
    folder = here(spec.model, str(spec.options["revision"]) if spec.options.get("revision") else None)
    if folder is None:
        return 0
    every = ([path for pattern in patterns for path in folder.glob(pattern)] for patterns in _FILES)
    files = next(filter(None, every), [])
    asked = {**registry.options(kind, spec), **spec.options}.get("dtype") if kind else "float32"
    wide, stored = _BYTES.get(str(asked)), _BYTES.get(_stored(folder))
    return int(sum(path.stat().st_size for path in files) * (wide / stored if wide and stored else 1))


def _stored(folder: Path) -> str:
    """The type of the weights in a checkpoint, as its configuration says; "" where it does not."""
    config = folder / "config.json"
    said = json.loads(config.read_text("utf-8")) if config.is_file() else {}
    return str(said.get("dtype") or said.get("torch_dtype") or "")
