"""Prediction-powered intervals: the formula, and that they hold the mean as often as they say."""

import numpy as np
import pytest

from rankify.errors import BadInput
from rankify.evaluation.ppi import prediction_powered


def test_the_formula_by_hand():
    judged, labelled, labels = [1.0, 0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 0.0, 0.0]
    found = prediction_powered(judged, labelled, labels)
    errors = np.subtract(labelled, labels)
    wide = 1.959963984540054 * np.sqrt(np.var(judged) / 4 + np.var(errors) / 3)
    assert found.mean == pytest.approx(0.75 - 1 / 3)
    assert (found.low, found.high) == pytest.approx((found.mean - wide, found.mean + wide))


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_the_interval_holds_the_mean_as_often_as_it_says(alpha):
    random, truth, held = np.random.default_rng(0), 0.6, 0
    for _ in range(1000):
        labels = random.random(1000) < truth
        judged = np.where(random.random(1000) < 0.85, labels, ~labels) | (random.random(1000) < 0.1)  # wrong and biased
        few, many = judged[:200].astype(float), judged[200:].astype(float)
        found = prediction_powered(many, few, labels[:200].astype(float), alpha=alpha)
        held += found.low <= truth <= found.high
    assert held / 1000 == pytest.approx(1 - alpha, abs=0.025)


def test_few_labels_make_it_wider_than_many():
    judged = [1.0, 0.0] * 500
    few, many = (prediction_powered(judged, judged[:n], judged[1 : n + 1]) for n in (10, 400))
    assert few.high - few.low > many.high - many.low


@pytest.mark.parametrize(
    ("judged", "labelled", "labels", "alpha"),
    [([], [1], [1], 0.05), ([1], [], [], 0.05), ([1], [1], [1, 0], 0.05), ([1], [1], [1], 1)],
)
def test_wrong_input_is_refused(judged, labelled, labels, alpha):
    with pytest.raises(BadInput):
        prediction_powered(judged, labelled, labels, alpha=alpha)
