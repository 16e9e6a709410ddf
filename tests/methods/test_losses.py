"""Each loss against its definition, spelled out with loops in double precision, and its gradient."""

import math

import pytest
import torch

from avbench.config.methods import Method
from avbench.methods.losses import contrast
from avbench.methods.losses.debiased import debiased
from avbench.methods.losses.hard import hard
from avbench.methods.losses.info_nce import info_nce
from avbench.methods.losses.masked import masked
from avbench.methods.losses.supcon import supcon

LABELS = torch.tensor([0, 1, 0, 2, 1, 0, 3, 3])
METHODS = {
    "info-nce": Method("m"),
    "supcon": Method("m", loss="supcon", labels="true"),
    "masked": Method("m", loss="masked", labels="true"),
    "debiased": Method("m", loss="debiased"),
    "hard": Method("m", loss="hard", class_prior=0.02, hardness=0.5),
}


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


def one_anchor(scores, own, same, temperature, method):
    """The loss of one anchor: its similarities over the temperature, which is its own partner, which are of its class.

    For debiased and hard, as the authors' code has it: the exponentials themselves, and the importance of each.
    """
    exp = [math.exp(score) for score in scores]
    negatives = [e for i, e in enumerate(exp) if i != own]
    count = len(negatives)
    if method.loss == "supcon":
        positives = [i for i in range(len(exp)) if same[i]]
        return -sum(math.log(exp[i] / sum(exp)) for i in positives) / len(positives)
    if method.loss == "masked":
        return -math.log(exp[own] / (exp[own] + sum(e for i, e in enumerate(exp) if not same[i])))
    beta, prior = method.hardness or 0.0, method.class_prior or 0.0
    importance = [e**beta for e in negatives]
    mean = sum(importance) / count
    weighed = sum(i * e for i, e in zip(importance, negatives, strict=True)) / mean
    corrected = max((weighed - prior * count * exp[own]) / (1 - prior), count * math.exp(-1 / temperature))
    return -math.log(exp[own] / (exp[own] + corrected))


def definition(za, zv, labels, temperature, method):
    """The mean of both directions over all anchors."""
    za, zv, labels, total = za.double().tolist(), zv.double().tolist(), labels.tolist(), 0.0
    for queries, keys in ((zv, za), (za, zv)):
        for i, query in enumerate(queries):
            scores = [sum(q * k for q, k in zip(query, key, strict=True)) / temperature for key in keys]
            same = [label == labels[i] for label in labels]
            total += one_anchor(scores, i, same, temperature, method)
    return total / (2 * len(za))


@pytest.mark.parametrize("loss", METHODS)
@pytest.mark.parametrize("temperature", [0.07, 0.5])
@pytest.mark.parametrize("noise", [2.0, 0.1])
def test_every_loss_matches_its_definition(loss, temperature, noise):
    za = unit(8, 1)  # with little noise partners are alike, and the corrected sum of negatives reaches its bound
    zv = torch.nn.functional.normalize(za + noise * unit(8, 2))
    expected = definition(za, zv, LABELS, temperature, METHODS[loss])
    found, accuracy = contrast(za.double(), zv.double(), LABELS, METHODS[loss], temperature)
    assert found.item() == pytest.approx(expected, rel=1e-10, abs=1e-12)
    single, same = contrast(za, zv, LABELS, METHODS[loss], temperature)
    assert single.dtype == torch.float32
    assert single.item() == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert accuracy.item() == same.item() == info_nce(za, zv, temperature)[1].item()


@pytest.mark.parametrize("loss", METHODS)
@pytest.mark.parametrize("noise", [2.0, 0.3])
def test_every_gradient_is_that_of_the_loss(loss, noise):
    za = unit(4, 1).double()
    zv = torch.nn.functional.normalize(za + noise * unit(4, 2))
    given = [z.requires_grad_() for z in (za, zv)]
    assert torch.autograd.gradcheck(lambda a, v: contrast(a, v, LABELS[:4], METHODS[loss], 0.2)[0], given)


def test_a_bound_that_is_reached_is_among_what_is_tested():
    za = unit(8, 1)
    zv = torch.nn.functional.normalize(za + 0.1 * unit(8, 2))
    bound = [math.log1p(7 * math.exp(-1 / 0.07) / math.exp((a @ v).item() / 0.07)) for a, v in zip(za, zv, strict=True)]
    assert debiased(za.double(), zv.double(), 0.1)[0].item() == pytest.approx(sum(bound) / 8, rel=1e-6)


