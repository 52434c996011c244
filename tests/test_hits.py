"""Hits of several queries, checked together: what is sound is told from what is not, whatever the borders."""

import numpy as np
import pytest

from rankify.hits import Hits

NAN = float("nan")


def hits(documents, scores, counts):
    return Hits(np.array(documents, np.int64), np.array(scores, np.float64), np.array(counts, np.int64))


@pytest.mark.parametrize(
    ("scores", "counts", "falling"),
    [
        ([2, 1, 9, 8], [2, 2], True),
        ([1, 9, 8], [1, 2], True),  # a first query of one hit
        ([3, 3, 3], [3], True),  # equal scores do not increase
        ([1, 2], [1, 1], True),
        ([1], [0, 1, 0], True),
        ([], [0, 0], True),
        ([1, 2], [2], False),
        ([2, 1, 1, 2], [2, 2], False),
        ([2, NAN], [1, 1], False),
        ([NAN], [1], False),
    ],
)
def test_scores_fall_within_each_query(scores, counts, falling):
    assert hits(range(len(scores)), scores, counts).falling() is falling


@pytest.mark.parametrize(
    ("documents", "counts", "distinct"),
    [
        ([0, 1, 1, 0], [2, 2], True),
        ([5, 5], [1, 1], True),
        ([3, 1, 2], [3], True),
        ([], [0], True),
        ([1, 0, 1], [3], False),
        ([0, 2, 1, 2], [1, 3], False),
    ],
)
@pytest.mark.parametrize("size", [6, 1 << 40])
def test_documents_are_distinct_within_each_query(documents, counts, size, distinct):
    found = hits(documents, np.zeros(len(documents)), counts)
    assert found.distinct(size) is distinct
    assert found.documents.tolist() == documents  # looking changes nothing
