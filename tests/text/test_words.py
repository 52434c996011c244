"""Words where the rules are easy to get wrong; tests/parity compares thousands of texts with Lucene itself."""

import pytest

from rankify.text.words import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\n", []),
        ("quick-brown fox's", ["quick", "brown", "fox's"]),
        ("'tis 'quoted' end'", ["tis", "quoted", "end"]),
        ("U.S.A. a.b..c x:y", ["U.S.A", "a.b", "c", "x:y"]),
        ("3.14 1,000.5;6 1,x a,b", ["3.14", "1,000.5;6", "1", "x", "a", "b"]),
        ("a_b __ _1_ _", ["a_b", "_1_"]),
        ("x² ½ Ⅷ ©®™ ↔", ["x", "Ⅷ", "©", "®", "™", "↔"]),
        ("10\u202f000", ["10\u202f000"]),
        ("東京 ひら カタカナ 한국어", ["東", "京", "ひ", "ら", "カタカナ", "한국어"]),
        ("ไทยภาษา e\u0301t\u0301", ["ไทยภาษา", "e\u0301t\u0301"]),
        ("👨\u200d👩\u200d👧 🇦🇧", ["👨\u200d👩\u200d👧", "🇦🇧"]),
        ("\ud800 x", ["x"]),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(("length", "pieces"), [(254, 1), (255, 1), (256, 2), (510, 2), (511, 3)])
def test_a_long_word_is_cut_at_255_characters(length, pieces):
    found = words("a" * length)
    assert len(found) == pieces
    assert "".join(found) == "a" * length
    assert max(map(len, found)) <= 255


def test_a_long_word_is_not_cut_inside_a_character():
    assert [len(w) for w in words("\U0001d49c" * 200)] == [127, 73]
