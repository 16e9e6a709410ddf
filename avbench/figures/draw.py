"""Drawing the figures of a plan."""

from collections.abc import Mapping
from pathlib import Path

from avbench.core.errors import UserError
from avbench.figures.figure import Settings
from avbench.figures.registry import FIGURES


def draw_figures(plan: Mapping[str, Settings], output: Path) -> None:
    """Draw each figure as PNG and PDF, with its caption beside it where that says what is seen.

    Args:
        plan: what each chart is told, by the figure's name.
        output: the folder.

    Raises:
        UserError: there is no such figure, or a file that it is drawn from is missing or damaged.
    """
    for name, settings in plan.items():
        if name not in FIGURES:
            raise UserError(f"there is no figure {name!r}. Figures are {', '.join(FIGURES)}.")
        FIGURES[name].function()(settings, output / name)
