"""What results depend on besides pipelines and data: files that they name, and the versions of libraries."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from rankify import registry
from rankify.corpus import Corpus
from rankify.encoders.adapter import adapters
from rankify.encoders.hub import revision_of
from rankify.experiment.available import inside, named
from rankify.experiment.hashes import file_hash
from rankify.expressions import components
from rankify.indexes.changes import Beside
from rankify.indexes.manifest import versions
from rankify.spec import Spec

LIBRARIES = (
    "rankify", "numpy", "numba", "regex", "torch", "transformers", "tokenizers", "sentence-transformers", "peft",
    "onnxruntime", "openvino", "vllm", "faiss-cpu", "pyserini",
)  # fmt: skip


class Revisions:
    """Revisions of models and other files that are here, and of documents' metadata, each looked at once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._fields: dict[tuple[str, int], tuple[Corpus, str]] = {}  # a corpus that is held keeps its id

    def of(self, place: str) -> str:
        """The revision of a folder or a file; "" where there is none here, as for a hub's id."""
        if place not in self._known:
            self._known[place] = _looked_at(place)
        return self._known[place]

    def here(self, parts: Iterable[tuple[str, Spec]]) -> dict[str, str]:
        """The revisions of all that components name and that is here, whatever the option that names it.

        Args:
            parts: kinds and specs; kind "" for a checkpoint that no component loads.
        """
        whole = [one for kind, spec in parts for one in (inside(kind, spec) if kind else [(kind, spec)])]
        places = {place for kind, spec in whole for _, text in named(kind, spec) for place in adapters(text)}
        return {place: revision for place in sorted(places) if (revision := self.of(place))}

    def behind(self, pipeline: str, corpus: Corpus | None = None) -> dict[str, str]:
        """What a pipeline's results depend on besides its text, titles and texts of documents, and queries.

        Libraries by their versions, files and folders by their revisions, metadata of documents by fingerprints.

        Args:
            corpus: the documents that it searches.
        """
        parts = components(pipeline)
        read = {f"metadata for {kind} {spec}": self.metadata(kind, spec, corpus) for kind, spec in parts}
        return {**versions(*LIBRARIES), **self.here(parts), **{name: one for name, one in read.items() if one}}

    def metadata(self, kind: str, spec: Spec, corpus: Corpus | None) -> str:
        """A fingerprint of what a component reads in the metadata of documents; "" for nothing."""
        reads = getattr(registry.find(kind, spec.name), "reads_documents", None)
        whole = Spec(spec.name, spec.model, {**registry.options(kind, spec), **spec.options})
        field = reads(whole) if reads else ""
        if not field or corpus is None:
            return ""
        if (field, id(corpus)) not in self._fields:
            self._fields[field, id(corpus)] = corpus, Beside.of(repr(one.metadata.get(field)) for one in corpus).hash
        return self._fields[field, id(corpus)][1]


def _looked_at(place: str) -> str:
    path = os.path.expanduser(place)  # noqa: PTH111 - these take texts that no name of a file can be
    if os.path.isdir(path):  # noqa: PTH112
        return revision_of(Path(path))
    return f"sha256:{file_hash(Path(path))}" if os.path.isfile(path) else ""  # noqa: PTH113
