"""Token encoders: from texts to a matrix of vectors each, one row a token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Document
from rankify.encoders.batching import Scheduler
from rankify.encoders.checkpoint import Checkpoint
from rankify.encoders.hub import located, revision_of
from rankify.encoders.projection import projection
from rankify.encoders.runtimes.choice import Choice
from rankify.encoders.runtimes.outside import moved
from rankify.encoders.texts import passage, token_rows
from rankify.encoders.token_recipe import PUNCTUATION, TokenRecipe
from rankify.errors import BadInput, RankifyError, needs
from rankify.spec import spec_of


@dataclass(frozen=True, eq=False)
class Matrices:
    """The token vectors of several texts, one text's rows behind the other's.

    Args:
        vectors: unit vectors, shape (tokens of all texts, dimension).
        lengths: how many rows each text has, at least one, shape (texts,).
    """

    vectors: NDArray[np.float32]
    lengths: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return iter(self.split())

    def split(self) -> list[NDArray[np.float32]]:
        """Each text's matrix, shape (its tokens, dimension)."""
        return np.split(self.vectors, np.cumsum(self.lengths)[:-1]) if len(self) else []


@dataclass(frozen=True)
class _Row:
    """A text as the network reads it: its ids, how many of them are attended to, and which are scored."""

    ids: list[int]
    attended: int
    scored: NDArray[np.bool_]


