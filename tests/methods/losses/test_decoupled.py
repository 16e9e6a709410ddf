"""The decoupled loss against its definition, in loops and double precision."""

import math

import pytest
import torch

from avbench.methods.losses.decoupled import decoupled
from avbench.methods.losses.info_nce import info_nce
from tests.support.embeddings import similarities, unit


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_matches_its_definition(temperature):
    za, zv, total = unit(7, 1).double(), unit(7, 2).double(), 0.0
    for one, other in ((zv, za), (za, zv)):
        for i, scores in enumerate(similarities(one, other, temperature)):
            total += math.log(sum(math.exp(score) for j, score in enumerate(scores) if j != i)) - scores[i]
    assert decoupled(za, zv, temperature)[0].item() == pytest.approx(total / 14, rel=1e-12)


def test_an_anchor_that_is_nearly_right_keeps_its_gradient():
    z = torch.eye(4, 16)
    found = []
    for loss in (decoupled, info_nce):
        za = z.clone().requires_grad_()
        loss(za, z, 0.07)[0].backward()
        found.append(float(za.grad.norm()))
    assert found[0] > 1000 * found[1]
