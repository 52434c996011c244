"""Porter's rules, and the same stems as NLTK's implementation of the author's revision."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankify.text.porter import measure, stem

# the examples of Porter's paper, step by step, and the three departures of his own later version
EXAMPLES = """
caresses caress|ponies poni|ties ti|caress caress|cats cat|feed feed|agreed agre|plastered plaster|bled bled
motoring motor|sing sing|conflated conflat|troubled troubl|sized size|hopping hop|tanned tan|falling fall|hissing hiss
fizzed fizz|failing fail|filing file|happy happi|sky sky|relational relat|conditional condit|rational ration
valenci valenc|hesitanci hesit|digitizer digit|conformabli conform|radicalli radic|differentli differ|vileli vile
analogousli analog|vietnamization vietnam|predication predic|operator oper|feudalism feudal|decisiveness decis
hopefulness hope|callousness callous|formaliti formal|sensitiviti sensit|sensibiliti sensibl|triplicate triplic
formative form|formalize formal|electriciti electr|electrical electr|hopeful hope|goodness good|revival reviv
allowance allow|inference infer|airliner airlin|gyroscopic gyroscop|adjustable adjust|defensible defens
irritant irrit|replacement replac|adjustment adjust|dependent depend|adoption adopt|homologou homolog
communism commun|activate activ|angulariti angular|homologous homolog|effective effect|bowdlerize bowdler
probate probat|rate rate|cease ceas|controll control|roll roll
possibly possibl|apology apolog|geology geologi|as as|is is|a a|
"""
SUFFIXES = ["", "s", "es", "ies", "ed", "eed", "ing", "ational", "logi", "bli", "ion", "sion", "ement", "e", "ll", "y"]
PAIRS = [tuple(pair.split()) for line in EXAMPLES.split("\n") for pair in line.split("|") if pair.strip()]


@pytest.mark.parametrize(("word", "expected"), PAIRS)
def test_stem(word, expected):
    assert stem(word) == expected


@pytest.mark.parametrize(
    ("word", "m"), [("", 0), ("tree", 0), ("by", 0), ("oats", 1), ("ivy", 1), ("oaten", 2), ("private", 2)]
)
def test_measure(word, m):
    assert measure(word) == m


@settings(deadline=None)
@given(st.text(alphabet="aeiouybdlstz'9é", min_size=1, max_size=4), st.sampled_from(SUFFIXES))
def test_the_same_stem_as_nltk(start, suffix):
    from nltk.stem.porter import PorterStemmer

    word = start + suffix
    reference = PorterStemmer(mode=PorterStemmer.MARTIN_EXTENSIONS)
    assert stem(word) == (word if len(word) <= 2 else reference.stem(word, to_lowercase=False))
