"""The components of an experiment, each loaded once, and their indexes, each built once."""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path
from typing import Any

from rankify import registry
from rankify.corpus import Corpus
from rankify.spec import Spec, describe

_FOLDER = re.compile(r"folder=[^&\s,)]*&?")


class Parts:
    """Loads components as the registry does, and keeps them: systems that share a retriever share its index.

    Args:
        folder: where indexes are kept, so that a second start opens what the first built.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.built: dict[str, float] = {}
        self._loaded: dict[tuple[str, str, str], Any] = {}

    def load(self, kind: str, spec: str | Spec, /, *args: Any, **options: Any) -> Any:
        """The component; `built` says how many seconds each retriever took."""
        if kind == "fusion":  # it holds the stages it was given
            return registry.load(kind, spec, *args, **options)
        corpus = next((a.hash for a in args if isinstance(a, Corpus)), "")
        key = kind, str(registry.resolve(kind, spec)), corpus
        if key not in self._loaded:
            start = time.perf_counter()
            self._loaded[key] = registry.load(kind, spec, *args, **options, **self._kept(*key))
            if kind == "retriever":
                self.built[key[1]] = time.perf_counter() - start
        return self._loaded[key]

    def _kept(self, kind: str, spec: str, corpus: str) -> dict[str, str]:
        """The option that says where the component's index is kept, if it takes one and none is given."""
        read = Spec.parse(spec)
        if "folder" in read.options or "folder" not in describe(registry.find(kind, read.name)):
            return {}
        return {"folder": str(self.folder / f"{file_name(spec)}-{corpus[:12]}")}


def file_name(spec: str) -> str:
    """A spec as the name of a file; two specs have two names.

    >>> file_name("bm25"), file_name("bm25?k1=1.2")
    ('bm25', 'bm25-k1=1.2-d4ea6d')
    """
    name = re.sub(r"[^\w.=-]+", "-", spec)
    return name if name == spec else f"{name[:100]}-{hashlib.sha256(spec.encode()).hexdigest()[:6]}"


def without_folder(spec: str) -> str:
    """A spec without the place of its index, which does not change what it finds.

    >>> without_folder("rrf(bm25?folder=runs/a % 9, dense:x?folder=b&pooling=mean)")
    'rrf(bm25 % 9, dense:x?pooling=mean)'
    """
    return re.sub(r"[?&](?=[\s,)]|$)", "", _FOLDER.sub("", spec))
