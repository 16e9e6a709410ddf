import pytest
import torch

from avbench.training.optimizer import Adam


def problem():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(7, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
    return model, torch.randn(11, 7)


@pytest.mark.parametrize("clip_grad", [None, 0.5])
def test_equal_to_pytorchs_adam(clip_grad):
    ours, inputs = problem()
    theirs, _ = problem()
    optimizer = Adam(ours.parameters(), 1e-2, 1e-3, clip_grad)
    reference = torch.optim.Adam(theirs.parameters(), lr=1e-2, weight_decay=1e-3, fused=True)
    for step in range(60):
        optimizer.learning_rate = reference.param_groups[0]["lr"] = 1e-2 / (1 + step)
        for model, optim in ((ours, optimizer), (theirs, reference)):
            optim.zero_grad()
            model(inputs).square().sum().backward()
            if optim is reference and clip_grad:
                torch.nn.utils.clip_grad_norm_(theirs.parameters(), clip_grad)
            optim.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


def test_going_on_from_a_state_changes_nothing():
    undisturbed, inputs = problem()
    optimizer = Adam(undisturbed.parameters(), 1e-2, 0)

    def train(model, optim, steps):
        for _ in range(steps):
            optim.zero_grad()
            model(inputs).square().sum().backward()
            optim.step()

    train(undisturbed, optimizer, 5)
    resumed, _ = problem()
    resumed.load_state_dict(undisturbed.state_dict())
    other = Adam(resumed.parameters(), 1e-2, 0)
    other.load_state_dict(optimizer.state_dict())
    train(undisturbed, optimizer, 5)
    train(resumed, other, 5)
    for a, b in zip(undisturbed.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_parameter_outside_the_loss_is_refused():
    model, _ = problem()
    optimizer = Adam(model.parameters(), 1e-2, 0)
    with pytest.raises(RuntimeError, match="no gradient"):
        optimizer.step()
