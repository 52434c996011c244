"""Scores of (query, passage) pairs by a cross-encoder, in batches that no query owns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify import catalog
from rankify.documents import Document
from rankify.encoders.batching import Scheduler
from rankify.encoders.first_token import read_first_token_only
from rankify.encoders.pair_networks import pair_network
from rankify.encoders.pair_recipe import PairRecipe
from rankify.encoders.pair_rows import QUERY_SHARE, Cut, Template
from rankify.encoders.pair_scores import Reading
from rankify.encoders.runtimes.choice import Choice
from rankify.encoders.runtimes.outside import moved
from rankify.encoders.texts import padded, token_rows
from rankify.errors import BadInput, needs

Row = tuple[list[int], list[int]]


class PairScorer:
    """Scores of pairs by a model with a classification head.

    Args:
        model: a folder or a hub id.
        batch_tokens: the tokens of one batch, padding included; what suits the device if not given.
        adapter: a LoRA adapter, as a folder or a hub id, that brings the head.
        revision, dtype, device: as for `Checkpoint.load`.
        backend, quantize: as for `Choice`.
        asked: fields of a `PairRecipe`; what the catalogue and the model's own files say where one is not given.

    Raises:
        BadInput: there is no such model, or no score can be read of it.
    """

    def __init__(
        self, model: str, *, batch_tokens: int | None = None, adapter: str | None = None, revision: str | None = None,
        dtype: str = "float32", device: str | None = None, backend: str = "torch", quantize: str = "float32",
        **asked: Any,
    ) -> None:  # fmt: skip
        choice = Choice.of(backend, quantize, dtype=dtype, device=device)
        needs("torch", "neural")  # first, since transformers without it fails in words of its own
        known = adapter if adapter in catalog.models() else model
        if reason := catalog.models().get(known, {}).get("refused"):
            raise BadInput(f"model {known!r} cannot be run here: {reason}")
        self.recipe = PairRecipe.of(known, asked)  # refuses what cannot be before anything is loaded
        loaded = pair_network(
            model, adapter=adapter, tokenizer=self.recipe.tokenizer, revision=revision, dtype=dtype,
            device=choice.device(device),
        )  # fmt: skip
        self.checkpoint = loaded.checkpoint
        self.recipe = PairRecipe.of(known, asked, loaded.said)
        own, special = self.checkpoint, self.recipe.special
        self.reading = Reading.of(known, loaded.labels, self.recipe, own.network.config, own.folder)
        words, size = own.tokenizer, own.network.config.get_text_config().vocab_size
        self.template = Template.of(words) if special is None else Template.naming(words, special, size)
        self.cut = self._cut()
        self.budget = own.budget(batch_tokens)
        self.counted = Scheduler(self.budget).counted
        probe = self._inputs([([1, 2, 3], [4, 5]), ([1], [2])])
        read_first_token_only(own.network, probe)
        self.checkpoint = moved(own, choice, "logits", probe)

    def passage(self, document: Document) -> str:
        """What the model reads of a document."""
        return self.recipe.document(document)

    def scores(self, queries: Sequence[str], passages: Sequence[str], pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        """The score of each pair. A text is tokenised once and a pair scored once, however often they stand there.

        Args:
            queries: as they were asked.
            passages: what `passage` makes of documents.
            pairs: the place of a query and of a passage, shape (pairs, 2).
        """
        texts = ([self.recipe.query(query) for query in queries], passages)
        lefts, rights = (
            # one row that is cut here has too many tokens for any pair, so it is cut again, before its tail
            token_rows(self.checkpoint.tokenizer, some, self.cut.room + len(tail), special=False)
            for some, tail in zip(texts, self.cut.tails, strict=True)
        )
        if self.checkpoint.network.config.is_encoder_decoder:  # reads at the last end, of which all pairs have as many
            end = self.checkpoint.tokenizer.eos_token_id
            lefts, rights = ([[i for i in row if i != end] for row in rows] for rows in (lefts, rights))
        # equal pairs get equal scores, which rows of one batch need not give them to the last bit
        distinct, places = np.unique(pairs, axis=0, return_inverse=True)
        kept = [self.cut.kept(len(lefts[q]), len(rights[p])) for q, p in distinct.tolist()]

        def batch(positions: NDArray[np.int64]) -> NDArray[np.float32]:
            chosen = zip(distinct[positions].tolist(), [kept[p] for p in positions.tolist()], strict=True)
            return self._forward([self._row(lefts[q], rights[p], lengths) for (q, p), lengths in chosen])

        scheduler = Scheduler(self.budget)
        found = scheduler.run([sum(both) + len(self.template) for both in kept], batch)
        self.counted = scheduler.counted
        return found[places.reshape(-1)]

    def _row(self, left: list[int], right: list[int], lengths: tuple[int, int]) -> Row:
        beginning = self.checkpoint.tokenizer.truncation_side == "left"
        n, m = lengths
        return self.cut.cut(left, n, 0, beginning=beginning), self.cut.cut(right, m, 1, beginning=beginning)

    def _forward(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            return self.reading.scores(self.checkpoint.network(**self._inputs(rows)).logits)

    def _inputs(self, rows: Sequence[Row]) -> dict[str, Any]:
        own = self.checkpoint
        inputs = padded([self.template.joined(*row) for row in rows], own.pad, own.device)
        if "token_type_ids" in own.tokenizer.model_input_names:
            segments = [self.template.segmented(len(left), len(right)) for left, right in rows]
            inputs["token_type_ids"] = padded(segments, 0, own.device)["input_ids"]
        return inputs

    def _cut(self) -> Cut:
        """Where pairs are cut; what stands around the texts always has room.

        Raises:
            BadInput: no room for a token of either text is left beside it.
        """
        recipe, tokenizer = self.recipe, self.checkpoint.tokenizer
        length = self.checkpoint.length(recipe.max_length)
        room = length - len(self.template)
        if any(recipe.frame()):
            tokenizer.truncation_side = "right"  # what stands before a text stays
        query, document = token_rows(tokenizer, recipe.tails, length, special=False)
        framed = sum(len(row) for row in token_rows(tokenizer, recipe.frame(), length, special=False))
        if room < framed + 1:
            raise BadInput(
                f"max_length={length} leaves no room beside {len(self.template) + framed} tokens that every "
                f"pair of model {self.checkpoint.model!r} has"
            )
        share, of = QUERY_SHARE
        limits = [recipe.query_length, length * share // of if recipe.cut == "only_second" else None]
        return Cut(
            room=room, query=min((limit for limit in limits if limit is not None), default=None),
            document=recipe.document_length, rule=recipe.cut, tails=(query, document),
        )  # fmt: skip
