"""Weighted terms of documents taken apart and put together."""

from itertools import pairwise

import numpy as np
import pytest

from rankify.indexes.term_weights import TermWeights


def weights(*documents):
    """Weighted terms of documents given as {term: weight}."""
    names = sorted({term for document in documents for term in document})
    terms = [names.index(term) for document in documents for term in document]
    values = [value for document in documents for value in document.values()]
    offsets = np.cumsum([0, *map(len, documents)])
    return TermWeights.of(names, offsets, np.array(terms, np.int32), np.array(values, np.float32))


def read(found):
    ends = found.offsets.tolist()
    pairs = [(found.vocabulary[t], float(w)) for t, w in zip(found.terms.tolist(), found.weights.tolist(), strict=True)]
    return [dict(pairs[a:b]) for a, b in pairwise(ends)]


ONE = [{"a": 1.0, "b": 2.0}, {}, {"c": 300.0}, {"b": 4.0}]
TWO = [{"z": 0.5, "a": 7.0}, {"d": 1.0}]


@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [3, 0, 0], [1], []])
def test_documents_are_taken_in_any_order_and_other_terms_forgotten(rows):
    found = weights(*ONE).take(np.array(rows, np.int64))
    assert read(found) == [ONE[row] for row in rows]
    assert set(found.vocabulary) == {term for row in rows for term in ONE[row]}


def test_documents_of_several_stand_one_after_the_other():
    assert read(TermWeights.joined([weights(*ONE), weights(), weights(*TWO)])) == [*ONE, *TWO]
    assert read(TermWeights.joined([])) == []


def test_weights_are_as_narrow_again_as_they_can_be():
    assert weights(*ONE).weights.dtype == np.uint16
    assert weights(*ONE).take(np.array([0, 3])).weights.dtype == np.uint8
    assert TermWeights.joined([weights(*ONE), weights(*TWO)]).weights.dtype == np.float32
