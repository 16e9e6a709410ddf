"""InfoNCE with weights for suspect pairs against its definition, in loops and double precision."""

import math
from statistics import NormalDist, fmean, pstdev

import pytest
import torch

from avbench.methods.losses.info_nce import info_nce
from avbench.methods.losses.weighted import weighted
from tests.support.embeddings import similarities, unit


@pytest.mark.parametrize(("least", "shift", "spread"), [(0.25, 0.0, 0.7), (0.0, -0.5, 2.0)])
def test_matches_its_definition(least, shift, spread):
    za, zv, total = unit(7, 1).double(), unit(7, 2).double(), 0.0
    for one, other in ((zv, za), (za, zv)):
        scores = similarities(one, other, 0.2)
        own = [scores[i][i] for i in range(7)]
        mean, deviation = fmean(own), pstdev(own)
        weights = [least + (1 - least) * NormalDist(mean + shift * deviation, spread * deviation).cdf(s) for s in own]
        losses = [math.log(sum(map(math.exp, row))) - row[i] for i, row in enumerate(scores)]
        total += sum(w * loss for w, loss in zip(weights, losses, strict=True)) / sum(weights)
    assert weighted(za, zv, least, shift, spread, 0.2)[0].item() == pytest.approx(total / 2, rel=1e-10)


def test_with_equal_weights_it_is_info_nce():
    za, zv = unit(7, 1).double(), unit(7, 2).double()
    torch.testing.assert_close(weighted(za, zv, 1.0, 0.0, 0.7), info_nce(za, zv))


def test_a_pair_that_does_not_match_pulls_less():
    za = unit(8, 1)
    zv = torch.nn.functional.normalize(za + 0.1 * unit(8, 2))
    zv[0] = -za[0]
    pulls = []
    for least in (0.0, 1.0):  # the latter is InfoNCE
        given = zv.clone().requires_grad_()
        weighted(za, given, least, 0.0, 0.7)[0].backward()
        pulls.append(float(given.grad[0].norm()))
    assert pulls[0] < 0.1 * pulls[1]
