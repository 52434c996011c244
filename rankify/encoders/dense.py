"""Dense encoders: from texts to vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Document
from rankify.encoders.batching import Scheduler
from rankify.encoders.checkpoint import Checkpoint, device_of
from rankify.encoders.first_token import read_first_token_only
from rankify.encoders.hub import located, revision_of
from rankify.encoders.pooling import pool
from rankify.encoders.recipe import Recipe
from rankify.encoders.texts import passage, token_rows
from rankify.errors import RankifyError, needs
from rankify.spec import spec_of

if TYPE_CHECKING:
    from torch import Tensor

Vectors = NDArray[np.float32]


class DenseEncoder:
    """One vector for each text, comparable by inner product.

    Args:
        model: a folder or a hub id; a model of sentence-transformers, or any other encoder of transformers.
        pooling: mean, cls, last or max; what the catalogue or the model says if not given, and so for the next four.
        normalize: whether vectors have length 1, so that inner products are cosines.
        max_length: the most tokens of a text, special ones included; longer texts are cut.
        query_prefix: what stands before each query.
        document_prefix: what stands before each document.
        revision: a branch, tag or commit on the hub.
        dtype: float32, bfloat16 or float16; vectors come as float32 whatever it is.
        device: cpu, cuda, cuda:0, ...; a GPU if there is one.
        batch_tokens: the tokens of one batch, padding included; what suits the device if not given.

    Raises:
        BadInput: there is no such model, or nothing says how it pools.
    """

    name: ClassVar[str] = "dense"
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers", "tokenizers")  # what else decides a vector
    shard: ClassVar[int] = 16_384  # documents that a killed build encodes again, at most

    def __init__(
        self, model: str, *, pooling: str | None = None, normalize: bool | None = None, max_length: int | None = None,
        query_prefix: str | None = None, document_prefix: str | None = None, revision: str | None = None,
        dtype: str = "float32", device: str | None = None, batch_tokens: int | None = None,
    ) -> None:  # fmt: skip
        self.model, self.pooling, self.normalize, self.max_length = model, pooling, normalize, max_length
        self.query_prefix, self.document_prefix, self.revision = query_prefix, document_prefix, revision
        self.dtype, self.device, self.batch_tokens = dtype, device, batch_tokens
        needs("torch", "neural")
        self.folder = located(model, revision)
        asked = {"pooling": pooling, "normalize": normalize, "max_length": max_length, "query_prefix": query_prefix}
        self.recipe = Recipe.of(model, self.folder, {**asked, "document_prefix": document_prefix})
        self.checkpoint = Checkpoint.load(model, revision=revision, dtype=dtype, device=device)
        self._limit = self.checkpoint.length(self.recipe.max_length)
        self._budget = self.checkpoint.budget(batch_tokens)
        self._forward = self._modules() if self.recipe.pooling == "modules" else self._pooled
        if self.recipe.pooling == "cls":
            read_first_token_only(self.checkpoint.network, self.checkpoint.inputs([[1, 2, 3, 4], [1, 2]]))
        self.counted = Scheduler(self._budget).counted
        self.dimension = self._encode(["a"]).shape[1]

    @property
    def similarity(self) -> str:
        """By what the model's vectors are meant to be compared: cosine (their lengths are 1) or dot."""
        return self.recipe.similarity

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """A vector for each query, shape (queries, dimension)."""
        return self._encode([self.recipe.query_prefix + text for text in texts])

    def encode_documents(self, documents: Sequence[Document]) -> Vectors:
        """A vector for each document's title and text, shape (documents, dimension)."""
        return self.encode_passages([passage(document) for document in documents])

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """A vector for each text that is, or is part of, a document, shape (texts, dimension)."""
        return self._encode([self.recipe.document_prefix + text for text in texts])

    def identity(self) -> dict[str, Any]:
        """Everything that decides a vector, as fields of a manifest: equal ones mean equal vectors."""
        name = self.folder.name if self.folder.name == self.model.rstrip("/").rpartition("/")[2] else self.model
        return {
            "model": name, "revision": revision_of(self.folder), **self.recipe.described(), "max_length": self._limit,
            "dtype": self.dtype, "dimension": self.dimension,
        }  # fmt: skip

    def _encode(self, texts: Sequence[str]) -> Vectors:
        """A vector for each text; equal texts are encoded once, so that they tie exactly."""
        read = [text.lower() for text in texts] if self.recipe.lowercase else texts
        places: dict[str, int] = {}
        wanted = [places.setdefault(text, len(places)) for text in read]
        rows = token_rows(self.checkpoint.tokenizer, places, self._limit)
        scheduler = Scheduler(self._budget)
        found = scheduler.run([len(row) for row in rows], lambda some: self._batch([rows[i] for i in some.tolist()]))
        self.counted = scheduler.counted
        if not np.isfinite(found).all():
            wrong = next(text for text, row in zip(places, found, strict=True) if not np.isfinite(row).all())
            raise RankifyError(f"model {self.model!r} in {self.dtype} gave no finite vector for {wrong[:60]!r}")
        return found[wanted] if rows else np.empty((0, self.dimension), dtype=np.float32)

    def _batch(self, rows: Sequence[Sequence[int]]) -> Vectors:
        import torch
        from torch.nn.functional import normalize

        with torch.inference_mode():
            vectors = self._forward(self.checkpoint.inputs(rows))
            if self.recipe.normalize:
                vectors = normalize(vectors, dim=1)
        found: Vectors = vectors.cpu().numpy()
        return found

    def _pooled(self, inputs: dict[str, Tensor]) -> Tensor:
        hidden: Tensor = self.checkpoint.network(**inputs).last_hidden_state
        return pool(hidden, inputs["attention_mask"], self.recipe.pooling)

    def _modules(self) -> Callable[[dict[str, Tensor]], Tensor]:
        """The forward pass of sentence-transformers, for models with modules that are not computed here."""
        library = needs("sentence_transformers", "neural")
        whole = library.SentenceTransformer(
            str(self.folder), device=device_of(self.device), local_files_only=True,
            model_kwargs={"dtype": self.checkpoint.network.dtype, "use_safetensors": True},
        )  # fmt: skip
        whole.to(self.checkpoint.network.dtype).eval()

        def forward(inputs: dict[str, Tensor]) -> Tensor:
            found: Tensor = whole(inputs)["sentence_embedding"].float()
            return found

        return forward

    def __repr__(self) -> str:
        return str(spec_of(self))
