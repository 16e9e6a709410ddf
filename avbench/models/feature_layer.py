"""What stands for an encoder where its features were computed before: a layer that is trained on them."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import nn

from avbench.config.encoders import GivenSettings
from avbench.features.statistics import Standardise


class FeatureLayer(nn.Module):
    """Standardisation, a linear layer and ReLU: given features (batch, given) to (batch, ``features``).

    With the linear head this is the projection of Chen et al. 2020 (SimCLR, arXiv:2002.05709), one hidden layer, whose
    hidden units are scored as other encoders' features are: what was given is the same for every method.
    """

    input = "features"

    def __init__(self, settings: GivenSettings, statistics: Mapping[str, Sequence[float]]) -> None:
        """Take ``mean`` and ``std`` of the given features over the pretraining subset."""
        super().__init__()
        mean, std = (torch.as_tensor(statistics[name], dtype=torch.float32) for name in ("mean", "std"))
        self.features = settings.width
        self.standardise = Standardise(mean, std)
        self.layer = nn.Linear(len(mean), settings.width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map float32 (batch, given) to (batch, ``features``)."""
        return F.relu(self.layer(self.standardise(x)))
