"""Learning rates along a run."""

import math
from typing import TYPE_CHECKING

from avbench.config.pretraining import PretrainSettings

if TYPE_CHECKING:
    from avbench.config.evaluation import TrainingSettings


def learning_rate(settings: "PretrainSettings | TrainingSettings", step: int, steps: int) -> float:
    """Return the learning rate of a step: constant, or half a cosine from the full rate to zero."""
    if settings.schedule == "constant":
        return settings.learning_rate
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
