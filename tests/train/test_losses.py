"""Ranking losses: the published values, their formulas, and what they are for."""

import json

import pytest
import torch

from rankify.train.losses import lambda_loss, listnet, ranknet, targets_of, weighted_ranknet

NAMES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def golden(shared):
    return json.loads((shared.parent / "reference" / "golden_first_listt5.json").read_text())["first_losses"]


@pytest.mark.parametrize("name", NAMES)
def test_the_published_losses(golden, name):
    """Of FIRST's own code; its ListNet takes a target of -1 for padding, which list `a` has."""
    case = golden[name]
    scores, ranks = torch.tensor(case["scores"], dtype=torch.float64), torch.tensor(case["true_rank"])
    targets = targets_of(scores, ranks)
    assert float(weighted_ranknet(scores, ranks)) == pytest.approx(case["weighted_ranknet"], abs=1e-7)
    assert float(weighted_ranknet(scores, ranks)) == pytest.approx(case["formula"], abs=1e-9)
    assert float(ranknet(scores, ranks)) == pytest.approx(case["ranknet"], abs=1e-7)
    assert float(listnet(scores, targets, padding=-1.0)) == pytest.approx(case["listnet"], abs=1e-6)
    assert float(lambda_loss(scores, targets)) == pytest.approx(case["lambda_default"], abs=1e-7)


def test_every_published_case_is_read(golden):
    assert sorted(golden) == NAMES


LOSSES = {
    "ranknet": ranknet,
    "weighted": weighted_ranknet,
    "listnet": lambda scores, ranks: listnet(scores, targets_of(scores, ranks)),
    "lambda": lambda scores, ranks: lambda_loss(scores, (len(ranks) - ranks).double()),
}


@pytest.mark.parametrize("name", LOSSES)
def test_descending_its_gradient_brings_the_right_order(name):
    torch.manual_seed(0)
    scores = torch.randn(8, dtype=torch.float64, requires_grad=True)
    ranks = torch.randperm(8)
    for _ in range(2000):
        [slope] = torch.autograd.grad(LOSSES[name](scores, ranks), scores)
        scores = (scores - slope).detach().requires_grad_()
    assert scores.argsort(descending=True).tolist() == ranks.argsort().tolist()


@pytest.mark.parametrize("name", ["ranknet", "weighted"])
def test_several_lists_at_once_are_their_mean(name):
    scores, ranks = torch.randn(3, 6, dtype=torch.float64), torch.stack([torch.randperm(6) for _ in range(3)])
    alone = torch.stack([LOSSES[name](s, r) for s, r in zip(scores, ranks, strict=True)])
    assert float(LOSSES[name](scores, ranks)) == pytest.approx(float(alone.mean()))


def test_a_target_of_minus_one_is_a_document_unless_padding_says_otherwise():
    scores, targets = torch.tensor([2.0, 1.0, 0.0]), torch.tensor([1.0, 2.0, -1.0])
    assert float(listnet(scores, targets, padding=-1.0)) == pytest.approx(float(listnet(scores[:2], targets[:2])))
    assert float(listnet(scores, targets)) != pytest.approx(float(listnet(scores[:2], targets[:2])))
