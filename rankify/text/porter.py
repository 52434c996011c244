"""Porter's stemmer as its author revised it, which is the one Lucene has.

M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980, with the three departures of the author's own
later implementation: `bli -> ble` instead of `abli -> able`, the added rule `logi -> log`, and words of one or two
letters left alone. Snowball's "porter" keeps the 1980 rules and gives other stems.
"""

from __future__ import annotations

import re

Rules = dict[str, list[tuple[str, str]]]


def by_ending(rules: dict[str, str]) -> Rules:
    """Suffixes and what replaces them, longest first, under the two letters they end in."""
    sorted_rules = sorted(rules.items(), key=lambda rule: -len(rule[0]))
    return {suffix[-2:]: [rule for rule in sorted_rules if rule[0].endswith(suffix[-2:])] for suffix in rules}


STEP_2 = by_ending({
    "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize", "bli": "ble", "alli": "al",
    "entli": "ent", "eli": "e", "ousli": "ous", "ization": "ize", "ation": "ate", "ator": "ate", "alism": "al",
    "iveness": "ive", "fulness": "ful", "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble", "logi": "log",
})  # fmt: skip
STEP_3 = by_ending({
    "icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": "",
})  # fmt: skip
STEP_4 = by_ending(dict.fromkeys((
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
    "ous", "ive", "ize",
), ""))  # fmt: skip


def stem(word: str) -> str:
    """The stem of a lower-case word; characters other than a to z count as consonants.

    >>> [stem(w) for w in ("caresses", "ponies", "relational", "hopping", "possibly", "apology", "as", "1990s")]
    ['caress', 'poni', 'relat', 'hop', 'possibl', 'apolog', 'as', '1990']
    """
    if len(word.encode("utf-16-le", "surrogatepass")) <= 4:  # two of Java's characters
        return word
    word = _y_to_i(_past_and_gerund(_plural(word)))
    word = _longest(word, STEP_2, above=0)
    word = _longest(word, STEP_3, above=0)
    word = _longest(word, STEP_4, above=1)
    return _final_l(_final_e(word))


def _plural(word: str) -> str:
    """Step 1a."""
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _past_and_gerund(word: str) -> str:
    """Step 1b."""
    if word.endswith("eed"):
        return word[:-1] if measure(word[:-3]) > 0 else word
    for suffix in ("ed", "ing"):
        if word.endswith(suffix) and _has_vowel(word[: -len(suffix)]):
            return _restored(word[: -len(suffix)])
    return word


def _restored(stem: str) -> str:
    """What step 1b leaves after -ed or -ing: an e comes back, or a doubled consonant goes."""
    if stem.endswith(("at", "bl", "iz")):
        return stem + "e"
    if _doubled(stem):
        return stem if stem[-1] in "lsz" else stem[:-1]
    return stem + "e" if measure(stem) == 1 and _short(stem) else stem


def _y_to_i(word: str) -> str:
    """Step 1c."""
    return word[:-1] + "i" if word.endswith("y") and _has_vowel(word[:-1]) else word


def _longest(word: str, rules: Rules, *, above: int) -> str:
    """Steps 2 to 4: the longest suffix that fits decides, whether or not its stem is long enough."""
    for suffix, replacement in rules.get(word[-2:], ()):
        if word.endswith(suffix):
            stem = word[: -len(suffix)]
            if suffix == "ion" and not stem.endswith(("s", "t")):
                return word
            return stem + replacement if measure(stem) > above else word
    return word


def _final_e(word: str) -> str:
    """Step 5a."""
    if not word.endswith("e"):
        return word
    m = measure(word)
    return word[:-1] if m > 1 or (m == 1 and not _short(word[:-1])) else word


def _final_l(word: str) -> str:
    """Step 5b."""
    return word[:-1] if word.endswith("ll") and measure(word) > 1 else word


_SEQUENCE = re.compile("v[^v]")
_VOWELS = str.maketrans({**dict.fromkeys("abcdefghijklmnopqrstuvwxyz", "c"), **dict.fromkeys("aeiou", "v"), "y": "y"})


def _shape(stem: str) -> str:
    """A letter a character: v for vowels, c or another character for consonants; y is a vowel after a consonant."""
    shape = stem.translate(_VOWELS)
    if "y" not in shape:
        return shape
    kinds: list[str] = []
    for kind in shape:
        kinds.append(("v" if kinds and kinds[-1] != "v" else "c") if kind == "y" else kind)
    return "".join(kinds)


def measure(stem: str) -> int:
    """Porter's m: how many vowel-consonant sequences, [C](VC)^m[V].

    >>> [measure(s) for s in ("tree", "trouble", "private")]
    [0, 1, 2]
    """
    return len(_SEQUENCE.findall(_shape(stem)))


def _has_vowel(stem: str) -> bool:
    return "v" in _shape(stem)


def _doubled(stem: str) -> bool:
    return len(stem) > 1 and stem[-1] == stem[-2] and _shape(stem)[-1] != "v"


def _short(stem: str) -> bool:
    """Ends consonant, vowel, consonant, the last not w, x or y."""
    shape = _shape(stem)[-3:]
    return len(shape) == 3 and shape[1] == "v" and shape[0] != "v" != shape[2] and stem[-1] not in "wxy"
