"""Rows that begin alike: every row in one group, nothing shared that may not be, fewer tokens read."""

import numpy as np
import pytest

from rankify.llm.hf_prefixes import Group, groups_of


def grouped(rows, *, keep=1, worth=1):
    return groups_of(rows, [len(row) - keep for row in rows], worth=worth)


def read(rows, groups):
    """How many tokens are read in all."""
    return sum(g.length + sum(len(rows[p]) - g.length for p in g.places) for g in groups)


def random_rows(seed):
    """Rows that share beginnings of beginnings, among few different tokens."""
    chance = np.random.default_rng(seed)
    heads = [chance.integers(0, 3, n).tolist() for n in chance.integers(1, 30, 4)]
    return [heads[chance.integers(4)] + chance.integers(0, 3, chance.integers(1, 20)).tolist() for _ in range(40)]


@pytest.mark.parametrize("seed", range(20))
def test_every_row_is_in_one_group(seed):
    rows = random_rows(seed)
    assert sorted(p for group in grouped(rows) for p in group.places) == list(range(len(rows)))


@pytest.mark.parametrize("seed", range(20))
def test_rows_of_a_group_begin_alike_and_keep_what_they_must(seed):
    rows = random_rows(seed)
    for group in grouped(rows, keep=2):
        assert len({tuple(rows[p][: group.length]) for p in group.places}) == 1
        assert group.length == 0 or all(len(rows[p]) >= group.length + 2 for p in group.places)


@pytest.mark.parametrize("worth", [1, 20, 100])
@pytest.mark.parametrize("seed", range(20))
def test_each_group_saves_what_it_is_worth(seed, worth):
    rows = random_rows(seed)
    groups = grouped(rows, worth=worth)
    shared = [group for group in groups if group.length]
    assert read(rows, groups) <= sum(map(len, rows)) - worth * len(shared)


def test_pairs_are_grouped_by_their_first_passage():
    first, passages = list(range(40)), [[100 + n] * 50 for n in range(6)]
    rows = [first + a + b + [7] for a in passages for b in passages if a != b]
    assert [(g.length, len(g.places)) for g in grouped(rows, worth=64)] == [(90, 5)] * 6


def test_passages_of_a_query_are_grouped_though_two_begin_with_the_same_word():
    rows = [[*range(60), word, 100 + n, 5] for n, word in enumerate([1, 1, 2, 3, 4])]
    assert grouped(rows, worth=10) == [Group(60, [0, 1, 2, 3, 4])]


def test_equal_rows_share_all_but_what_is_read():
    assert grouped([[1, 2, 3, 4]] * 3) == [Group(3, [0, 1, 2])]


def test_rows_that_have_nothing_in_common_are_one_group():
    assert grouped([[3, 1], [2, 1], [1, 1]]) == [Group(0, [2, 1, 0])]


def test_rows_each_of_which_begins_the_next_are_no_burden():
    rows = [list(range(n)) for n in range(1, 1500)]
    assert sorted(p for g in grouped(rows) for p in g.places) == list(range(len(rows)))


def test_no_rows_are_no_groups():
    assert grouped([]) == []
