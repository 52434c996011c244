"""Scores of (query, passage) pairs by a cross-encoder, in batches that no query owns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.encoders.batching import Scheduler
from rankify.encoders.checkpoint import Checkpoint
from rankify.encoders.first_token import read_first_token_only
from rankify.encoders.texts import padded, token_rows
from rankify.errors import BadInput, UnknownName

ACTIVATIONS = {"sigmoid": "Sigmoid", "identity": "Identity"}


@dataclass(frozen=True)
class Template:
    """The special tokens that a model puts before, between and behind two texts, and the segment of each part.

    Args:
        special: token ids before, between and behind.
        segments: one number for each of the five parts.
    """

    special: tuple[list[int], list[int], list[int]]
    segments: tuple[int, int, int, int, int]

    @classmethod
    def of(cls, tokenizer: Any) -> Template:
        """What the tokenizer does, read off the pair ("a", "a").

        Raises:
            BadInput: the tokenizer does not say which tokens are special.
        """
        encoded = tokenizer("a", "a", return_token_type_ids=True)
        if not encoded.is_fast:
            raise BadInput(f"{type(tokenizer).__name__} cannot tell texts from special tokens; use a fast tokenizer")
        ids, types, owners = encoded["input_ids"], encoded["token_type_ids"], encoded.sequence_ids(0)
        first, second = ([i for i, owner in enumerate(owners) if owner == text] for text in (0, 1))
        cuts = (0, first[0], first[-1] + 1, second[0], second[-1] + 1, len(ids))
        parts = list(pairwise(cuts))
        before, _, between, _, behind = (ids[start:end] for start, end in parts)
        segments = [types[start] if start < end else 0 for start, end in parts]
        return cls((before, between, behind), tuple(segments))  # type: ignore[arg-type]

    def __len__(self) -> int:
        return sum(map(len, self.special))

    def joined(self, left: list[int], right: list[int]) -> list[int]:
        """One row of token ids."""
        before, between, behind = self.special
        return [*before, *left, *between, *right, *behind]

    def segmented(self, left: int, right: int) -> list[int]:
        """The segment of each token of a row with so many tokens of either text."""
        lengths = (len(self.special[0]), left, len(self.special[1]), right, len(self.special[2]))
        return [segment for segment, n in zip(self.segments, lengths, strict=True) for _ in range(n)]


def shares(left: int, right: int, room: int) -> tuple[int, int]:
    """How many tokens of two texts are kept: the longer gives way until both fit or both have half.

    It is what the strategy `longest_first` of Hugging Face's tokenizers keeps.

    >>> shares(10, 500, 100), shares(200, 300, 101), shares(3, 4, 100)
    ((10, 90), (50, 51), (3, 4))
    """
    if left + right <= room:
        return left, right
    if left > right:
        kept, given = shares(right, left, room)
        return given, kept
    half = room // 2
    return (left, room - left) if left <= half else (half, room - half)


class PairScorer:
    """Scores of pairs by a model with a classification head of one label.

    Args:
        model: a folder or a hub id.
        max_length: the most tokens of a pair; what the model's own configuration says if not given.
        batch_tokens: the tokens of one batch, padding included; what suits the device if not given.
        activation: sigmoid or identity; what the model's own configuration says if not given.
        revision, dtype, device: as for `Checkpoint.load`.
    """

    def __init__(
        self, model: str, *, max_length: int | None = None, batch_tokens: int | None = None,
        activation: str | None = None, revision: str | None = None, dtype: str = "float32", device: str | None = None,
    ) -> None:  # fmt: skip
        if activation is not None and activation not in ACTIVATIONS:
            raise UnknownName.among("activation", activation, ACTIVATIONS)
        self.checkpoint = Checkpoint.load(
            model, kind="AutoModelForSequenceClassification", revision=revision, dtype=dtype, device=device
        )
        labels = int(self.checkpoint.network.config.num_labels)
        if labels != 1:
            raise BadInput(f"model {model!r} has {labels} labels: a classifier such as NLI, where one score is needed")
        self.activation = activation or _activation(self.checkpoint)
        self.template = Template.of(self.checkpoint.tokenizer)
        self.room = self.checkpoint.length(max_length) - len(self.template)
        if self.room < 1:
            raise BadInput(f"max_length={max_length} leaves no room beside {len(self.template)} special tokens")
        self.budget = self.checkpoint.budget(batch_tokens)
        self.counted = Scheduler(self.budget).counted
        read_first_token_only(self.checkpoint.network, self._inputs([([1, 2, 3], [4, 5]), ([1], [2])]))

    def scores(self, queries: Sequence[str], passages: Sequence[str], pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        """The score of each pair. A text is tokenised once and a pair scored once, however often they stand there.

        Args:
            pairs: the place of a query and of a passage, shape (pairs, 2).
        """
        lefts, rights = (
            token_rows(self.checkpoint.tokenizer, t, self.room, special=False) for t in (queries, passages)
        )
        # equal pairs get equal scores, which rows of one batch need not give them to the last bit
        distinct, places = np.unique(pairs, axis=0, return_inverse=True)
        kept = [shares(len(lefts[q]), len(rights[p]), self.room) for q, p in distinct.tolist()]

        def batch(positions: NDArray[np.int64]) -> NDArray[np.float32]:
            chosen = zip(distinct[positions].tolist(), [kept[p] for p in positions.tolist()], strict=True)
            return self._forward([(self._cut(lefts[q], n), self._cut(rights[p], m)) for (q, p), (n, m) in chosen])

        scheduler = Scheduler(self.budget)
        found = scheduler.run([sum(both) + len(self.template) for both in kept], batch)
        self.counted = scheduler.counted
        return found[places.reshape(-1)]

    def _cut(self, row: list[int], length: int) -> list[int]:
        if len(row) == length:
            return row
        return row[len(row) - length :] if self.checkpoint.tokenizer.truncation_side == "left" else row[:length]

    def _forward(self, rows: Sequence[tuple[list[int], list[int]]]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            logits = self.checkpoint.network(**self._inputs(rows)).logits[:, 0].float()
            scores = logits.sigmoid() if self.activation == "sigmoid" else logits
        found: NDArray[np.float32] = scores.cpu().numpy()
        return found

    def _inputs(self, rows: Sequence[tuple[list[int], list[int]]]) -> dict[str, Any]:
        own = self.checkpoint
        inputs = padded([self.template.joined(*row) for row in rows], own.pad, own.device)
        if "token_type_ids" in own.tokenizer.model_input_names:
            segments = [self.template.segmented(len(left), len(right)) for left, right in rows]
            inputs["token_type_ids"] = padded(segments, 0, own.device)["input_ids"]
        return inputs


def _activation(checkpoint: Checkpoint) -> str:
    """What the model's configuration names, under the keys that sentence-transformers has used; sigmoid if nothing.

    Raises:
        BadInput: it names a function that is none of `ACTIVATIONS`.
    """
    config, beside = checkpoint.network.config, checkpoint.folder / "config_sentence_transformers.json"
    named = (getattr(config, "sentence_transformers", None) or {}).get("activation_fn")
    named = named or getattr(config, "sbert_ce_default_activation_function", None)
    if not named and beside.is_file():
        named = json.loads(beside.read_text("utf-8")).get("activation_fn")
    if not named:
        return "sigmoid"
    for name, cls in ACTIVATIONS.items():
        if named.startswith("torch.") and named.endswith(f".{cls}"):
            return name
    raise BadInput(f"model {checkpoint.model!r} asks for the activation {named!r}; give activation=sigmoid or identity")
