"""Answers as they are compared: SQuAD's normalisation, arXiv:1606.05250, and what may come before it."""

from __future__ import annotations

import re
import string
import unicodedata

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalized(text: str) -> str:
    """A text as SQuAD compares it: lower case, without ASCII punctuation, without English articles, single blanks.

    The order of the steps matters. Other scripts, accents and curly quotes stay as they are.

    >>> [normalized(t) for t in ("The Beatles!", "U.S.", "re-elected", "A", "東京")]
    ['beatles', 'us', 'reelected', '', '東京']
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def alike(text: str) -> str:
    """A text as Unicode takes texts for the same, for any script: what is published compares code points.

    Compatible forms are one (NFKC: composed accents, full-width digits, ligatures), capitals are folded (\u00df is ss),
    and punctuation of all scripts is deleted, as are signs that are not seen (direction marks, joiners).

    >>> alike("\u201cHamlet\u201d"), alike("Stra\u00dfe"), alike("\uff11\uff12")
    ('hamlet', 'strasse', '12')
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(
        sign for sign in folded if unicodedata.category(sign)[0] != "P" and unicodedata.category(sign) != "Cf"
    )
