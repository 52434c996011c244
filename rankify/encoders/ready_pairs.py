"""Scores of (query, passage) pairs by a network in ONNX's format that somebody else exported; torch is not needed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Document
from rankify.encoders.batching import Scheduler
from rankify.encoders.ready_made import network_file
from rankify.encoders.runtimes.sessions import Session
from rankify.encoders.texts import CHUNK, passage, whole
from rankify.errors import BadInput, UnknownName, needs

BUDGET = 2048  # tokens a batch, which stay in a processor's caches
LONGEST = 512  # tokens a pair, where the model's files name no fewer
ACTIVATIONS = ("sigmoid", "identity")


class ReadyPairScorer:
    """Scores of pairs as FlashRank computes them, in batches of bounded size.

    The sigmoid of a network's one logit, or the softmax of its second over its two.

    Args:
        folder: with a file in ONNX's format, tokenizer.json, and what beside them says how long pairs are.
        max_length: the most tokens of a pair, special ones included; 512, or what the model's files say if that is
            fewer, if not given. The longer text is cut first.
        batch_tokens: the tokens of one batch, padding included; 2,048 if not given.
        activation: sigmoid, or identity for a logit or the difference of two.

    Raises:
        BadInput: the folder lacks one of these files, or the network is no cross-encoder.
    """

    def __init__(
        self, folder: Path, *, max_length: int | None = None, batch_tokens: int | None = None,
        activation: str | None = None, extra: str = "onnx",
    ) -> None:  # fmt: skip
        if activation is not None and activation not in ACTIVATIONS:
            raise UnknownName.among("activation", activation, ACTIVATIONS)
        path = network_file(folder)
        if path is None:
            raise BadInput(f"no model in {folder}: it needs a file in .onnx and tokenizer.json")
        library = needs("tokenizers", extra)
        self.activation = activation or "sigmoid"
        self.session = Session(path, extra=extra)
        self._single, self._paired = (library.Tokenizer.from_file(str(folder / "tokenizer.json")) for _ in range(2))
        for tokenizer in (self._single, self._paired):
            tokenizer.no_padding()
            tokenizer.no_truncation()
        self.special = self._paired.num_special_tokens_to_add(True)
        self.length = self._length(folder, max_length)
        self._paired.enable_truncation(max_length=self.length)
        self.pad = _pad(self._paired, _said(folder / "config.json"))
        self.budget = BUDGET if batch_tokens is None else batch_tokens
        self.counted = Scheduler(self.budget).counted

    def passage(self, document: Document) -> str:
        """What the network reads of a document: its title and its text."""
        return passage(document)

    def scores(self, queries: Sequence[str], passages: Sequence[str], pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        """The score of each pair. A text is tokenised once and a pair scored once, however often they stand there.

        Args:
            pairs: the place of a query and of a passage, shape (pairs, 2).
        """
        lefts, rights = self._encoded(queries), self._encoded(passages)
        distinct, places = np.unique(pairs, axis=0, return_inverse=True)
        room = [min(len(lefts[q]) + len(rights[p]) + self.special, self.length) for q, p in distinct.tolist()]

        def batch(positions: NDArray[np.int64]) -> NDArray[np.float32]:
            some = distinct[positions].tolist()
            return self._forward([self._paired.post_process(lefts[q], rights[p], True) for q, p in some])

        scheduler = Scheduler(self.budget)
        found = scheduler.run(room, batch)
        self.counted = scheduler.counted
        return found[places.reshape(-1)]

    def _encoded(self, texts: Sequence[str]) -> list[Any]:
        """The tokens of each text, without special ones."""
        found: list[Any] = []
        for start in range(0, len(texts), CHUNK):
            some = [whole(text) for text in texts[start : start + CHUNK]]
            found += self._single.encode_batch(some, add_special_tokens=False)
        return found

    def _forward(self, rows: Sequence[Any]) -> NDArray[np.float32]:
        logits = self.session(self._inputs(rows)).astype(np.float32).reshape(len(rows), -1)
        if logits.shape[1] > 2:
            raise BadInput(f"a network of {logits.shape[1]} labels, where one score is needed")
        numbers = logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
        return numbers if self.activation == "identity" else _sigmoid(numbers)

    def _inputs(self, rows: Sequence[Any]) -> dict[str, NDArray[np.int64]]:
        """Rows as the network takes them, shape (rows, longest), padded on the right."""
        shape = (len(rows), max(1, *(len(row) for row in rows)))
        names = {"input_ids": self.pad, "token_type_ids": 0, "attention_mask": 0}
        found = {name: np.full(shape, pad, dtype=np.int64) for name, pad in names.items()}
        for place, row in enumerate(rows):
            found["input_ids"][place, : len(row)] = row.ids
            found["token_type_ids"][place, : len(row)] = row.type_ids
            found["attention_mask"][place, : len(row)] = 1
        return found

    def _length(self, folder: Path, asked: int | None) -> int:
        """The most tokens of a pair."""
        named = _said(folder / "tokenizer_config.json").get("model_max_length", LONGEST)
        most = int(min(named, LONGEST))
        if asked is not None and not self.special + 1 <= asked <= most:
            raise BadInput(
                f"max_length={asked} with the model in {folder}: it reads {self.special + 1} to {most} tokens"
            )
        return asked or most


def _sigmoid(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)), without overflow.

    >>> _sigmoid(np.array([-1000, 0, 1000], dtype=np.float32)).tolist()
    [0.0, 0.5, 1.0]
    """
    found: NDArray[np.float32] = (0.5 * (1 + np.tanh(0.5 * numbers))).astype(np.float32)
    return found


def _pad(tokenizer: Any, config: Mapping[str, Any]) -> int:
    """The id that fills up rows; any will do where the model names none, since it is masked."""
    named = config.get("pad_token_id")
    return int(named if named is not None else tokenizer.token_to_id("[PAD]") or 0)


def _said(path: Path) -> dict[str, Any]:
    """A JSON file, or nothing where there is none."""
    try:
        return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}
    except ValueError as error:
        raise BadInput(f"cannot read {path}: {error}") from None
