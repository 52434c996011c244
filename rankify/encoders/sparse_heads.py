"""What makes weights of a network's output: over the whole vocabulary, for each token, or for each word."""

from __future__ import annotations

import pickle
import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rankify.encoders.checkpoint import Checkpoint
from rankify.encoders.pickles import refuse
from rankify.encoders.sparse_vectors import Row, pooled
from rankify.encoders.texts import token_rows, whole
from rankify.errors import BadInput, needs

if TYPE_CHECKING:
    from torch import Tensor

PUNCTUATION = frozenset(string.punctuation)  # these characters are no words of DeepImpact
TEXT_TOKENS, EXPANSION_TOKENS = 400, 100  # of uniCOIL, as Pyserini cuts a text and its expansion


@dataclass(frozen=True)
class Reading:
    """A text as the network reads it.

    Args:
        ids: its tokens.
        places: the tokens whose numbers count, by position, shape (terms,).
        terms: the term that each of these numbers is for, shape (terms,).
    """

    ids: list[int]
    places: NDArray[np.int32]
    terms: NDArray[np.int32]


def activated(numbers: Tensor, activation: str) -> Tensor:
    """relu(x), log(1 + relu(x)), or log(1 + log(1 + relu(x))).

    All rise with x, so that the greatest of activated numbers is the greatest number, activated.
    """
    found = numbers.relu()
    for _ in range(activation.count("log1p")):
        found = found.log1p()
    return found


def over_vocabulary(logits: Tensor, mask: Tensor, activation: str, pooling: str) -> Tensor:
    """A weight for each term of the vocabulary, in float32: the greatest, or the sum, over a text's tokens.

    Args:
        logits: of a masked language model, shape (texts, tokens, vocabulary); overwritten.
        mask: 1 where a token is real, shape (texts, tokens).

    Returns:
        Shape (texts, vocabulary).
    """
    import torch

    real = mask[..., None].bool()
    if pooling == "max":
        return activated(logits.masked_fill_(~real, -torch.inf).amax(dim=1).float(), activation)
    return (activated(logits.float(), activation) * real).sum(dim=1)


def vocabulary_rows(weights: Tensor, dropped: Sequence[int]) -> list[Row]:
    """The terms with a weight, text by text, from weights of the whole vocabulary, shape (texts, vocabulary)."""
    weights[:, list(dropped)] = 0
    rows, terms = (found.cpu().numpy() for found in weights.nonzero(as_tuple=True))
    values = weights[weights != 0].cpu().numpy()
    ends = np.searchsorted(rows, np.arange(1, len(weights)))
    parts = zip(np.split(terms.astype(np.int32), ends), np.split(values, ends), strict=True)
    return list(parts)


def reading_rows(numbers: NDArray[np.float32], readings: Sequence[Reading], pooling: str) -> list[Row]:
    """The terms with a weight, text by text, from a number for each token, shape (texts, tokens)."""
    return [pooled(r.terms, line[r.places], pooling) for line, r in zip(numbers, readings, strict=True)]


def read_pieces(tokenizer: Any, texts: Sequence[str], limit: int, dropped: Sequence[int]) -> list[Reading]:
    """Each text with all its tokens as terms, but for those that are dropped."""
    return [piece_reading(row, dropped) for row in token_rows(tokenizer, texts, limit)]


def piece_reading(ids: list[int], dropped: Sequence[int]) -> Reading:
    """A row of tokens, each a term, but for those that are dropped."""
    row = np.asarray(ids, dtype=np.int32)
    places = np.flatnonzero(~np.isin(row, np.asarray(dropped, dtype=np.int32))).astype(np.int32)
    return Reading(ids, places, row[places])


def read_expanded(
    tokenizer: Any, texts: Sequence[str], expansions: Sequence[str], limit: int, dropped: Sequence[int]
) -> list[Reading]:
    """Each text as uniCOIL reads it with its expansion: a second segment of the expansion's tokens new to the text.

    The new tokens come in the order of the expansion, once each.
    """
    room = limit - 3
    own = token_rows(tokenizer, texts, min(TEXT_TOKENS, room), special=False)
    more = token_rows(tokenizer, expansions, EXPANSION_TOKENS, special=False)
    start, end = tokenizer.cls_token_id, tokenizer.sep_token_id
    found = []
    for text, expansion in zip(own, more, strict=True):
        there = set(text)
        new = [token for token in dict.fromkeys(expansion) if token not in there][: room - len(text)]
        found.append(piece_reading([start, *text, end, *new, end], dropped))
    return found


