"""The queue: what it holds, and how its copy of the model follows. That runs resume with it: test_loop.py."""

import contextlib
from types import SimpleNamespace

import pytest
import torch

from avbench.config.methods import Method
from avbench.pretraining.momentum_queue import MomentumQueue, NoQueue, queue_of
from avbench.training.distributed import ALONE


class Model(torch.nn.Module):
    """Stands for an embedder: rows of ones times a weight, and twice that."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.model = torch.nn.Linear(1, 3, bias=False)
        torch.nn.init.constant_(self.model.weight, weight)

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        made = self.model(rows)
        return made, 2 * made


def batch(*rows: float) -> SimpleNamespace:
    return SimpleNamespace(inputs=(torch.tensor(rows)[:, None],), part=slice(len(rows)), clips=len(rows))


def test_keys_are_the_copys_and_the_newest_stay():
    embedder = Model(1.0)
    queue = MomentumQueue(embedder, size=3, momentum=0.75)
    heard, seen = queue.keys(batch(1.0, 2.0), contextlib.nullcontext(), ALONE)
    assert heard[:, 0].tolist() == [1, 2]
    assert torch.equal(seen, 2 * heard)
    assert not heard.requires_grad
    torch.nn.init.constant_(embedder.model.weight, 5.0)
    queue.follow(embedder)
    assert queue.copy.model.weight.tolist() == [[2.0]] * 3  # 0.75 · 1 + 0.25 · 5
    assert queue.keys(batch(3.0, 4.0), contextlib.nullcontext(), ALONE)[0][:, 0].tolist() == [6, 8, 1, 2]
    queue.follow(embedder)
    assert queue.past[0][:, 0].tolist() == [6, 8, 1]


def test_a_queue_goes_on_from_what_it_saved():
    embedder = Model(1.0)
    queue = MomentumQueue(embedder, size=3, momentum=0.5)
    queue.keys(batch(1.0, 2.0), contextlib.nullcontext(), ALONE)
    torch.nn.init.constant_(embedder.model.weight, 3.0)
    queue.follow(embedder)
    other = MomentumQueue(Model(7.0), size=3, momentum=0.5)
    other.load(queue.saved())
    for one, two in zip(*(q.keys(batch(5.0), contextlib.nullcontext(), ALONE) for q in (queue, other)), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("loss", ["info-nce", "hard"])
def test_other_losses_have_none(loss):
    queue = queue_of(Method("m", loss=loss), Model(1.0))
    assert type(queue) is NoQueue
    assert (queue.keys(batch(1.0), contextlib.nullcontext(), ALONE), queue.saved()) == (None, {})
    assert isinstance(queue_of(Method("m", loss="queue", queue_size=2), Model(1.0)), MomentumQueue)
