"""A pipeline's text in pieces, and what is no text of a pipeline."""

import pytest

from rankify.errors import Misuse
from rankify.grammar import arguments, call, cuts, outside, split


@pytest.mark.parametrize("text", ["rrf(bm25", "rrf(bm25))(", "rrf((bm25)", "top(3, x"])
def test_parentheses_match(text):
    with pytest.raises(Misuse, match="parentheses do not match in"):
        outside(text)


@pytest.mark.parametrize(("text", "separator"), [(">> x", ">>"), ("x >>", ">>"), ("a,,b", ","), (",", ","), ("", ",")])
def test_something_stands_on_each_side_of_a_separator(text, separator):
    with pytest.raises(Misuse, match="nothing before or after"):
        split(text, separator)


@pytest.mark.parametrize(
    ("text", "parts", "options"),
    [
        ("a(b, c=1), k = 3", ["a(b, c=1)"], {"k": "3"}),
        ("dense:m?pooling=mean, norm=none", ["dense:m?pooling=mean"], {"norm": "none"}),
        ("pattern=(a,b)|c, x", ["x"], {"pattern": "(a,b)|c"}),
        ("a==b", ["a==b"], {}),
        ("", [], {}),
    ],
)
def test_parts_and_options_are_told_apart(text, parts, options):
    assert arguments(text) == (parts, options)


@pytest.mark.parametrize("text", ["bm25", "bm25?k1=1.2", "a b(c)", "rrf(a) % 3", "web:x?q=(a)", ""])
def test_what_is_no_call(text):
    assert call(text) is None


@pytest.mark.parametrize(
    ("text", "depths"), [("bm25", []), ("bm25 % 9", ["9"]), ("a %9  %  3", ["9", "3"]), ("rrf(bm25 % x) % 3", ["3"])]
)
def test_cuts_are_found_outside_parentheses(text, depths):
    assert [cut[1] for cut in cuts(text)] == depths


@pytest.mark.parametrize("depth", ["-1", "x", "1.5", "", "9a", "5 % x"])
def test_a_depth_is_a_whole_number(depth):
    with pytest.raises(Misuse, match=f"cannot keep the best '{depth.rpartition(' ')[2]}': a depth is a whole number"):
        cuts(f"bm25 % {depth}")
