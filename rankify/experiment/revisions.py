"""What results depend on besides pipelines and data: the files of models, and the versions of libraries."""

from __future__ import annotations

from pathlib import Path

from rankify.encoders.hub import revision_of
from rankify.experiment.hashes import file_hash
from rankify.expressions import components
from rankify.indexes.manifest import versions
from rankify.spec import Spec

LIBRARIES = (
    "rankify", "numpy", "numba", "regex", "torch", "transformers", "tokenizers", "sentence-transformers", "peft",
    "onnxruntime", "openvino", "vllm", "faiss-cpu", "pyserini",
)  # fmt: skip
MODELS = ("also", "cheap", "adapter", "tokenizer")  # options that name further models, several with commas between them


class Revisions:
    """Revisions of the models that are folders or files here, each looked at once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, model: str) -> str:
        """The revision of a spec's model; "" for one that is neither a folder nor a file here, as a hub id."""
        if model not in self._known:
            self._known[model] = _looked_at(model)
        return self._known[model]

    def behind(self, pipeline: str) -> dict[str, str]:
        """What the pipeline's results depend on: libraries by their versions, models by their revisions."""
        models = {model: self.of(model) for _, spec in components(pipeline) for model in _models(spec)}
        return {**versions(*LIBRARIES), **{model: revision for model, revision in sorted(models.items()) if revision}}


def _models(spec: Spec) -> list[str]:
    """A spec's model and those that its options name; also the file of what a fusion has learnt."""
    named = [str(spec.options[option]) for option in MODELS if option in spec.options]
    named += [learnt for learnt in [str(spec.options.get("learnt"))] if learnt.endswith(".json")]
    return [spec.model, *(one.strip().partition("?")[0] for several in named for one in several.split(","))]


def _looked_at(model: str) -> str:
    for place in (model, model.partition(":")[2]):  # a language model's name has its backend in front
        path = Path(place).expanduser()
        if place and path.is_dir():
            return revision_of(path)
        if place and path.is_file():
            return f"sha256:{file_hash(path)}"
    return ""
