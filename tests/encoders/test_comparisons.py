"""PairRM's preferences, against the formula of its card computed with transformers alone."""

import numpy as np
import pytest

from rankify.encoders.comparisons import Comparer
from rankify.errors import BadInput, Misuse
from tests import tiny_pairs

LENGTH = 128
QUERIES = ["what is a cat", "", "query " * 300]
PASSAGES = ["the cat", "dog " * 300, "", "a network of documents"]
TRIPLES = np.array([(q, a, b) for q in range(3) for a in range(4) for b in range(4) if a != b])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return tiny_pairs.pairrm(tmp_path_factory.mktemp("models") / "pairrm", LENGTH)


@pytest.mark.parametrize("budget", [1, 8192])
def test_preferences_are_what_the_card_computes_whatever_the_batches(made, budget):
    folder, preference = made
    some = TRIPLES[:: 1 if budget > 1 else 5]
    found = Comparer(folder, max_length=LENGTH, batch_tokens=budget).preferences(QUERIES, PASSAGES, some)
    wanted = [preference(QUERIES[q], PASSAGES[a], PASSAGES[b]) for q, a, b in some.tolist()]
    assert np.ptp(wanted) > 0.1
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_a_row_has_as_many_tokens_as_published(made):
    comparer = Comparer(made[0])
    assert (comparer.length, comparer.query_length) == (2048, 1224)


def test_a_row_without_room_for_three_texts_is_refused(made):
    with pytest.raises(Misuse, match="max_length=15"):
        Comparer(made[0], max_length=15)


def test_another_network_is_refused(tiny_bert):
    with pytest.raises(BadInput, match=r"no weights for 'head_layer\.1\.weight'"):
        Comparer(tiny_bert)
