"""The layer that is trained on features which were given."""

import torch

from avbench.config.models import settings_of
from avbench.models.encoders import build


def test_given_features_are_standardised_and_then_a_layer_of_the_width_that_is_asked_for():
    one = {"features": "f.npz", "width": 5}
    given = {"audio": {"mean": [1.0, 2.0, 3.0], "std": [1.0, 2.0, 0.0]}}
    model = build(settings_of({"audio": one, "video": "small", "embedding": 7}), 0, given=given)
    assert (model.audio.features, model.audio_head.out_features, model.audio.input) == (5, 7, "features")
    x = torch.tensor([[2.0, 4.0, 3.0]])
    scaled = torch.tensor([[1.0, 1.0, 0.0]])
    expected = torch.relu(scaled @ model.audio.layer.weight.T + model.audio.layer.bias)
    torch.testing.assert_close(model.audio(x), expected, rtol=1e-4, atol=1e-4)
