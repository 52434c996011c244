"""Query vectors refined without a network: equal to what torch makes of the published losses, step by step."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn.functional import kl_div

from rankify.retrieve.distillation import adam, scored, toward, toward_order, toward_scores
from rankify.train.losses import weighted_ranknet

SIZES = [(2, 3), (3, 8), (20, 16), (100, 32)]  # passages, dimension


def drawn(passages, dimension, queries=3, seed=0):
    """Queries, their passages and a teacher's scores of them."""
    random = np.random.default_rng(seed)
    shapes = (queries, dimension), (queries, passages, dimension), (queries, passages)
    found = [random.standard_normal(shape) for shape in shapes]
    return found[0], found[1], 5 * found[2]


def divergence(scores, targets):
    return kl_div(scores.log_softmax(-1)[None], targets.log_softmax(-1)[None], reduction="batchmean", log_target=True)


def order_loss(scores, _):
    return weighted_ranknet(scores, torch.arange(len(scores)))


LOSSES = {"scores": (toward_scores, divergence), "order": (toward_order, order_loss)}
either = pytest.mark.parametrize(("slopes_to", "loss"), LOSSES.values(), ids=LOSSES)


def by_torch(query, passages, targets, loss, rate, steps):
    """The published procedure for one query: its vector after each step, and the loss before each."""
    vector = torch.tensor(query, requires_grad=True)
    rows, wanted = torch.tensor(passages), torch.tensor(targets)
    own = rows @ vector.detach()
    half = (wanted.max() - wanted.min()) / (own.max() - own.min()) / 2
    optimizer = torch.optim.Adam([vector], lr=rate)
    vectors, losses = [], []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(half * (rows @ vector), wanted)
        value.backward()
        optimizer.step()
        vectors.append(vector.detach().numpy().copy())
        losses.append(float(value.detach()))
    return vectors, losses


@either
@pytest.mark.parametrize(("passages", "dimension"), SIZES)
def test_slopes_are_the_derivatives_of_the_published_losses(slopes_to, loss, passages, dimension):
    _, _, targets = drawn(passages, dimension)
    scores = np.random.default_rng(1).standard_normal(targets.shape) * 3
    found = slopes_to(targets)(scores)
    for row, wanted, own in zip(found, targets, scores, strict=True):
        leaf = torch.tensor(own, requires_grad=True)
        loss(leaf, torch.tensor(wanted)).backward()
        np.testing.assert_allclose(row, leaf.grad.numpy(), atol=1e-12)


def test_slopes_of_scores_far_apart_are_finite():
    far = np.array([[1e6, -1e6, 0.0]])
    with np.errstate(over="raise", invalid="raise"):
        assert np.isfinite(toward_order(far)(far)).all()
        assert np.isfinite(toward_scores(-far)(far)).all()
    np.testing.assert_allclose(toward_order(far)(-far)[0].sum(), 0, atol=1e-12)


@either
@pytest.mark.parametrize(("passages", "dimension"), SIZES)
def test_every_step_is_torchs(slopes_to, loss, passages, dimension):
    queries, rows, targets = drawn(passages, dimension)
    wanted = [by_torch(*one, loss, 0.005, 25)[0] for one in zip(queries, rows, targets, strict=True)]
    for step in range(25):
        found, able = toward(queries, rows, targets, slopes_to, rate=0.005, steps=step + 1)
        assert able.all()
        np.testing.assert_allclose(found, [vectors[step] for vectors in wanted], atol=1e-6)


def test_adam_is_torchs_whatever_it_descends():
    start = np.array([[0.3, -2.0, 5.0], [0.0, 1e-9, 1e3]])
    leaf = torch.tensor(start, requires_grad=True)
    optimizer = torch.optim.Adam([leaf], lr=0.05)
    for step in range(1, 101):
        optimizer.zero_grad()
        (leaf.cos() * leaf).sum().backward()
        optimizer.step()
        found = adam(start, lambda x: np.cos(x) - x * np.sin(x), rate=0.05, steps=step)
        np.testing.assert_allclose(found, leaf.detach().numpy(), atol=1e-6)


@either
def test_the_loss_falls(slopes_to, loss):
    queries, rows, targets = drawn(100, 32)
    for one in zip(queries, rows, targets, strict=True):
        losses = by_torch(*one, loss, 0.005, 100)[1]
        assert losses[-1] < losses[0]
        assert sum(after > before for before, after in pairwise(losses)) <= 5


def test_an_order_is_learnt_in_the_end():
    queries, rows, targets = drawn(10, 32)
    found, _ = toward(queries, rows, -np.sort(-targets), toward_order, rate=0.05, steps=400)
    assert (np.argsort(-scored(found, rows), axis=1) == np.arange(10)).all()


STUCK = {
    "equal passages": lambda rows, targets: (rows[:1].repeat(len(rows), axis=0), targets),
    "equal targets": lambda rows, targets: (rows, np.full_like(targets, 3.0)),
    "an infinite target": lambda rows, targets: (rows, np.array([np.inf, *targets[1:]])),
    "nothing but infinity": lambda rows, targets: (rows, np.full_like(targets, -np.inf)),
}


@either
@pytest.mark.parametrize("stuck", STUCK.values(), ids=STUCK)
def test_a_query_that_cannot_learn_stays_where_it_is(slopes_to, loss, stuck):
    queries, rows, targets = drawn(5, 8)
    rows[1], targets[1] = stuck(rows[1], targets[1])
    found, able = toward(queries, rows, targets, slopes_to, rate=0.005, steps=5)
    assert able.tolist() == [True, False, True]
    assert (found[1] == queries[1]).all()
    assert (found[[0, 2]] != queries[[0, 2]]).any(axis=1).all()


@either
@pytest.mark.parametrize("passages", [1, 2, 5])
def test_no_queries_and_single_passages(slopes_to, loss, passages):
    queries, rows, targets = drawn(passages, 8, queries=0)
    assert toward(queries, rows, targets, slopes_to, rate=0.1, steps=3)[0].shape == (0, 8)
    queries, rows, targets = drawn(1, 8)
    found, able = toward(queries, rows, targets, slopes_to, rate=0.1, steps=3)
    assert (found == queries).all()
    assert not able.any()


@either
def test_all_together_as_one_by_one(slopes_to, loss):
    queries, rows, targets = drawn(100, 384, queries=15)
    together, _ = toward(queries, rows, targets, slopes_to, rate=0.005, steps=20)
    alone = [
        toward(queries[i : i + 1], rows[i : i + 1], targets[i : i + 1], slopes_to, rate=0.005, steps=20)[0][0]
        for i in range(15)
    ]
    assert (together == np.array(alone)).all()
