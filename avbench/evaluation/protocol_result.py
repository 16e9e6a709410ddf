"""What a protocol on frozen features finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ProtocolResult:
    """What a protocol predicts for the test clips of a task, in their order.

    Attributes:
        protocol, modality: as in the tables.
        prediction: text (m,).
        correct: float64 (m,), whose mean is the score.
        remark: for the log.
        precision: mean average precision; None where no classes are scored.
        fitted: of a linear probe, its strength and at which edge of the grid that lies, see `linear_probe.Outcome`.
    """

    protocol: str
    modality: str
    prediction: np.ndarray
    correct: np.ndarray
    remark: str
    precision: float | None = None
    fitted: Mapping[str, Any] = field(default_factory=dict)
