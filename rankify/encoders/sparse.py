"""Sparse encoders: from texts to weights of terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from rankify.documents import Document
from rankify.encoders import sparse_heads as heads
from rankify.encoders.batching import Positions, Scheduler
from rankify.encoders.checkpoint import Checkpoint
from rankify.encoders.hub import located, revision_of
from rankify.encoders.runtimes.choice import Choice
from rankify.encoders.runtimes.outside import moved
from rankify.encoders.sparse_vectors import Row, SparseVectors, pooled, scaled
from rankify.encoders.sparse_weighting import Weighting, query_table
from rankify.encoders.texts import passage, token_rows
from rankify.errors import Misuse, RankifyError, needs
from rankify.spec import Spec, spec_of

BUDGET = {"cpu": 2048}  # tokens a batch: a masked language model gives every token a number for every term
BUDGET_ELSEWHERE = 16_384


class SparseEncoder:
    """Weights of terms for each text, comparable by inner product.

    Args:
        model: a folder or a hub id.
        weighting: the family that says what the network's output means: splade, splade-v1, splade-doc, opensearch,
            opensearch-doc, opensearch-doc-v3, unicoil, bge-m3 or deepimpact. What the catalogue or the model says if
            not given, and so for the next seven.
        pooling: the greatest of a term's numbers in a text (max), or their sum.
        queries: encoded, or without the network: ones, counts or table.
        scale: weights become whole numbers, round(scale * weight); 0 leaves them as they are.
        max_length, query_length: the most tokens of a document and of a query, special ones included; more are cut.
        query_prefix, document_prefix: what stands before each text.
        expansion: the field of a document's metadata that has further text for it, e.g. predicted queries. uniCOIL
            reads its new tokens as a second segment; others read it behind the text.
        revision: a branch, tag or commit on the hub.
        dtype: float32, bfloat16 or float16; weights come as float32 whatever it is.
        device: cpu, cuda, cuda:0, ...; a GPU if there is one.
        batch_tokens: the tokens of one batch, padding included; what suits the device if not given.
        backend, quantize: as for `DenseEncoder`.

    Raises:
        BadInput: there is no such model, or nothing says what its output means.
    """

    name: ClassVar[str] = "sparse"

    def __init__(
        self, model: str, *, weighting: str | None = None, pooling: str | None = None, queries: str | None = None,
        scale: float | None = None, max_length: int | None = None, query_length: int | None = None,
        query_prefix: str | None = None, document_prefix: str | None = None, expansion: str | None = None,
        revision: str | None = None, dtype: str = "float32", device: str | None = None, batch_tokens: int | None = None,
        backend: str = "torch", quantize: str = "float32",
    ) -> None:  # fmt: skip
        self.model, self.weighting, self.pooling, self.queries, self.scale = model, weighting, pooling, queries, scale
        self.max_length, self.query_length, self.expansion = max_length, query_length, expansion
        self.query_prefix, self.document_prefix, self.revision = query_prefix, document_prefix, revision
        self.dtype, self.device, self.batch_tokens = dtype, device, batch_tokens
        self.backend, self.quantize = backend, quantize
        self._choice = Choice.of(backend, quantize, dtype=dtype, device=device)
        needs("torch", "neural")
        self.folder = located(model, revision)
        asked = {"weighting": weighting, "pooling": pooling, "queries": queries, "scale": scale}
        asked |= {"max_length": max_length, "query_length": query_length}
        asked |= {"query_prefix": query_prefix, "document_prefix": document_prefix}
        self.recipe = Weighting.of(model, self.folder, asked)
        self._load()
        self.counted = Scheduler(self._budget).counted

    def _load(self) -> None:
        """The network, the limits, and the names of terms."""
        kind = "AutoModelForMaskedLM" if self.recipe.head == "mlm" else "AutoModel"
        self.checkpoint = Checkpoint.load(
            self.model, kind=kind, revision=self.revision, dtype=self.dtype, device=self._choice.device(self.device)
        )
        self._limit = self.checkpoint.length(self.recipe.max_length)
        length = self.recipe.query_length or self.recipe.max_length
        if length and self.query_length is None:
            length = min(length, self.checkpoint.limit)  # published for a larger network of the family
        self._query_limit = self.checkpoint.length(length)
        elsewhere = BUDGET.get(self.checkpoint.device, BUDGET_ELSEWHERE)
        self._budget = elsewhere if self.batch_tokens is None else self.batch_tokens
        tokenizer = self.checkpoint.tokenizer
        self._special = sorted({int(id) for id in tokenizer.all_special_ids})
        self._dropped = self._special if self.recipe.special is False else []
        if self.recipe.special == "separators":
            self._dropped = [id for id in (tokenizer.cls_token_id, tokenizer.pad_token_id) if id is not None]
        self._layers = None if self.recipe.head == "mlm" else heads.Layers(self.checkpoint, self.recipe.layers)
        output = "logits" if self._layers is None else "last_hidden_state"
        self.checkpoint = moved(self.checkpoint, self._choice, output, self.checkpoint.inputs([[1, 2, 3, 4], [1, 2]]))
        self._names = [] if self.recipe.head == "word" else names_of(self.checkpoint)
        self._words: dict[str, int] = {}
        self._table = query_table(self.folder) if self.recipe.queries == "table" else {}
        if self.recipe.head == "word" and self.recipe.queries not in ("ones", "counts"):
            raise Misuse(f"queries={self.recipe.queries} with weights of words: they are ones or counts")

    @property
    def terms(self) -> list[str]:
        """What the number of a term stands for; more come with the texts where terms are words."""
        return list(self._words) if self.recipe.head == "word" else self._names

    def encode_documents(self, documents: Sequence[Document]) -> SparseVectors:
        """The weights of each document's title and text, and of its expansion where there is one."""
        texts = [self.recipe.document_prefix + passage(document) for document in documents]
        expansions = None if self.expansion is None else [self.expansion_of(d) for d in documents]
        return self._encode(texts, expansions, self._limit, self.recipe.pooling)

    def encode_queries(self, texts: Sequence[str]) -> SparseVectors:
        """The weights of each query."""
        read = [self.recipe.query_prefix + text for text in texts]
        if self.recipe.queries == "encoded":
            pooling = self.recipe.query_pooling or self.recipe.pooling
            return self._encode(read, None, self._query_limit, pooling)
        self.counted = Scheduler(self._budget).counted
        if self.recipe.head == "word":
            return SparseVectors.of([self._query_row(self._word_numbers(text)) for text in read])
        rows = token_rows(self.checkpoint.tokenizer, read, self._query_limit)
        return SparseVectors.of([self._query_row(np.setdiff1d(row, self._special, assume_unique=True)) for row in rows])

    def identity(self) -> dict[str, Any]:
        """Everything that decides a weight, as fields of a manifest: equal ones mean equal weights."""
        name = self.folder.name if self.folder.name == self.model.rstrip("/").rpartition("/")[2] else self.model
        return {
            "model": name, "revision": revision_of(self.folder), **self.recipe.described(), "max_length": self._limit,
            "query_length": self._query_limit, "dtype": self.dtype, "expansion": self.expansion,
            **self._choice.described(),
        }  # fmt: skip

    @staticmethod
    def reads_documents(spec: Spec) -> str:
        """The field of documents' metadata that vectors depend on; "" for none."""
        return str(spec.options.get("expansion") or "")

    def expansion_of(self, document: Document) -> str:
        """A document's further text, which decides its weights besides its title and text; "" where there is none."""
        found = document.metadata.get(self.expansion or "", "")
        return found if isinstance(found, str) else " ".join(map(str, found))

    def _word_numbers(self, text: str) -> list[int]:
        words = heads.words_of(self.checkpoint.tokenizer, text)
        return [self._words.setdefault(word, len(self._words)) for word in words if word not in heads.PUNCTUATION]

    def _query_row(self, tokens: Sequence[int] | Positions) -> Row:
        """The terms of a query that no network weighs."""
        counts = Counter(int(token) for token in tokens)
        terms = np.array([*counts], dtype=np.int32)
        if self.recipe.queries == "counts":
            return pooled(terms, np.array([*counts.values()], dtype=np.float32), "max")
        weights = np.ones(len(terms), np.float32)
        if self.recipe.queries == "table":
            weights = np.array([self._table.get(self._names[t], 0.0) for t in terms.tolist()], dtype=np.float32)
        row = pooled(terms, weights, "max")
        return scaled(row, self.recipe.scale) if self.recipe.scale and self.recipe.queries == "table" else row

    def _encode(
        self, texts: Sequence[str], expansions: Sequence[str] | None, limit: int, pooling: str
    ) -> SparseVectors:
        """The rows of the texts; equal texts are encoded once, so that they tie exactly."""
        places: dict[tuple[str, str], int] = {}
        pairs = zip(texts, expansions or [""] * len(texts), strict=True)
        wanted = [places.setdefault(pair, len(places)) for pair in pairs]
        readings = self._read([*places], limit, segments=expansions is not None)
        found: list[Row] = [(np.zeros(0, np.int32), np.zeros(0, np.float32))] * len(readings)

        def batch(positions: Positions) -> Positions:
            rows = self._weigh([readings[i] for i in positions.tolist()], pooling)
            for place, row in zip(positions.tolist(), rows, strict=True):
                found[place] = row
            return np.zeros(len(positions), np.int64)  # rows differ in length, so the scheduler gathers nothing

        scheduler = Scheduler(self._budget)
        scheduler.run([len(reading.ids) for reading in readings], batch)
        self.counted = scheduler.counted
        for (text, _), (_, weights) in zip(places, found, strict=True):
            if not np.isfinite(weights).all():
                raise RankifyError(f"model {self.model!r} in {self.dtype} gave no finite weight for {text[:60]!r}")
        if self.recipe.scale:
            found = [scaled(row, self.recipe.scale) for row in found]
        return SparseVectors.of([found[i] for i in wanted])

    def _read(self, pairs: Sequence[tuple[str, str]], limit: int, *, segments: bool) -> list[heads.Reading]:
        """Texts and their expansions, which uniCOIL reads as a segment each, as the network reads them."""
        tokenizer = self.checkpoint.tokenizer
        if self.recipe.head == "token" and segments:
            texts, expansions = [text for text, _ in pairs], [more for _, more in pairs]
            return heads.read_expanded(tokenizer, texts, expansions, limit, self._dropped)
        whole = [f"{text} {more}" if more else text for text, more in pairs]
        if self.recipe.head == "word":
            return heads.read_words(tokenizer, whole, limit, self._words)
        return heads.read_pieces(tokenizer, whole, limit, self._dropped)

    def _weigh(self, readings: Sequence[heads.Reading], pooling: str) -> list[Row]:
        import torch

        inputs = self.checkpoint.inputs([reading.ids for reading in readings])
        with torch.inference_mode():
            if self._layers is None:
                logits = self.checkpoint.network(**inputs).logits
                weights = heads.over_vocabulary(logits, inputs["attention_mask"], self.recipe.activation, pooling)
                return heads.vocabulary_rows(weights, self._dropped)
            numbers = self._layers(self.checkpoint.network(**inputs).last_hidden_state)
            return heads.reading_rows(heads.activated(numbers, self.recipe.activation).cpu().numpy(), readings, pooling)

    def __repr__(self) -> str:
        return str(spec_of(self))


def names_of(checkpoint: Checkpoint) -> list[str]:
    """The token of each number of the vocabulary, all distinct; a number with none of its own is named by itself."""
    tokenizer, size = checkpoint.tokenizer, int(checkpoint.network.config.vocab_size)
    known = tokenizer.convert_ids_to_tokens(list(range(min(len(tokenizer), size))))
    seen: dict[str | None, int] = {None: -1}
    names = [*known, *[None] * (size - len(known))]
    return [name if seen.setdefault(name, id) == id else f"\x00{id}" for id, name in enumerate(names)]
