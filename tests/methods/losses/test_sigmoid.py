"""The sigmoid loss against its definition, in loops and double precision."""

import math

import pytest

from avbench.config.methods import Method
from avbench.methods.losses import contrast
from avbench.methods.losses.sigmoid import sigmoid
from tests.support.embeddings import similarities, unit


@pytest.mark.parametrize(("temperature", "bias"), [(0.07, -10.0), (0.5, 1.5)])
def test_matches_its_definition(temperature, bias):
    za, zv = unit(7, 1).double(), unit(7, 2).double()
    scores, total = similarities(zv, za, temperature), 0.0
    for i in range(7):
        for j in range(7):
            sign = 1 if i == j else -1
            total += math.log1p(math.exp(-sign * (scores[i][j] + bias)))
    assert sigmoid(za, zv, bias, temperature)[0].item() == pytest.approx(total / 7, rel=1e-12)


def test_its_key_is_the_methods():
    za, zv = unit(7, 1), unit(7, 2)
    assert contrast(za, zv, None, Method("m", loss="sigmoid"), 0.1)[0] == sigmoid(za, zv, -10.0, 0.1)[0]
    assert contrast(za, zv, None, Method("m", loss="sigmoid", bias=-2), 0.1)[0] == sigmoid(za, zv, -2, 0.1)[0]
