"""InfoNCE against keys and a queue, by its definition in loops and double precision."""

import math

import pytest
import torch

from avbench.config.methods import Method
from avbench.methods.losses import contrast
from avbench.methods.losses.info_nce import info_nce
from tests.support.embeddings import similarities, unit

METHOD = Method("m", loss="queue")


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_matches_its_definition(temperature):
    za, zv, heard, seen = (unit(rows, seed).double() for seed, rows in enumerate((5, 5, 12, 12)))
    total = 0.0
    for queries, keys in ((zv, heard), (za, seen)):
        for i, scores in enumerate(similarities(queries, keys, temperature)):
            total += math.log(sum(map(math.exp, scores))) - scores[i]
    loss, accuracy = contrast(za, zv, None, METHOD, temperature, (heard, seen))
    assert loss.item() == pytest.approx(total / 10, rel=1e-12)
    assert accuracy == info_nce(za, zv, temperature)[1]


def test_its_gradient_is_that_of_its_value_for_keys_that_stay():
    za, zv = (unit(4, seed).double().requires_grad_() for seed in (1, 2))
    keys = unit(9, 3).double(), unit(9, 4).double()
    assert torch.autograd.gradcheck(lambda a, v: contrast(a, v, None, METHOD, 0.2, keys)[0], (za, zv))


def test_without_keys_the_value_is_that_of_info_nce():
    za, zv = unit(6, 1), unit(6, 2)
    torch.testing.assert_close(contrast(za, zv, None, METHOD, 0.1), info_nce(za, zv, 0.1))
