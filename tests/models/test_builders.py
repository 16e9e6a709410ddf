"""Networks by the name of what builds them, without what classifies, with weights from files."""

import pytest
import torch
import torchvision
from torch import nn

from avbench.config.encoders import BuiltSettings, code_digest
from avbench.core.errors import UserError
from avbench.models.builders import built, stages
from avbench.models.tensor_file import write_safetensors
from tests.support.encoder_files import write_mine

RESNET, VIDEO = "torchvision.models.resnet18", "torchvision.models.video.r3d_18"


def test_what_classifies_is_left_out():
    for builder in (RESNET, "torchvision.models.mobilenet_v3_small", VIDEO):
        network = built(BuiltSettings(builder), "k")
        shape = (1, 3, 4, 32, 32) if builder == VIDEO else (1, 3, 32, 32)
        assert network.eval()(torch.zeros(shape)).shape == (1, 1024 if "mobile" in builder else 512)


def test_stages_are_parts_with_parameters_and_normalisation_joins_the_one_before():
    names = ["conv1+bn1", "layer1", "layer2", "layer3", "layer4"]
    assert ["+".join(stage) for stage in stages(built(BuiltSettings(RESNET), "k"))] == names
    assert ["+".join(stage) for stage in stages(built(BuiltSettings(VIDEO), "k"))] == ["stem", *names[1:]]
    inner = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.LayerNorm(2), nn.Linear(2, 1))
    assert stages(nn.Sequential(inner, nn.ReLU())) == [["0.0", "0.2"], ["0.3"]]


@pytest.mark.parametrize("kind", ["pt", "safetensors"])
def test_weights_of_a_file_are_the_initial_ones(tmp_path, kind):
    torch.manual_seed(5)
    state = torchvision.models.resnet18(num_classes=7).state_dict()  # of another classifier, which is left out
    file = tmp_path / f"weights.{kind}"
    if kind == "pt":
        torch.save({"state_dict": {f"module.{name}": value for name, value in state.items()}}, file)
    else:
        write_safetensors(file, state, {})
    settings = BuiltSettings(RESNET, weights=str(file))
    network = built(settings, "k").state_dict()
    assert set(state) - set(network) == {"fc.weight", "fc.bias"}
    assert all(torch.equal(value, state[name]) for name, value in network.items())
    other = built(settings, "k", initial=False).state_dict()
    assert not torch.equal(other["conv1.weight"], state["conv1.weight"])


def test_weights_that_do_not_fit_are_refused_with_an_example(tmp_path):
    file = tmp_path / "weights.pt"
    settings = BuiltSettings(RESNET, weights=str(file))
    state = built(BuiltSettings(RESNET), "k").state_dict()
    for change, told in (
        (
            {"conv1.weight": torch.zeros(64, 1, 7, 7)},
            r"'conv1.weight' has the shape \(64, 1, 7, 7\), and the network's",
        ),
        ({"tail": torch.zeros(1)}, "has 1 tensors that the network has not, for example 'tail'"),
    ):
        torch.save(state | change, file)
        with pytest.raises(UserError, match=f"k.weights: {file}.* {told}"):
            built(settings, "k")
    torch.save({"conv1.weight": state["conv1.weight"]}, file)
    with pytest.raises(UserError, match="lacks 99 tensors of the network, for example 'bn1.bias'"):
        built(settings, "k")
    with pytest.raises(UserError, match="'NOTHING' cannot be had for torchvision.models.resnet18"):
        built(BuiltSettings(RESNET, weights="NOTHING"), "k")


def test_a_function_of_a_file_is_known_by_its_hash(tmp_path):
    mine = write_mine(tmp_path)
    settings = BuiltSettings(f"{mine}:heard", options={"width": 9}, code=code_digest(str(mine)))
    assert built(settings, "k")[4].out_channels == 9
    mine.write_text(mine.read_text() + "\n# another\n")
    with pytest.raises(UserError, match="mine.py has changed since the run was planned or trained"):
        built(settings, "k")


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("missing", "there is no function 'missing' in"),
        ("fails", "failed with ValueError: no such thing"),
        ("five", "made a int; a builder makes a torch.nn.Module"),
        ("number", "there is no function 'number'"),
    ],
)
def test_a_builder_that_builds_nothing_is_refused(tmp_path, function, told):
    with pytest.raises(UserError, match=told):
        built(BuiltSettings(f"{write_mine(tmp_path)}:{function}"), "k")


def test_a_library_that_is_missing_and_a_file_that_fails(tmp_path):
    with pytest.raises(UserError, match="nothing.here cannot be imported"):
        built(BuiltSettings("nothing.here.net"), "k")
    (tmp_path / "bad.py").write_text("import not_there\n")
    with pytest.raises(UserError, match="bad.py failed with ModuleNotFoundError"):
        built(BuiltSettings(f"{tmp_path}/bad.py:net"), "k")
    with pytest.raises(UserError, match="failed with TypeError"):
        built(BuiltSettings(RESNET, options={"depth": 3}), "k")
