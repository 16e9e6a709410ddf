import math

import pytest
import torch

from avbench.loss import info_nce


def unit(rows, seed):
    return torch.nn.functional.normalize(torch.randn(rows, 16, generator=torch.Generator().manual_seed(seed)))


def reference(za, zv, temperature):
    """The definition, one clip at a time, in double precision."""
    za, zv = za.double().tolist(), zv.double().tolist()
    count, total, hits = len(za), 0.0, 0
    for queries, keys in ((zv, za), (za, zv)):
        for i, query in enumerate(queries):
            scores = [sum(q * k for q, k in zip(query, key, strict=True)) / temperature for key in keys]
            total += math.log(sum(math.exp(score) for score in scores)) - scores[i]
            hits += scores[i] == max(scores)
    return total / (2 * count), hits / (2 * count)


@pytest.mark.parametrize(("batch", "temperature"), [(1, 0.07), (2, 0.5), (9, 0.07), (24, 0.2)])
def test_matches_the_definition(batch, temperature):
    za, zv = unit(batch, 1), unit(batch, 2)
    loss, accuracy = info_nce(za, zv, temperature)
    expected_loss, expected_accuracy = reference(za, zv, temperature)
    assert loss.item() == pytest.approx(expected_loss, rel=1e-5, abs=1e-6)
    assert accuracy.item() == pytest.approx(expected_accuracy)


def test_default_temperature_is_the_papers():
    za, zv = unit(8, 1), unit(8, 2)
    assert torch.equal(info_nce(za, zv)[0], info_nce(za, zv, 0.07)[0])


def test_symmetric_in_the_two_modalities():
    za, zv = unit(8, 1), unit(8, 2)
    torch.testing.assert_close(info_nce(za, zv), info_nce(zv, za))


def test_matched_pairs_beat_mismatched_ones():
    z = unit(8, 3)
    loss, accuracy = info_nce(z, z)
    worse, none = info_nce(z, z.roll(1, 0))
    assert loss < 0.1 < worse
    assert (accuracy.item(), none.item()) == (1.0, 0.0)


def test_embeddings_without_information_give_log_batch():
    z = unit(1, 0).expand(309, 16)
    assert info_nce(z, z)[0].item() == pytest.approx(math.log(309), rel=1e-5)


def test_gradient_pulls_partners_together():
    za, zv = unit(8, 1).requires_grad_(), unit(8, 2)
    loss, accuracy = info_nce(za, zv)
    loss.backward()
    assert not accuracy.requires_grad
    step = torch.nn.functional.normalize(za.detach() - 0.01 * za.grad)
    assert info_nce(step, zv)[0] < loss


def test_half_precision_embeddings_keep_full_precision_logits():
    za, zv = unit(8, 1).bfloat16(), unit(8, 2).bfloat16()
    expected = info_nce(za.float(), zv.float())[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert info_nce(za, zv)[0].item() == pytest.approx(expected.item(), rel=1e-6)
