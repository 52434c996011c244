"""Answers as they are compared: SQuAD's normalisation, arXiv:1606.05250."""

from __future__ import annotations

import re
import string

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalized(text: str) -> str:
    """A text as SQuAD compares it: lower case, without ASCII punctuation, without English articles, single blanks.

    The order of the steps matters. Other scripts, accents and curly quotes stay as they are.

    >>> [normalized(t) for t in ("The Beatles!", "U.S.", "re-elected", "A", "東京")]
    ['beatles', 'us', 'reelected', '', '東京']
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())
