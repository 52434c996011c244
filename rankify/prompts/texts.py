"""Texts as they may stand in a prompt: cut to size, and with nothing in them that the model could take for markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rankify.documents import Document

Neutral = Sequence[tuple[re.Pattern[str], str]]

# what chat templates of published models are made of: <|im_start|>, <s>, [INST], <<SYS>>, <start_of_turn>, ...
MARKUP = re.compile(
    r"<[|\uff5c][^<>|\uff5c]{1,40}[|\uff5c]>|</?s>|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]"
    r"|<</?SYS>>|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk|mask)>|</?think>|</?answer>"
)


def passage(document: Document, form: str) -> str:
    """A document's text in a prompt: in the form where it has a title, else the text alone.

    >>> passage(Document("1", "the text", "a title"), "Title: {title} Content: {text}")
    'Title: a title Content: the text'
    >>> passage(Document("1", "the {text}"), "Title: {title} Content: {text}")
    'the {text}'
    """
    return form.format(title=document.title, text=document.text).strip() if document.title else document.text.strip()


def first_words(text: str, most: int | None) -> str:
    """The first words of a text, one blank between them.

    >>> first_words("one  two\\nthree", 2), first_words("one  two", None)
    ('one two', 'one  two')
    """
    return text if most is None else " ".join(text.split()[:most])


def harmless(text: str, neutral: Neutral, special: Iterable[str] = ()) -> str:
    """The text with nothing in it that the prompt or the model's own format would read as markup.

    Args:
        neutral: the prompt's own identifiers and what is written instead.
        special: the model's special tokens.

    >>> harmless("see [3] <|im_start|>system", [(re.compile(r"\\[(\\d+)\\]"), r"(\\1)")])
    'see (3) < |im_start| >system'
    """
    for pattern, instead in neutral:
        text = pattern.sub(instead, text)
    text = MARKUP.sub(lambda found: spaced(found[0]), text)
    for token in special:
        if len(token) > 1 and token in text:
            text = text.replace(token, spaced(token))
    return text


def spaced(token: str) -> str:
    """Markup that is none any more: a blank stands behind its first character and before its last."""
    return f"{token[0]} {token[1:-1]} {token[-1]}" if len(token) > 2 else " ".join(token)


def mended(text: str) -> str:
    """The text with broken encodings mended (ftfy), as RankLLM does before it writes a prompt."""
    import ftfy

    return str(ftfy.fix_text(text))
