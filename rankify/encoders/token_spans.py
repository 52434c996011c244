"""Where the tokens of a model stand in a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rankify.encoders.hub import located
from rankify.encoders.texts import CHUNK, whole
from rankify.errors import BadInput, needs

Span = tuple[int, int]


def token_spans(model: str) -> Callable[[Sequence[str]], list[list[Span]]]:
    """A function from texts to where each one's tokens begin and end, in characters, special tokens left out.

    Args:
        model: a folder or a hub id; its tokenizer is read, its network is not.

    Raises:
        BadInput: there is no such model, or its tokenizer does not tell where its tokens are.
    """
    transformers = needs("transformers", "neural")
    tokenizer = transformers.AutoTokenizer.from_pretrained(located(model), local_files_only=True)
    if not tokenizer.is_fast:
        raise BadInput(f"the tokenizer of {model!r} does not tell where its tokens are; use unit=words")

    def spans(texts: Sequence[str]) -> list[list[Span]]:
        found: list[list[Span]] = []
        for start in range(0, len(texts), CHUNK):
            encoded = tokenizer(
                [whole(text) for text in texts[start : start + CHUNK]], add_special_tokens=False, truncation=False,
                return_offsets_mapping=True, return_attention_mask=False, return_token_type_ids=False, verbose=False,
            )  # fmt: skip
            found += [[(a, b) for a, b in row if a < b] for row in encoded["offset_mapping"]]
        return found

    return spans
