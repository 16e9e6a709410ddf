"""Settings of the evaluation protocols."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingSettings:
    """How to train a classifier; defaults are the paper's, but for ``validations``."""

    model: str = "paper"  # of the supervised baseline; a pretrained run brings its own
    flip: str = "clip"  # likewise
    epochs: int = 99
    batch_size: int = 64
    learning_rate: float = 1e-4
    weight_decay: float = 1e-4
    dropout: float = 0.5
    schedule: str = "constant"  # or cosine
    validations: int = 10  # looks at the validation clips, spread over the run; at most one an epoch (99 in the paper)
    modalities: tuple[str, ...] = ("audio", "video")  # of those that a task has
    cpu_threads: int = 1


@dataclass(frozen=True)
class KnnSettings:
    """How many neighbours vote, and how much nearer ones count more."""

    neighbours: int = 20
    temperature: float = 0.07


@dataclass(frozen=True)
class LinearSettings:
    """Inverse regularisation strengths to choose from, and when the solver stops.

    Attributes:
        strengths: scikit-learn's C.
        max_iterations: at the latest after so many.
        tolerance: once no entry of the mean loss's gradient exceeds this. benchmarks/probe.py measures what a closer
            fit would gain, and cost.
    """

    strengths: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0)
    max_iterations: int = 300
    tolerance: float = 1e-4