class TokenEncoder:
    """A unit vector for each token of each text, to be compared by late interaction.

    Khattab and Zaharia, "ColBERT", arXiv:2004.12832.

    Args:
        model: a folder or a hub id; a checkpoint of ColBERT, a folder of PyLate, or any encoder of transformers.
        query_length: the most tokens of a query, marker and special ones included; what the catalogue or the model
            says if not given, and so for the next five.
        document_length: the most tokens of a document.
        expand: whether queries are filled up with mask tokens to `query_length`.
        punctuation: whether a document's punctuation is scored.
        query_prefix: what stands before each query, as text.
        document_prefix: what stands before each document, as text.
        revision: a branch, tag or commit on the hub.
        dtype: float32, bfloat16 or float16; vectors come as float32 whatever it is.
        device: cpu, cuda, cuda:0, ...; a GPU if there is one.
        batch_tokens: the tokens of one batch, padding included; what suits the device if not given.
        backend, quantize: as for `DenseEncoder`.

    Raises:
        BadInput: there is no such model, or it lacks its projection, its markers or a mask token.
    """

    name: ClassVar[str] = "tokens"

    def __init__(
        self, model: str, *, query_length: int | None = None, document_length: int | None = None,
        expand: bool | None = None, punctuation: bool | None = None, query_prefix: str | None = None,
        document_prefix: str | None = None, revision: str | None = None, dtype: str = "float32",
        device: str | None = None, batch_tokens: int | None = None, backend: str = "torch", quantize: str = "float32",
    ) -> None:  # fmt: skip
        self.model, self.query_length, self.document_length = model, query_length, document_length
        self.expand, self.punctuation = expand, punctuation
        self.query_prefix, self.document_prefix, self.revision = query_prefix, document_prefix, revision
        self.dtype, self.device, self.batch_tokens = dtype, device, batch_tokens
        self.backend, self.quantize = backend, quantize
        self._choice = Choice.of(backend, quantize, dtype=dtype, device=device)
        needs("torch", "neural")
        self.folder = located(model, revision)
        skip = None if punctuation is None else () if punctuation else PUNCTUATION
        self.recipe = TokenRecipe.of(model, self.folder, {
            "query_length": query_length, "document_length": document_length, "expand": expand, "skip": skip,
            "query_prefix": query_prefix, "document_prefix": document_prefix,
        })  # fmt: skip
        inside = self.recipe.network
        self.checkpoint = Checkpoint.load(
            str(self.folder / inside) if inside else model,
            revision=revision,
            dtype=dtype,
            device=self._choice.device(device),
        )
        self._lengths = {side: self._length(side) for side in ("query", "document")}
        self._markers = {side: self._token(getattr(self.recipe, f"{side}_marker")) for side in self._lengths}
        self._mask, self._skipped = self._mask_token(), self._skipped_tokens()
        like = next(self.checkpoint.network.parameters())
        self._project = projection(self.folder, self.recipe.projections, like=like)
        probe = self.checkpoint.inputs([[1, 2, 3, 4], [1, 2]])
        self.checkpoint = moved(self.checkpoint, self._choice, "last_hidden_state", probe)
        self._budget = self.checkpoint.budget(batch_tokens)
        self.counted = Scheduler(self._budget).counted
        self.dimension = self._encode([_Row([self.checkpoint.pad], 1, np.ones(1, bool))]).vectors.shape[1]

    def encode_queries(self, texts: Sequence[str]) -> Matrices:
        """A matrix for each query; with `expand` each has as many rows as the longest query may have tokens."""
        return self._matrices([self.recipe.query_prefix + text for text in texts], self._query)

    def encode_documents(self, documents: Sequence[Document]) -> Matrices:
        """A matrix for each document's title and text, without the rows of skipped tokens."""
        return self.encode_passages([passage(document) for document in documents])

    def encode_passages(self, texts: Sequence[str]) -> Matrices:
        """A matrix for each text that is, or is part of, a document."""
        return self._matrices([self.recipe.document_prefix + text for text in texts], self._document)

    def identity(self) -> dict[str, Any]:
        """Everything that decides a vector, as fields of a manifest: equal ones mean equal vectors."""
        name = self.folder.name if self.folder.name == self.model.rstrip("/").rpartition("/")[2] else self.model
        return {
            "model": name, "revision": revision_of(self.folder), **self.recipe.described(),
            "query_length": self._lengths["query"], "document_length": self._lengths["document"],
            "dtype": self.dtype, "dimension": self.dimension, **self._choice.described(),
        }  # fmt: skip

    def _length(self, side: str) -> int:
        """The most tokens of a row; what the model's files say is cut to what its network can read.

        The tokenizer's own limit decides only where nothing else is said: PyLate leaves there what it read last.
        """
        own, asked = getattr(self.recipe, f"{side}_length"), getattr(self, f"{side}_length")
        own = own if asked is not None else own or None  # some files write 0 for nothing
        most = self.checkpoint.positions or max(self.checkpoint.limit, own or 0)
        least = int(self.checkpoint.tokenizer.num_special_tokens_to_add()) + 1
        least += bool(getattr(self.recipe, f"{side}_marker"))
        if own is not None and (own < least or (asked is not None and asked > most)):
            raise BadInput(f"{side}_length={own} with model {self.model!r}: it reads {least} to {most} tokens")
        return min(own or self.checkpoint.limit, most)

    def _token(self, marker: str) -> int | None:
        """The id of a marker, which is one token of the vocabulary."""
        if not marker:
            return None
        found = self.checkpoint.tokenizer.get_vocab().get(marker)
        if found is None:
            raise BadInput(f"model {self.model!r} marks its texts with {marker!r}, which its tokenizer does not know")
        return int(found)

    def _mask_token(self) -> int:
        """What queries are filled up with: the mask token, or the end of sequence where there is none, as in PyLate."""
        tokenizer = self.checkpoint.tokenizer
        found = tokenizer.mask_token_id if tokenizer.mask_token_id is not None else tokenizer.eos_token_id
        if found is None and self.recipe.expand:
            raise BadInput(f"model {self.model!r} has no mask token to fill queries up with; give expand=false")
        return int(found or 0)

    def _skipped_tokens(self) -> NDArray[np.int64]:
        """The ids of the words to skip; a word that is no token of the model is none of them."""
        vocabulary = self.checkpoint.tokenizer.get_vocab()
        return np.array(sorted(vocabulary[word] for word in self.recipe.skip if word in vocabulary), dtype=np.int64)

    def _marked(self, texts: Iterable[str], side: str) -> list[list[int]]:
        """The ids of each text, cut so that its marker, which stands behind the first of them, still fits."""
        marker = self._markers[side]
        rows = token_rows(self.checkpoint.tokenizer, texts, self._lengths[side] - (marker is not None))
        marked = rows if marker is None else [[*row[:1], marker, *row[1:]] for row in rows]
        return [row or [self.checkpoint.pad] for row in marked]

    def _query(self, texts: Iterable[str]) -> list[_Row]:
        """Queries, filled up where that is asked for; all their tokens are scored."""
        found = []
        for row in self._marked(texts, "query"):
            more = self._lengths["query"] - len(row) if self.recipe.expand else 0
            ids = row + [self._mask] * more
            found.append(_Row(ids, len(ids) if self.recipe.attend else len(row), np.ones(len(ids), dtype=bool)))
        return found

    def _document(self, texts: Iterable[str]) -> list[_Row]:
        """Documents; one of nothing but skipped tokens is scored by its first."""
        found = []
        for ids in self._marked(texts, "document"):
            scored = ~np.isin(ids, self._skipped)
            scored[0] |= not scored.any()
            found.append(_Row(ids, len(ids), scored))
        return found

    def _matrices(self, texts: Sequence[str], rows: Any) -> Matrices:
        """A matrix for each text; equal texts are encoded once, so that they tie exactly."""
        read = [text.lower() for text in texts] if self.recipe.lowercase else texts
        places: dict[str, int] = {}
        wanted = [places.setdefault(text, len(places)) for text in read]
        found = self._encode(rows(places))
        if not np.isfinite(found.vectors).all():
            pairs = zip(places, found.split(), strict=True)
            wrong = next(text for text, matrix in pairs if not np.isfinite(matrix).all())
            raise RankifyError(f"model {self.model!r} in {self.dtype} gave no finite vectors for {wrong[:60]!r}")
        if len(places) == len(texts):
            return found
        split = found.split()
        return Matrices(np.concatenate([split[place] for place in wanted]), found.lengths[wanted])

    def _encode(self, rows: Sequence[_Row]) -> Matrices:
        """The matrices of rows, all of them in one array that batches fill as they come."""
        lengths = np.array([int(row.scored.sum()) for row in rows], dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        vectors: NDArray[np.float32] | None = None

        def batch(positions: NDArray[np.int64]) -> NDArray[np.float32]:
            nonlocal vectors
            some = [rows[i] for i in positions.tolist()]
            for place, row, matrix in zip(positions.tolist(), some, self._forward(some), strict=True):
                if vectors is None:
                    vectors = np.empty((int(starts[-1]), matrix.shape[1]), dtype=np.float32)
                vectors[starts[place] : starts[place + 1]] = matrix[: len(row.ids)][row.scored]
            return np.zeros(len(some), dtype=np.float32)

        scheduler = Scheduler(self._budget)
        scheduler.run([len(row.ids) for row in rows], batch)
        self.counted = scheduler.counted
        empty = np.empty((0, getattr(self, "dimension", 0)), dtype=np.float32)
        return Matrices(empty if vectors is None else vectors, lengths)

    def _forward(self, rows: Sequence[_Row]) -> NDArray[np.float32]:
        """Unit vectors of every token, padding included, shape (rows, longest, dimension)."""
        import torch
        from torch.nn.functional import normalize

        with torch.inference_mode():
            inputs = self.checkpoint.inputs([row.ids for row in rows])
            attended = torch.tensor([row.attended for row in rows], device=self.checkpoint.device)
            width = torch.arange(inputs["input_ids"].shape[1], device=self.checkpoint.device)
            inputs["attention_mask"] = (width < attended[:, None]).to(inputs["attention_mask"].dtype)
            hidden = self.checkpoint.network(**inputs).last_hidden_state
            found: NDArray[np.float32] = normalize(self._project(hidden).float(), dim=2).cpu().numpy()
        return found

    def __repr__(self) -> str:
        return str(spec_of(self))
