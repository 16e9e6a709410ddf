"""Drawing the figures of a plan."""

from collections.abc import Callable
from pathlib import Path

from avbench.figures.charts.accuracy_by_balance import draw_balance
from avbench.figures.charts.accuracy_by_size import draw_accuracy, draw_neighbours
from avbench.figures.charts.class_gains import draw_class_gains
from avbench.figures.charts.class_size import draw_class_size
from avbench.figures.charts.combinations import draw_combinations
from avbench.figures.charts.confusion import draw_confusion
from avbench.figures.charts.coverage import draw_coverage
from avbench.figures.charts.dynamics import draw_dynamics
from avbench.figures.charts.embedding_map import draw_embedding_map
from avbench.figures.charts.gains import draw_gains
from avbench.figures.charts.geometry import draw_geometry
from avbench.figures.charts.noise import draw_noise
from avbench.figures.charts.noise_by_imbalance import draw_noise_by_imbalance
from avbench.figures.charts.pairs import draw_pairs
from avbench.figures.charts.paper import draw_paper
from avbench.figures.charts.published_losses import draw_published_losses
from avbench.figures.charts.samples import draw_samples
from avbench.figures.charts.sampling import draw_sampling
from avbench.figures.charts.timing import draw_timing
from avbench.figures.charts.training_loss import draw_losses
from avbench.figures.reading import Settings

FIGURES: dict[str, Callable[[Settings, Path], None]] = {
    "accuracy": draw_accuracy,
    "gains": draw_gains,
    "neighbours": draw_neighbours,
    "balance": draw_balance,
    "paper": draw_paper,
    "class_gains": draw_class_gains,
    "confusion": draw_confusion,
    "embedding_map": draw_embedding_map,
    "noise": draw_noise,
    "noise_by_imbalance": draw_noise_by_imbalance,
    "class_size": draw_class_size,
    "combinations": draw_combinations,
    "sampling": draw_sampling,
    "geometry": draw_geometry,
    "dynamics": draw_dynamics,
    "losses": draw_losses,
    "published_losses": draw_published_losses,
    "pairs": draw_pairs,
    "samples": draw_samples,
    "coverage": draw_coverage,
    "timing": draw_timing,
}
