"""Texts as a model reads them: a document's passage, rows of token ids, and padded batches of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rankify.documents import Document

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 4096  # texts a tokenizer is given at once: bounds its memory, not its results


def passage(document: Document, separator: str = " ") -> str:
    """What encoders and rerankers read of a document: its title, a blank or what else the model wants, its text.

    >>> passage(Document("1", "the text", "a title")), passage(Document("2", "the text"))
    ('a title the text', 'the text')
    """
    return separator.join(filter(None, (document.title, document.text)))


def whole(text: str) -> str:
    """The text with half characters, which no tokenizer takes, as question marks.

    >>> whole("half \\ud83d"), whole("é")
    ('half ?', 'é')
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def token_rows(tokenizer: Any, texts: Iterable[str], limit: int, *, special: bool = True) -> list[list[int]]:
    """The token ids of each text, cut after `limit`.

    Args:
        tokenizer: a tokenizer of transformers.
        limit: the most tokens of a row.
        special: with the tokens that the model puts around a text, which count towards the limit.
    """
    waiting, rows = [whole(text) for text in texts], []
    for start in range(0, len(waiting), CHUNK):
        encoded = tokenizer(
            waiting[start : start + CHUNK], add_special_tokens=special, truncation=True, max_length=limit,
            return_attention_mask=False, return_token_type_ids=False, verbose=False,
        )  # fmt: skip
        rows += encoded["input_ids"]
    return rows


def padded(rows: Sequence[Sequence[int]], pad: int, device: str) -> dict[str, Tensor]:
    """Rows as `input_ids` and `attention_mask`, shape (rows, longest), padded on the right.

    A row without tokens, which an empty text is to some models, is one padding token that is attended to.
    """
    import torch

    lengths = np.array([max(1, len(row)) for row in rows])
    ids = np.full((len(rows), lengths.max()), pad, dtype=np.int64)
    for line, row in zip(ids, rows, strict=True):
        line[: len(row)] = row
    mask = (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int64)
    return {"input_ids": torch.from_numpy(ids).to(device), "attention_mask": torch.from_numpy(mask).to(device)}
