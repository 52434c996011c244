"""Replies read: whatever a model writes, the result is a permutation and the defect is counted."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankify.llm.protocol import Reply
from rankify.llm.thoughts import TAG, said, without_thinking
from rankify.rerank.llm.judges.replies import label, permutation

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
        ("[2] > [1] = [4] > [3]", NUMBERS, [1, 0, 3, 2], Counter()),
        ("<answer> [2] > [1] > [4] > [3] </answer>", NUMBERS, [1, 0, 3, 2], Counter()),
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


@pytest.mark.parametrize(
    ("reply", "thought", "answer", "kinds"),
    [
        ("<think>[1]?</think> <answer>[2]</answer>", "<think>[1]?</think>", "[2]", []),
        ("<think>[1]?</think>\n<answer> [2] </answer>\n", "<think>[1]?</think>", "[2]", []),
        ("<THINK>[1]?</Think> <Answer>[2]</ANSWER>", "<think>[1]?</think>", "[2]", []),
        ("[1]?</think><answer>[2]</answer>", "[1]?</think>", "[2]", []),
        ("<answer>[2]</answer>", "", "[2]", []),
        ("<think><answer>[1]</answer>?</think><answer>[2]</answer>", "<think><answer>[1]</answer>?</think>", "[2]", []),
        ("<think>a</think><think>b</think><answer>[2]</answer>", "<think>a</think><think>b</think>", "[2]", []),
        ("<think>a</think> [2]", "<think>a</think>", "[2]", ["untagged_answer"]),
        ("The best is [2].", "", "The best is [2].", ["untagged_answer"]),
        ("<think>a</think><answer>[2]", "<think>a</think>", "[2]", ["unfinished_answer"]),
        ("<answer>[2]</answer> <answer>[3]</answer>", "", "[2]", ["several_answers"]),
        ("<answer><think>[3]?</think>[2]</answer>", "<think>[3]?</think>", "[2]", ["thinking_in_answer"]),
        ("<think>[3]? <answer>[2]</answer>", "<think>[3]? <answer>[2]</answer>", "[2]", ["unfinished_thinking"]),
        ("<think><answer>[3]</answer> no, <answer>[2]</answer>", "<think><answer>[3]</answer> no, <answer>[2]</answer>",
         "[2]", ["unfinished_thinking"]),
        ("<answer>[2]</answer> <think>or [3]", "<think>or [3]", "[2]", []),
        ("<answer>\0[2]</answer>", "", "[2]", []),
    ],
)  # fmt: skip
def test_what_stands_between_answer_tags_is_the_answer(reply, thought, answer, kinds):
    found = said(Reply(reply), thinks=True, tagged=True)
    assert (found.thought, found.answer) == (thought, answer)
    assert found.defects == Counter(kinds) + Counter(repaired=bool(kinds))


@pytest.mark.parametrize(
    ("reply", "answer", "kinds"),
    [
        ("<think>is it [2]? <answer>[3]</answer> or", "", {"unfinished_thinking": 1}),
        ("is it [2] or", "", {"unfinished_thinking": 1}),
        ("<think>a</think><answer>[2] > [1", "[2] >", {"unfinished_answer": 1, "repaired": 1}),
        ("<think>a</think> [2] > [1", "[2] >", {"untagged_answer": 1, "repaired": 1}),
        ("<answer>[2]</answer> because", "[2]", {}),
    ],
)
def test_of_a_reply_that_was_cut_off_only_what_is_whole_is_read(reply, answer, kinds):
    found = said(Reply(reply, finished=False), thinks=True, tagged=True)
    assert (found.answer, found.defects) == (answer, Counter(kinds))


@pytest.mark.parametrize(
    ("reply", "thinks", "finished", "thought", "answer"),
    [
        ("<think>a</think> B", True, True, "<think>a</think>", " B"),
        ("a</think> B", True, False, "a</think>", " B"),
        ("is it A or", True, False, "is it A or", ""),
        ("is it A or", False, False, "", "is it A or"),
        ("B", True, True, "", "B"),
        ("<think>is it A", False, True, "<think>is it A", ""),
    ],
)
def test_without_tags_the_answer_stands_behind_the_thoughts(reply, thinks, finished, thought, answer):
    found = said(Reply(reply, finished=finished), thinks=thinks, tagged=False)
    assert (found.thought, found.answer) == (thought, answer)


TAGS = st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "[1]", "[2]", "a", " "])


@given(st.lists(TAGS, max_size=12).map("".join), st.booleans(), st.booleans())
def test_any_reply_with_tags_is_taken_apart(reply, finished, thinks):
    for tagged in (True, False):
        found = said(Reply(reply, finished=finished), thinks=thinks, tagged=tagged)
        assert len(found.thought) <= len(reply)
        assert len(found.answer) <= len(reply)
        assert not tagged or not TAG.search(found.answer)


@pytest.mark.parametrize(
    ("reply", "order"),
    [
        ("[3, 1] > [2]", [2, 0, 1]),
        ("[1 > [2]", [0, 1, 2]),
        ("[2 > [1 > [3]", [1, 0, 2]),
        ("[ 2 ,1 ], [3]", [1, 0, 2]),
        ("[1]. Then [2, see below]", [0, 1, 2]),
    ],
)
def test_brackets_that_hold_several_or_were_not_closed_are_read(reply, order):
    assert permutation(reply, ["[1]", "[2]", "[3]"])[0] == order


@pytest.mark.parametrize("reply", ["I cannot rank these.", "A ranking is not possible.", "I'd rather not."])
def test_words_of_one_letter_are_no_labels(reply):
    names = [f"[{chr(65 + i)}]" for i in range(12)]
    assert permutation(reply, names) == (list(range(12)), Counter(unreadable=1))
