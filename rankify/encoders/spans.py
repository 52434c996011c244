"""Answers that are spans of a text, by a network with a head of starts and ends, as trained on SQuAD 2.

A long text is read in windows that overlap. Of all windows the span with the largest product of probabilities wins,
unless the least product that a window's first token has, which stands for "no answer", is larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rankify.encoders.batching import Scheduler
from rankify.encoders.checkpoint import Checkpoint
from rankify.encoders.texts import padded, whole
from rankify.errors import BadInput

LENGTH, STRIDE, LONGEST = 384, 128, 15  # tokens of a window, of its overlap and of an answer: transformers' own
Logits = NDArray[np.float64]


class Span(NamedTuple):
    """The best span of a window.

    Args:
        score: the product of its start's and its end's probability.
        none: the same of the window's first token, which stands for no answer.
        start, end: places of its first and its last token.
    """

    score: float
    none: float
    start: int
    end: int


def best_span(starts: Logits, ends: Logits, allowed: NDArray[np.bool_], longest: int = LONGEST) -> Span:
    """The best span of at most `longest` tokens among the allowed ones; equal ones go to the earlier start, then end.

    Probabilities are softmaxes over the first and the allowed tokens.

    >>> found = best_span(np.log([0.1, 0.6, 0.3]), np.log([0.2, 0.1, 0.7]), np.array([False, True, True]))
    >>> round(found.score, 9), round(found.none, 9), found.start, found.end
    (0.42, 0.02, 1, 2)

    Args:
        starts, ends: logits, shape (tokens,).
        allowed: which tokens may be in an answer; not the first. Where none may, none is certain.
    """
    counted = allowed.copy()
    counted[0] = True
    first, last = (_softmax(np.where(counted, logits, -np.inf)) for logits in (starts, ends))
    products = np.triu(np.outer(first * allowed, last * allowed))
    products -= np.triu(products, longest)
    start, end = np.unravel_index(int(products.argmax()), products.shape)
    return Span(float(products[start, end]), float(first[0] * last[0]), int(start), int(end))


def _softmax(logits: Logits) -> Logits:
    likely = np.exp(logits - logits.max())
    return np.asarray(likely / likely.sum())


class Window(NamedTuple):
    """A question and a part of a text as the network reads them.

    Args:
        ids, segments: of its tokens.
        read: how the tokenizer read them: where in the text a token stands.
    """

    ids: list[int]
    segments: list[int]
    read: Any

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Which tokens are the text's."""
        return np.array([part == 1 for part in self.read.sequence_ids])


class SpanReader:
    """Finds answers in texts; "" where there is none.

    Args:
        model: a folder or a hub id, e.g. gaotianyu1350/roberta-large-squad, which ALCE asks.
        max_length: the tokens of a window, question included; 384, or what the model reads, if not given.
        revision, dtype, device: as for any encoder.
        batch_tokens: the tokens of one batch, padding included.

    Raises:
        BadInput: there is no such model, it has no such head, or its rows do not begin with a token for "no answer".
    """

    def __init__(
        self, model: str, *, max_length: int | None = None, revision: str | None = None, dtype: str = "float32",
        device: str | None = None, batch_tokens: int | None = None,
    ) -> None:  # fmt: skip
        self.checkpoint = Checkpoint.load(
            model, kind="AutoModelForQuestionAnswering", revision=revision, dtype=dtype, device=device
        )
        known = self.checkpoint.tokenizer
        if not known.is_fast or known.padding_side != "right" or known.cls_token_id is None:
            raise BadInput(f"model {model!r} has no first token that stands for no answer; choose a BERT or a RoBERTa")
        self.length = self.checkpoint.length(min(LENGTH, self.checkpoint.limit) if max_length is None else max_length)
        self.budget = self.checkpoint.budget(batch_tokens)

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[str]:
        """The answer to each pair of a question and a text; equal pairs are read once."""
        distinct = list(dict.fromkeys(pairs))
        each = [self._windows(question, text) if text.strip() else [] for question, text in distinct]
        logits = iter(self._logits([window for windows in each for window in windows]))
        found = {
            pair: _answer(whole(pair[1]), windows, [next(logits) for _ in windows])
            for pair, windows in zip(distinct, each, strict=True)
        }
        return [found[pair] for pair in pairs]

    def _windows(self, question: str, text: str) -> list[Window]:
        known = self.checkpoint.tokenizer
        asked = len(known(whole(question), add_special_tokens=False, verbose=False)["input_ids"])
        room = self.length - asked - int(known.num_special_tokens_to_add(pair=True))
        if room < 1:
            raise BadInput(
                f"question {question[:60]!r} takes {asked:,} tokens and model {self.checkpoint.model!r} reads "
                f"{self.length:,} with the text: choose another model"
            )
        stride = min(STRIDE, self.length // 2, room - 1)
        read = known(
            whole(question), whole(text), truncation="only_second", max_length=self.length, stride=stride,
            return_overflowing_tokens=True, verbose=False,
        )  # fmt: skip
        return [Window(one.ids, one.type_ids, one) for one in read.encodings]

    def _logits(self, windows: Sequence[Window]) -> list[tuple[Logits, Logits]]:
        """The logits of each window's tokens as starts and as ends."""
        import torch

        found: list[tuple[Logits, Logits]] = [(np.zeros(0), np.zeros(0))] * len(windows)
        segmented = "token_type_ids" in self.checkpoint.tokenizer.model_input_names

        def batch(places: NDArray[np.int64]) -> NDArray[np.float32]:
            some = [windows[place] for place in places.tolist()]
            device = self.checkpoint.device
            given = padded([window.ids for window in some], self.checkpoint.pad, device)
            if segmented:
                given["token_type_ids"] = padded([window.segments for window in some], 0, device)["input_ids"]
            with torch.inference_mode():
                told = self.checkpoint.network(**given)
            sides = [side.double().cpu().numpy() for side in (told.start_logits, told.end_logits)]
            for row, (place, window) in enumerate(zip(places.tolist(), some, strict=True)):
                found[place] = sides[0][row, : len(window.ids)], sides[1][row, : len(window.ids)]
            return np.zeros(len(some), dtype=np.float32)

        Scheduler(self.budget).run([len(window.ids) for window in windows], batch)
        return found


def _answer(text: str, windows: Sequence[Window], logits: Sequence[tuple[Logits, Logits]]) -> str:
    """The words of the best span of all windows; "" where none of them is likelier than there being none."""
    spans = [best_span(*one, window.allowed) for one, window in zip(logits, windows, strict=True)]
    if not spans:
        return ""
    best = max(range(len(spans)), key=lambda place: spans[place].score)  # the first of equal ones
    if min(span.none for span in spans) > spans[best].score:
        return ""
    read = windows[best].read
    (start, _), (_, end) = (_word(read, place) for place in (spans[best].start, spans[best].end))
    return text[start:end]


def _word(read: Any, token: int) -> tuple[int, int]:
    """Where in the text the word stands that a token is of, or the token where words are not known."""
    word = read.token_to_word(token)
    found: tuple[int, int] = read.offsets[token] if word is None else read.word_to_chars(word, 1)
    return found
