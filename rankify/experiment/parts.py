"""The components of an experiment, each loaded once, and their indexes, each built once."""

from __future__ import annotations

import hashlib
import re
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rankify import registry
from rankify.corpus import Corpus
from rankify.experiment.hashes import value_hash
from rankify.experiment.replies import Resumed, has_model, resumed
from rankify.experiment.revisions import Revisions
from rankify.io.locks import turn
from rankify.spec import Spec, describe

_FOLDER = re.compile(r"folder=[^&\s,)]*&?")


class Parts:
    """Loads components as the registry does, and keeps them: systems that share a retriever share its index.

    Args:
        folder: where indexes are kept, so that a second start opens what the first built; replies of language models
            are kept in `replies` beside it.
        revisions: of the models in folders, and of documents' metadata; another revision has another index.
    """

    def __init__(self, folder: Path, revisions: Revisions | None = None) -> None:
        self.folder, self.revisions = folder, revisions or Revisions()
        self.built: dict[str, float] = {}
        self._loaded: dict[tuple[str, str, str, str], Any] = {}
        self._resumed: list[Resumed] = []  # the language models whose replies are kept

    def begin(self) -> None:
        """Another work begins: replies that language models gave before were there already."""
        for llm in self._resumed:
            llm.begin()

    @property
    def remembered(self) -> int:
        """How many of the replies that this work was given were there already."""
        return sum(llm.remembered for llm in self._resumed)

    def load(self, kind: str, spec: str | Spec, /, *args: Any, **options: Any) -> Any:
        """The component; `built` says how many seconds each retriever took."""
        if kind in ("fusion", "aggregation", "refinement", "expansion"):  # they hold the stages they were given
            return registry.load(kind, spec, *args, **options)
        read, corpus = registry.resolve(kind, spec), next((a for a in args if isinstance(a, Corpus)), None)
        key = kind, str(read), corpus.hash if corpus else "", self._revision(kind, read, corpus)
        if key not in self._loaded:
            if kind == "retriever":
                self._loaded[key] = self._indexed(key, spec, *args, **options)
            else:
                self._loaded[key] = self._built(key, spec, *args, **options)
        return self._loaded[key]

    def _indexed(self, key: tuple[str, str, str, str], spec: str | Spec, *args: Any, **options: Any) -> Any:
        """A retriever; of those on one index, in whatever process, one at a time builds or opens it."""
        place = self._kept(*key).get("folder") or Spec.parse(key[1]).options.get("folder")
        with turn(self.folder / value_hash(str(place))[:24]) if place else nullcontext():
            start = time.perf_counter()
            retriever = self._built(key, spec, *args, **options)
            self.built[key[1]] = time.perf_counter() - start
        return retriever

    def _built(self, key: tuple[str, str, str, str], spec: str | Spec, *args: Any, **options: Any) -> Any:
        kind = key[0]
        if kind in ("reader", "reranker") and has_model(kind, spec) and not args and not options:
            return resumed(kind, spec, self.folder.parent / "replies", self.load, self._resumed.append)
        return registry.load(kind, spec, *args, **options, **self._kept(*key))

    def _revision(self, kind: str, spec: Spec, corpus: Corpus | None) -> str:
        """What a retriever's index depends on besides its spec and the texts of documents; "" for nothing."""
        if kind != "retriever":
            return ""
        found = [*self.revisions.here([(kind, _decisive(registry.find(kind, spec.name), spec))]).values()]
        found += filter(None, [self.revisions.metadata(kind, spec, corpus)])
        return value_hash(found)[:6] if found else ""

    def _kept(self, kind: str, spec: str, corpus: str, revision: str) -> dict[str, str]:
        """The option that says where the component's index is kept, if it takes one and none is given."""
        read = Spec.parse(spec)
        factory = registry.find(kind, read.name)
        if kind == "llm" or "folder" in read.options or "folder" not in describe(factory):  # replies have their own
            return {}
        parts = [file_name(str(_decisive(factory, read))), corpus[:12], revision]
        return {"folder": str(self.folder / "-".join(filter(None, parts)))}


def _decisive(factory: Any, spec: Spec) -> Spec:
    """A spec without the options that its index does not depend on."""
    decisive = getattr(factory, "indexed_by", None)
    if decisive is None:
        return spec
    return Spec(spec.name, spec.model, {option: v for option, v in spec.options.items() if option in decisive})


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