@pytest.mark.parametrize("loss", METHODS)
def test_every_loss_is_symmetric_and_prefers_partners(loss):
    za, zv, z = unit(8, 1), unit(8, 2), unit(8, 3)
    torch.testing.assert_close(
        contrast(za, zv, LABELS, METHODS[loss], 0.2), contrast(zv, za, LABELS, METHODS[loss], 0.2)
    )
    matched, mismatched = (contrast(z, other, LABELS, METHODS[loss], 0.2)[0] for other in (z, z.roll(1, 0)))
    assert matched < mismatched
    order = torch.tensor([3, 1, 7, 0, 2, 6, 5, 4])
    shuffled = contrast(za[order], zv[order], LABELS[order], METHODS[loss], 0.2)
    torch.testing.assert_close(shuffled, contrast(za, zv, LABELS, METHODS[loss], 0.2))


def test_what_reduces_to_another_loss_does():
    za, zv, everyone = unit(9, 1).double(), unit(9, 2).double(), torch.arange(9)
    expected = info_nce(za, zv, 0.1)[0].item()
    for found in (
        supcon(za, zv, everyone, 0.1),
        masked(za, zv, everyone, 0.1),
        debiased(za, zv, 0.0, 0.1),
        hard(za, zv, 0.0, 0.0, 0.1),
    ):
        assert found[0].item() == pytest.approx(expected, rel=1e-12)
    assert torch.equal(hard(za, zv, 0.1, 0.0)[0], debiased(za, zv, 0.1)[0])
    assert hard(za, zv, 0.1, 1e-9)[0].item() == pytest.approx(debiased(za, zv, 0.1)[0].item(), rel=1e-6)


def test_losses_differ_where_they_should():
    za, zv = unit(8, 1), unit(8, 2)
    plain = info_nce(za, zv)[0]
    assert masked(za, zv, LABELS)[0] < plain  # fewer negatives
    assert hard(za, zv, 0.0, 1.0)[0] > plain  # heavier ones
    assert hard(za, zv, 0.0, 2.0)[0] > hard(za, zv, 0.0, 1.0)[0]
    assert debiased(za, zv, 0.01)[0] != plain
    assert masked(za, zv, torch.zeros(8, dtype=torch.int64))[0] == 0  # all of a class: nothing is left to tell apart


def test_a_negative_that_is_masked_is_not_pushed_away():
    za, zv = unit(8, 1).requires_grad_(), unit(8, 2)
    labels = torch.tensor([0, 0, 1, 2, 3, 4, 5, 6])
    masked(za, zv, labels)[0].backward()
    towards = za.grad.clone()
    za.grad = None
    nearer = zv.clone()
    nearer[1] = za[0].detach()  # clip 1's video looks like clip 0's audio, and both are of a class
    masked(za, nearer, labels)[0].backward()
    torch.testing.assert_close(za.grad[0], towards[0])
    za.grad = None
    info_nce(za, nearer)[0].backward()
    assert not torch.allclose(za.grad[0], towards[0], atol=1e-2)


@pytest.mark.parametrize("loss", METHODS)
@pytest.mark.parametrize("temperature", [0.07, 0.005])
@pytest.mark.parametrize("kind", ["alike", "opposite", "random", "matched"])
def test_no_loss_overflows_in_single_precision(loss, temperature, kind):
    labels = torch.arange(309) % 30
    za = unit(1, 0).expand(309, 16) if kind in ("alike", "opposite") else unit(309, 1)
    zv = {"alike": za, "opposite": -za, "random": unit(309, 2), "matched": za}[kind]
    given = [z.clone().requires_grad_() for z in (za, zv)]
    found = contrast(*given, labels, METHODS[loss], temperature)[0]
    found.backward()
    assert found.isfinite()
    assert found >= 0
    assert all(z.grad.isfinite().all() for z in given)
    expected = contrast(za.double(), zv.double(), labels, METHODS[loss], temperature)[0]
    assert found.item() == pytest.approx(expected.item(), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("loss", METHODS)
def test_every_loss_is_computed_in_single_precision_under_autocast(loss):
    za, zv = unit(8, 1).bfloat16(), unit(8, 2).bfloat16()
    expected = contrast(za.float(), zv.float(), LABELS, METHODS[loss], 0.07)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert contrast(za, zv, LABELS, METHODS[loss], 0.07)[0].item() == pytest.approx(expected.item(), rel=1e-6)
