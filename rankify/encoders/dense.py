"""Dense encoders: from texts to vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rankify import catalog
from rankify.documents import Document
from rankify.encoders.adapter import adapter_folders, adapters
from rankify.encoders.backbones import Backbone, backbone
from rankify.encoders.batching import Scheduler
from rankify.encoders.hub import located, revision_of
from rankify.encoders.recipe import Recipe
from rankify.encoders.rows import Rows
from rankify.encoders.runtimes.choice import Choice
from rankify.encoders.texts import passage
from rankify.errors import BadInput, Misuse, RankifyError, needs
from rankify.spec import spec_of

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Side:
    """Queries or documents: the network that reads them, and how their texts become its rows.

    Args:
        skipped: how many tokens at the beginning of a row are not pooled; None where that is counted for each text.
    """

    backbone: Backbone
    rows: Rows
    skipped: int | None

    def unpooled(self, texts: Sequence[str], rows: Sequence[Sequence[int]]) -> list[int]:
        """How many tokens at the beginning of each text's row are not pooled."""
        return self.rows.before_texts(texts, rows) if self.skipped is None else [self.skipped] * len(rows)


class DenseEncoder:
    """One vector for each text, comparable by inner product.

    Args:
        model: a folder or a hub id; a model of sentence-transformers, or any other encoder or decoder of transformers.
        pooling: mean, cls, last or max; what the catalogue or the model says if not given, and so for the next six.
        normalize: whether vectors have length 1, so that inner products are cosines.
        max_length: the most tokens of a text, special ones included; longer texts are cut.
        query_length: the most tokens of a query, where they are fewer.
        query_prefix: what stands before each query.
        document_prefix: what stands before each document.
        query_model: the model that reads queries, where another one reads documents; `revision` is not of this one.
        instruction: what the queries ask for, for models that take one: a task such as beir/scifact, or words.
        dimensions: how many of a vector's first values are kept; all if not given. Matryoshka, arXiv:2205.13147.
        adapter: a folder or a hub id of LoRA weights that are added to the model's; several with commas between them
            are added one after the other.
        revision: a branch, tag or commit on the hub.
        dtype: float32, bfloat16 or float16; vectors come as float32 whatever it is.
        device: cpu, cuda, cuda:0, ...; a GPU if there is one.
        batch_tokens: the tokens of one batch, padding included; what suits the device if not given.
        backend: torch, or on the processor onnx or openvino, which run the network that they export once from the
            model's weights.
        quantize: float32, or int8 with backend=onnx or openvino.

    Raises:
        BadInput: there is no such model, nothing says how it pools, or it is code of its own repository.
        Misuse: the model takes no instruction, or cannot be cut so.
    """

    name: ClassVar[str] = "dense"
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers", "tokenizers")  # what else decides a vector
    shard: ClassVar[int] = 16_384  # documents that a killed build encodes again, at most

    def __init__(
        self, model: str, *, pooling: str | None = None, normalize: bool | None = None, max_length: int | None = None,
        query_length: int | None = None, query_prefix: str | None = None, document_prefix: str | None = None,
        query_model: str | None = None, instruction: str | None = None, dimensions: int | None = None,
        adapter: str | None = None, revision: str | None = None, dtype: str = "float32", device: str | None = None,
        batch_tokens: int | None = None, backend: str = "torch", quantize: str = "float32",
    ) -> None:  # fmt: skip
        self.model, self.pooling, self.normalize, self.max_length = model, pooling, normalize, max_length
        self.query_length, self.query_prefix, self.document_prefix = query_length, query_prefix, document_prefix
        self.query_model, self.instruction, self.dimensions = query_model, instruction, dimensions
        self.adapter, self.revision = adapter, revision
        self.dtype, self.device, self.batch_tokens = dtype, device, batch_tokens
        self.backend, self.quantize = backend, quantize
        self._choice = Choice.of(backend, quantize, dtype=dtype, device=device)
        needs("torch", "neural")
        if reason := catalog.models().get(model, {}).get("refused"):
            raise BadInput(f"model {model!r} cannot be run here: {reason}")
        self.folder = located(model, revision)
        asked = {
            "pooling": pooling, "normalize": normalize, "max_length": max_length, "query_length": query_length,
            "query_prefix": query_prefix, "document_prefix": document_prefix, "query_model": query_model,
            "instruction": instruction, "dimensions": dimensions,
        }  # fmt: skip
        if adapter is not None:
            adapter_folders(adapter)  # that they are there, before the model is loaded
        last = adapters(adapter or "")[-1]
        self.recipe = Recipe.of(last if last in catalog.models() else model, self.folder, asked)
        self._queries, self._documents = self._sides()
        self.checkpoint = self._documents.backbone.checkpoint
        self._budget = self.checkpoint.budget(batch_tokens)
        self.counted = Scheduler(self._budget).counted
        self.dimension = self._dimension()

    @property
    def similarity(self) -> str:
        """By what the model's vectors are meant to be compared: cosine (their lengths are 1) or dot."""
        return self.recipe.similarity

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """A vector for each query, shape (queries, dimension)."""
        return self._encode(texts, self._queries)

    def encode_documents(self, documents: Sequence[Document]) -> Vectors:
        """A vector for each document's title and text, shape (documents, dimension)."""
        return self.encode_passages([passage(document, self.recipe.title_separator) for document in documents])

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """A vector for each text that is, or is part of, a document, shape (texts, dimension)."""
        return self._encode(texts, self._documents)

    def identity(self) -> dict[str, Any]:
        """Everything that decides a vector, as fields of a manifest: equal ones mean equal vectors."""
        name = self.folder.name if self.folder.name == self.model.rstrip("/").rpartition("/")[2] else self.model
        said = {
            "model": name, "revision": revision_of(self.folder), **self.recipe.described(),
            "max_length": self._documents.rows.limit, "dtype": self.dtype, "dimension": self.dimension,
            **self._choice.described(),
        }  # fmt: skip
        if self.recipe.query_model is not None:
            said["query_revision"] = revision_of(self._queries.backbone.checkpoint.folder)
        if self.adapter is not None:
            said["adapter_revision"] = " ".join(map(revision_of, adapter_folders(self.adapter)))
        return said

    def _sides(self) -> tuple[Side, Side]:
        """How queries are read, and how documents are."""
        given: dict[str, Any] = {"dtype": self.dtype, "device": self.device, "choice": self._choice}
        documents = queries = backbone(self.model, self.recipe, revision=self.revision, adapter=self.adapter, **given)
        if self.recipe.query_model is not None:
            if self.adapter is not None:
                raise Misuse(f"adapter={self.adapter!r} and query_model={self.recipe.query_model!r}: give one of them")
            queries = backbone(self.recipe.query_model, self.recipe, revision=None, **given)
        recipe, length = self.recipe, self.recipe.query_length or self.recipe.max_length
        return (
            self._side(queries, recipe.before_query, length, recipe.fill),
            self._side(documents, recipe.document_prefix, recipe.max_length),
        )

    def _side(self, network: Backbone, prefix: str, length: int | None, fill: str = "") -> Side:
        checkpoint, recipe = network.checkpoint, self.recipe
        rows = Rows(
            tokenizer=checkpoint.tokenizer, prefix=prefix, limit=checkpoint.length(length), special=recipe.special,
            end=recipe.end, fill=fill, suffix=recipe.suffix, text_length=recipe.text_length,
        )  # fmt: skip
        skipped = 0 if recipe.pool_prefix else rows.prefixed()
        return Side(network, rows, None if recipe.pool_text else skipped)

    def _dimension(self) -> int:
        """The length of a vector, which is the same for queries and documents."""
        whole, other = (self._encode(["a"], side).shape[1] for side in (self._documents, self._queries))
        if whole != other:
            raise BadInput(
                f"model {self.model!r} gives {whole} dimensions and query_model {self.recipe.query_model!r} {other}"
            )
        asked = self.recipe.dimensions
        if asked is not None and whole != asked:
            raise Misuse(f"dimensions={asked}: model {self.model!r} gives vectors of {whole}")
        return int(whole)

    def _encode(self, texts: Sequence[str], side: Side) -> Vectors:
        """A vector for each text; equal texts are encoded once, so that they tie exactly."""
        read = [text.lower() for text in texts] if self.recipe.lowercase else texts
        places: dict[str, int] = {}
        wanted = [places.setdefault(text, len(places)) for text in read]
        rows = side.rows.of(list(places))
        skipped = side.unpooled(list(places), rows)
        scheduler = Scheduler(self._budget)
        lengths = [len(row) for row in rows]
        found = scheduler.run(
            lengths, lambda some: self._batch([rows[i] for i in some], side, [skipped[i] for i in some])
        )
        self.counted = scheduler.counted
        if not np.isfinite(found).all():
            wrong = next(text for text, row in zip(places, found, strict=True) if not np.isfinite(row).all())
            raise RankifyError(f"model {self.model!r} in {self.dtype} gave no finite vector for {wrong[:60]!r}")
        return found[wanted] if rows else np.empty((0, self.dimension), dtype=np.float32)

    def _batch(self, rows: Sequence[Sequence[int]], side: Side, skipped: Sequence[int]) -> Vectors:
        import torch
        from torch.nn.functional import layer_norm, normalize

        with torch.inference_mode():
            before = skipped[0] if len({*skipped}) == 1 else torch.tensor(skipped)
            vectors = side.backbone.pooled(side.backbone.checkpoint.inputs(rows), self.recipe, before)
            if self.recipe.standardize:
                vectors = layer_norm(vectors, vectors.shape[1:])
            vectors = vectors[:, : self.recipe.dimensions]
            if self.recipe.normalize:
                vectors = normalize(vectors, dim=1)
        found: Vectors = vectors.cpu().numpy()
        return found

    def __repr__(self) -> str:
        return str(spec_of(self))
