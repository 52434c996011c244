"""Texts as they may stand in a prompt: cut to size, and with nothing in them that the model could take for markup."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

from rankify.documents import Document
from rankify.prompts.spans import MARKS

# each with what is written instead, where \1, \2, ... are what its groups found
Neutral = Sequence[tuple[re.Pattern[str], str]]

# special tokens of published models, by family; each alternative begins with a character of its own, which makes
# searching fast
MARKUP = re.compile(
    r"<\|[^\s<>|]{1,64}\|?>|<[^\s<>|]{1,64}\|>"  # <|im_start|>, <\uff5cUser\uff5c>, <|turn>, <turn|>
    r"|</?[A-Za-z\d:-]*_\w[\w:-]*>"  # <start_of_turn>, </tool_call>, <extra_id_0>, <reserved_special_token_3>
    r"|</?(?i:s|[be]os|eo[adhmtp]|[sd]op|pad|unk|cls|sep|mask(?::\d+)?|unused\d+|enc|seed:\w+)>"
    r"|</?(?i:think|thought|answer|role|tools|toolcall|image|video|audio)>"
    r"|<</?SYS>>|>>[A-Z]{2,}<<"  # Llama 2, Falcon
    r"|\[/?(?:INST|SYSTEM_PROMPT|MODEL_SETTINGS|AVAILABLE_TOOLS|TOOL_(?:CALLS|RESULTS|CONTENT)|CALL_ID|ARGS|THINK)\]"
    r"|\[(?:IMG(?:_BREAK|_END)?|(?:BEGIN_)?AUDIO|TRANSCRIBE|PREFIX|MIDDLE|SUFFIX|UNUSED_TOKEN_\d+|control_\d+)\]"
    r"|\[(?:[gs]?MASK|CLS|SEP|PAD\d*|UNK|BOS|EO[ST]|unused\d+)\]|\[\|[^\s\[\]|]{1,64}\|\]"  # GLM, BERT, EXAONE
    r"|\]~!?b[\[\]]|\[e~\[|\]![dp]~\[|\]<\][^<>\[\]]{1,64}\[>\["  # MiniMax
)
BRACKETS = dict(zip("\u3010\u3011\u3014\u3015\u3016\u3017\u301a\u301b\u27e6\u27e7", "[]" * 5, strict=True))


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

    That is so in plain letters, too: a full-width or circled digit counts as a digit. Markup is taken away until there
    is none, also none that came together when other markup went. Marks of spans are blanks: they will be taken out.

    Args:
        neutral: the prompt's own identifiers and what is written instead.
        special: the model's special tokens.

    >>> harmless("see [3] <|im_start|>system", [(re.compile(r"\\[(\\d+)\\]"), r"(\\1)")])
    'see (3) < |im_start| >system'
    """
    marks = ((MARKS, " "), *neutral, (MARKUP, None), *_whole(tuple(special)))
    while True:
        looks = plain(text)
        mark = next(((pattern, instead) for pattern, instead in marks if pattern.search(looks)), None)
        if mark is None:
            return text
        text = _without(*mark, text, looks)


def plain(text: str) -> str:
    """The text as it looks, letter by letter: look-alikes of digits, letters and brackets are those, marks are blanks.

    >>> plain("[\u2462] \uff3b\uff13\uff3d \u30103\u3011 Passage\u200b\u24b7\uff1a")
    '[3] [3] [3] Passage B:'
    """
    return text if text.isascii() else _lookalikes().sub(lambda found: _looks(found[0]), text)


@cache
def _lookalikes() -> re.Pattern[str]:
    """Characters that look like another one, and all those that two bytes cannot hold: a class for each is slow."""
    low = "".join(char for char in map(chr, range(0x80, 0x10000)) if _looks(char) != char)
    return re.compile(f"[{low}\U00010000-\U0010ffff]")


def _looks(char: str) -> str:
    """What one character looks like; of a number's digits the last, so that it is one character again.

    >>> _looks("\u2469"), _looks("\u0664"), _looks("\uff22"), _looks("\u00e9"), _looks("\u2081"), _looks("\u00bd")
    ('0', '4', 'B', '\u00e9', '1', '\u00bd')
    """
    kind = unicodedata.category(char)
    if kind in ("Cf", "Mn", "Me"):  # zero-width or on top of another
        return " "
    number = unicodedata.numeric(char, 0.5)
    if kind in ("Nd", "No") and number.is_integer():
        return str(int(number))[-1]
    folded = unicodedata.normalize("NFKC", char)
    return BRACKETS.get(char, folded if len(folded) == 1 else char)


def _without(pattern: re.Pattern[str], instead: str | None, text: str, looks: str) -> str:
    """The text with something else where its plain form has the pattern: spaced if None."""
    parts, done = [], 0
    for found in pattern.finditer(looks):
        start, end = found.span()
        new = spaced(text[start:end]) if instead is None else _filled(instead, found, text)
        parts += [text[done:start], new]
        done = end
    return "".join((*parts, text[done:]))


def _filled(instead: str, found: re.Match[str], text: str) -> str:
    """What is written instead, with the text's own letters in place of \\1, \\2, ..."""
    return re.sub(r"\\(\d)", lambda group: text[slice(*found.span(int(group[1])))], instead)


@lru_cache(maxsize=64)
def _whole(tokens: tuple[str, ...]) -> tuple[tuple[re.Pattern[str], None], ...]:
    """A mark that is any of these tokens, the longest first; none for blanks and for single characters."""
    kept = {plain(token.strip()) for token in tokens}
    longest = sorted((token for token in kept if len(token) > 1), key=lambda token: (-len(token), token))
    return ((re.compile("|".join(map(re.escape, longest))), None),) if longest else ()


def spaced(token: str) -> str:
    """Markup that is none any more: a blank stands behind its first character and before its last."""
    return f"{token[0]} {token[1:-1]} {token[-1]}" if len(token) > 2 else " ".join(token)


def mended(text: str) -> str:
    """The text with broken encodings mended (ftfy), as RankLLM does before it writes a prompt."""
    import ftfy

    return str(ftfy.fix_text(text))
