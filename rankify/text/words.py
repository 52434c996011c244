"""Words of a text as Lucene's StandardTokenizer finds them: the word boundaries of Unicode's UAX #29.

A token is a run of letters, digits and connectors (with `.`, `:` or `'` between letters and `.`, `,`, `;` or `'`
between digits), a run of Katakana, a run of a script without spaces (Thai, Lao, Khmer, Myanmar), one Han or Hiragana
character, or an emoji sequence. Tokens are cut at 255 characters.

https://unicode.org/reports/tr29/ and the grammar of org.apache.lucene.analysis.standard.StandardTokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

# Extended_Pictographic and Emoji_Modifier of Unicode's emoji data 12.1, which Lucene's grammar was made from (later
# versions took half of them back): https://unicode.org/Public/emoji/12.1/emoji-data.txt
PICTURES = (
    r"\xa9\xae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u2388\u23cf\u23e9-\u23f3\u23f8-\u23fa"
    r"\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2605\u2607-\u2612\u2614-\u2685\u2690-\u2705\u2708-\u2712\u2714"
    r"\u2716\u271d\u2721\u2728\u2733\u2734\u2744\u2747\u274c\u274e\u2753-\u2755\u2757\u2763-\u2767\u2795-\u2797\u27a1"
    r"\u27b0\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001f0ff"
    r"\U0001f10d-\U0001f10f\U0001f12f\U0001f16c-\U0001f171\U0001f17e\U0001f17f\U0001f18e\U0001f191-\U0001f19a"
    r"\U0001f1ad-\U0001f1e5\U0001f201-\U0001f20f\U0001f21a\U0001f22f\U0001f232-\U0001f23a\U0001f23c-\U0001f23f"
    r"\U0001f249-\U0001f53d\U0001f546-\U0001f64f\U0001f680-\U0001f6ff\U0001f774-\U0001f77f\U0001f7d5-\U0001f7ff"
    r"\U0001f80c-\U0001f80f\U0001f848-\U0001f84f\U0001f85a-\U0001f85f\U0001f888-\U0001f88f\U0001f8ae-\U0001f8ff"
    r"\U0001f90c-\U0001f93a\U0001f93c-\U0001f945\U0001f947-\U0001fbef\U0001fbfa-\U0001fffd"
)
# signs that became letters after the version of Unicode that Lucene's grammar was made from
LATER_LETTERS = r"\xb8\u02e5-\u02eb\u0558\u055a\u058a-\u058c\ua708-\ua716"

LONGEST = 255  # StandardTokenizer.MAX_TOKEN_LENGTH_DEFAULT, in UTF-16 units

# the same rules for ASCII alone, where almost every text stays, with the standard library's faster engine
_ASCII = re.compile(r"\w+(?:(?:(?<=[A-Za-z])[.':](?=[A-Za-z])|(?<=[0-9])[.,;'](?=[0-9]))\w+)*", re.ASCII)


def words(text: str) -> list[str]:
    """The tokens of a text, in order, in their own case.

    >>> words("The quick-brown fox's U.S.A. costs 1,000.5 (a_b, __)")
    ['The', 'quick', 'brown', "fox's", 'U.S.A', 'costs', '1,000.5', 'a_b']
    >>> words("東京 ひらカタカナ l'été 👨‍👩‍👧")
    ['東', '京', 'ひ', 'ら', 'カタカナ', "l'été", '👨\u200d👩\u200d👧']
    """
    if text.isascii() and text.isalnum():
        found = [text]
    elif text.isascii():
        found = [w for w in _ASCII.findall(text) if w.strip("_")]
    else:
        found = [w for w in _unicode()(text) if w.strip("_") or "_" not in w]
    return found if len(text) <= LONGEST // 2 else [part for w in found for part in _cut(w)]


@cache
def _unicode() -> Callable[[str], list[str]]:
    """A function that finds the tokens of any text; compiled when the first text outside ASCII comes."""
    import regex

    ext = r"[\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}]*"
    connector = rf"\p{{WB=ExtendNumLet}}{ext}"
    hebrew = rf"\p{{WB=Hebrew_Letter}}{ext}"
    letter = rf"(?:[\p{{WB=ALetter}}--[{LATER_LETTERS}]]|\p{{WB=Hebrew_Letter}}){ext}"
    digit = rf"[\p{{WB=Numeric}}\uFF10-\uFF19]{ext}"
    katakana = rf"\p{{WB=Katakana}}{ext}"
    mid_letter = rf"[:\p{{WB=MidLetter}}\p{{WB=MidNumLet}}\p{{WB=Single_Quote}}]{ext}"
    mid_digit = rf"[\p{{WB=MidNum}}\p{{WB=MidNumLet}}\p{{WB=Single_Quote}}]{ext}"
    letters = (
        rf"(?:{hebrew}\p{{WB=Double_Quote}}{ext}(?={hebrew})|{letter}(?:{mid_letter}(?={letter}))?)+"
        rf"(?:(?<=\p{{WB=Hebrew_Letter}}{ext})\p{{WB=Single_Quote}}{ext})?"
    )
    digits = rf"(?:{digit}(?:{mid_digit}(?={digit}))?)+"
    kana = rf"(?:{katakana})+"
    run = rf"(?:(?:{letters}|{digits})+|{kana})"
    word = rf"(?:{connector})*{run}(?:(?:{connector})+{run})*(?:{connector})*"
    flag = rf"\p{{WB=Regional_Indicator}}{ext}\p{{WB=Regional_Indicator}}{ext}"
    picture = rf"\u200d?[{PICTURES}]{ext}(?:(?<=\u200d)[{PICTURES}]{ext})*"
    keycap = r"[0-9#*]\ufe0f?\u20e3"
    complex_context = rf"(?:\p{{LB=SA}}{ext})+"
    single = rf"(?:\p{{Han}}|\p{{Hiragana}}){ext}"
    pattern = "|".join((keycap, flag, picture, word, complex_context, single))
    find: Callable[[str], list[str]] = regex.compile(pattern, regex.V1).findall
    return find


def _cut(word: str) -> list[str]:
    """A token in pieces of at most 255 UTF-16 units, none of which splits a character."""
    pieces, start, units = [], 0, 0
    for i, character in enumerate(word):
        width = 1 + (character > "\uffff")
        if units + width > LONGEST:
            pieces.append(word[start:i])
            start, units = i, 0
        units += width
    return [*pieces, word[start:]]