def words_of(tokenizer: Any, text: str) -> list[str]:
    """The words that a tokenizer cuts into pieces, normalised as it does, punctuation included."""
    inner = tokenizer.backend_tokenizer
    text = whole(text)
    plain = inner.normalizer.normalize_str(text) if inner.normalizer else text
    return [word for word, _ in inner.pre_tokenizer.pre_tokenize_str(plain)]


def read_words(tokenizer: Any, texts: Sequence[str], limit: int, numbers: dict[str, int]) -> list[Reading]:
    """Each text with its distinct words as terms, where their first piece stands first; punctuation is none.

    Args:
        numbers: the number of each word; new words are added.
    """
    found = []
    for text in texts:
        words = words_of(tokenizer, text)
        encoded = tokenizer([words], is_split_into_words=True, truncation=True, max_length=limit)
        first: dict[str, int] = {}
        for place, word in enumerate(encoded.word_ids(0)):
            if word is not None and words[word] not in PUNCTUATION:
                first.setdefault(words[word], place)
        terms = [numbers.setdefault(word, len(numbers)) for word in first]
        places = np.array([*first.values()], dtype=np.int32)
        found.append(Reading(encoded["input_ids"][0], places, np.array(terms, dtype=np.int32)))
    return found


class Layers:
    """Linear layers that make one number of each token, a relu behind each of them.

    Args:
        checkpoint: whose folder has them: among its weights, or in a file NAME.pt; read without running any code.
        name: the first part of their weights' names.

    Raises:
        BadInput: the folder has none of that name, or they do not end in one number.
    """

    def __init__(self, checkpoint: Checkpoint, name: str) -> None:
        saved = _saved(checkpoint.model, checkpoint.folder, name)
        stems = sorted({key.rpartition(".")[0] for key in saved}, key=lambda stem: (len(stem), stem))
        if not stems or any(f"{stem}.weight" not in saved for stem in stems):
            raise BadInput(f"model {checkpoint.model!r} has no layers {name!r} in {checkpoint.folder}")
        parts = [(saved[f"{stem}.weight"], saved.get(f"{stem}.bias")) for stem in stems]
        if parts[-1][0].shape[0] != 1:
            raise BadInput(f"the layers {name!r} of model {checkpoint.model!r} do not end in one number for each token")
        self.parts = [
            (w.float().to(checkpoint.device), None if b is None else b.float().to(checkpoint.device)) for w, b in parts
        ]

    def __call__(self, hidden: Tensor) -> Tensor:
        """From the last layer, shape (texts, tokens, dim), a number for each token, shape (texts, tokens)."""
        from torch.nn.functional import linear

        found = hidden.float()
        for weight, bias in self.parts:
            found = linear(found, weight, bias).relu()
        return found[..., 0]


def _saved(model: str, folder: Path, name: str) -> dict[str, Tensor]:
    """The tensors of a model's files in whose name `name` is a part.

    Raises:
        BadInput: a file is damaged, holds more than tensors, or is a pickle that nobody allowed to read.
    """
    torch, safetensors = needs("torch", "neural"), needs("safetensors", "neural")
    found: dict[str, Tensor] = {}
    path = folder
    try:
        for path in sorted(folder.glob("*.safetensors")):
            with safetensors.safe_open(path, "pt") as file:
                found |= {key: file.get_tensor(key) for key in file.keys() if name in key.split(".")}  # noqa: SIM118
        for path in [] if found else sorted(folder.glob("pytorch_model*.bin")):
            saved = torch.load(path, map_location="cpu", weights_only=True)
            found |= {key: tensor for key, tensor in saved.items() if name in key.split(".")}
        path = folder / f"{name}.pt"
        if not found and path.is_file():
            refuse(model, path)
            saved = torch.load(path, map_location="cpu", weights_only=True)
            found = {f"{name}.{key}": tensor for key, tensor in saved.items()}
    except (safetensors.SafetensorError, pickle.UnpicklingError, EOFError, RuntimeError, OSError) as error:
        raise BadInput(f"cannot read {path}: it is damaged, or holds more than tensors") from error
    return found
