"""Replies read: whatever a model writes, the result is a permutation and the defect is counted."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankify.rerank.llm.judges.replies import label, permutation, without_thinking

NUMBERS = ["[1]", "[2]", "[3]", "[4]"]
LETTERS = ["[A]", "[B]", "[C]", "[D]"]
PASSAGES = ["PASSAGE1", "PASSAGE2", "PASSAGE3", "PASSAGE4"]


def repaired(kind):
    return Counter({"repaired": 1, kind: 1})


@pytest.mark.parametrize(
    ("reply", "identifiers", "order", "counts"),
    [
        ("[2] > [1] > [4] > [3]", NUMBERS, [1, 0, 3, 2], Counter()),
        (" [2]>[1]>[4]>[3]\n", NUMBERS, [1, 0, 3, 2], Counter()),
        ("[B] > [A] > [D] > [C]", LETTERS, [1, 0, 3, 2], Counter()),
        ("[PASSAGE2, PASSAGE1, PASSAGE4, PASSAGE3]", PASSAGES, [1, 0, 3, 2], Counter()),
        ("[rankstart] [2] > [1] > [4] > [3] [rankend]", NUMBERS, [1, 0, 3, 2], Counter()),
        ("[\uff12] > [①] > [⁴] > [❸]", NUMBERS, [1, 0, 3, 2], Counter()),
        ("[02] > [1] > [4] > [3]", NUMBERS, [1, 0, 3, 2], Counter()),
        ("[2] > [1]", NUMBERS, [1, 0, 2, 3], repaired("missing_documents")),
        ("[2] > [1] > [2] > [4] > [3]", NUMBERS, [1, 0, 3, 2], repaired("repetition")),
        ("[2] > [2] > [4] > [3]", NUMBERS, [1, 3, 2, 0], repaired("repetition")),
        ("[2] > [9] > [4] > [3]", NUMBERS, [1, 3, 2, 0], repaired("missing_documents")),
        ("2, 1, 4, 3", NUMBERS, [1, 0, 3, 2], repaired("wrong_format")),
        ("Rank 1: [2] > [4]", NUMBERS, [1, 3, 0, 2], repaired("wrong_format")),
        ("B > A > D > C", LETTERS, [1, 0, 3, 2], repaired("wrong_format")),
        ("The answer is C.", LETTERS, [2, 0, 1, 3], repaired("wrong_format")),
        ("[9] > [8]", NUMBERS, [0, 1, 2, 3], Counter(unreadable=1)),
        ("I cannot rank these.", NUMBERS, [0, 1, 2, 3], Counter(unreadable=1)),
        ("", NUMBERS, [0, 1, 2, 3], Counter(unreadable=1)),
        ("\x00[99999999999999999999]", NUMBERS, [0, 1, 2, 3], Counter(unreadable=1)),
    ],
)
def test_a_permutation(reply, identifiers, order, counts):
    assert permutation(reply, identifiers) == (order, counts)


@given(st.text(max_size=80), st.sampled_from([NUMBERS, LETTERS, PASSAGES, ["Passage A", "Passage B"]]))
def test_any_reply_gives_a_permutation(reply, identifiers):
    order, counts = permutation(reply, identifiers)
    assert sorted(order) == list(range(len(identifiers)))
    assert set(counts) <= {"unreadable", "repaired", "wrong_format", "missing_documents", "repetition"}


@pytest.mark.parametrize(
    ("reply", "place"),
    [
        ("Passage B", 1), (" B", 1), ("B", 1), ("b", 1), ("b.", 1), ("(C)", 2), ("passage c", 2), ("**Passage A**", 0),
        ("Passage D", None), ("Neither", None), ("", None), ("A passage", None), ("The best is C", 2),
        ("Both are fine", None),
    ],
)  # fmt: skip
def test_a_label(reply, place):
    assert label(reply, ["Passage A", "Passage B", "Passage C"]) == place


@pytest.mark.parametrize(
    ("reply", "rest"),
    [
        ("[1]", "[1]"),
        ("<think>[2] > [1]</think>[1] > [2]", "[1] > [2]"),
        ("[2]</think><think>[3]</think> [1]", " [1]"),
        ("<think>[2] > [1] and so on", ""),
        ("[1] > [2] <think>or [2]?", "[1] > [2] "),
    ],
)
def test_think_blocks_are_cut(reply, rest):
    assert without_thinking(reply) == rest
