"""What results depend on besides pipelines and data: files that they name, and the versions of libraries."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from rankify import registry
from rankify.corpus import Corpus
from rankify.encoders.hub import revision_of
from rankify.experiment.hashes import file_hash
from rankify.expressions import components
from rankify.indexes.changes import Beside
from rankify.indexes.manifest import versions
from rankify.spec import Spec

LIBRARIES = (
    "rankify", "numpy", "numba", "regex", "torch", "transformers", "tokenizers", "sentence-transformers", "peft",
    "onnxruntime", "openvino", "vllm", "faiss-cpu", "pyserini",
)  # fmt: skip
_WRITTEN = ("folder", "uri")  # options that name what a component writes itself


class Revisions:
    """Revisions of models and other files that are here, each looked at once.

    Args:
        corpus: the documents that pipelines search, for those that read more of them than titles and texts.
    """

    def __init__(self, corpus: Corpus | None = None) -> None:
        self.corpus = corpus
        self._known: dict[str, str] = {}
        self._fields: dict[str, str] = {}

    def of(self, model: str) -> str:
        """The revision of a model; "" for one that is neither a folder nor a file here, as a hub id."""
        if model not in self._known:
            self._known[model] = _looked_at(model)
        return self._known[model]

    def here(self, specs: Iterable[Spec]) -> dict[str, str]:
        """The revisions of all that specs name and that is here, whatever the option that names it."""
        named = sorted({place for spec in specs for place in places(spec)})
        return {place: revision for place in named if (revision := self.of(place))}

    def behind(self, pipeline: str) -> dict[str, str]:
        """What the pipeline's results depend on: libraries by their versions, files and folders by their revisions."""
        parts = components(pipeline)
        read = {f"metadata of {spec}": self.metadata(kind, spec) for kind, spec in parts}
        here = self.here(spec for _, spec in parts)
        return {**versions(*LIBRARIES), **here, **{name: found for name, found in read.items() if found}}

    def metadata(self, kind: str, spec: Spec) -> str:
        """A fingerprint of what a component reads in the metadata of documents; "" for nothing."""
        field = "" if spec.model else str(getattr(registry.find(kind, spec.name), "reads_documents", ""))
        if not field or self.corpus is None:
            return ""
        if field not in self._fields:
            self._fields[field] = Beside.of(repr(one.metadata.get(field)) for one in self.corpus).hash
        return self._fields[field]


def places(spec: Spec) -> Iterator[str]:
    """What in a spec may be the name of a folder or a file.

    >>> list(places(Spec.parse("rankgpt:cached:hf:./m?also=http:n,hf:o&depth=9")))
    ['cached:hf:./m', 'hf:./m', './m', 'http:n,hf:o', 'n,hf:o', 'o', 'http:n', 'n', 'hf:o', 'o']
    """
    texts = [value for option, value in spec.options.items() if isinstance(value, str) and option not in _WRITTEN]
    for text in filter(None, [spec.model, *texts]):
        for one in dict.fromkeys([text, *text.split(",")]):  # several models have commas between them
            place, colon = one.strip().partition("?")[0], ":"
            while colon:  # in front stands what runs or keeps it, as in cached:hf:
                yield place
                _, colon, place = place.partition(":")


def _looked_at(place: str) -> str:
    path = os.path.expanduser(place)  # noqa: PTH111 - these take texts that no name of a file can be
    if os.path.isdir(path):  # noqa: PTH112
        return revision_of(Path(path))
    return f"sha256:{file_hash(Path(path))}" if os.path.isfile(path) else ""  # noqa: PTH113
