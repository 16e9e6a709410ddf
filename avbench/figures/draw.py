"""Drawing the figures of a plan."""

import traceback
from collections.abc import Mapping
from pathlib import Path

from avbench.core.errors import NothingToShowError, UserError
from avbench.figures import captions, style
from avbench.figures.figure import Figure, Settings
from avbench.figures.registry import FIGURES


def draw_figures(plan: Mapping[str, Settings], output: Path) -> None:
    """Draw each figure as PNG and PDF, with its caption beside it where that says what is seen.

    Args:
        plan: what each chart is told, by the figure's name.
        output: the folder.

    Raises:
        UserError: there is no such figure, or a file that it is drawn from is missing or damaged. What cannot be drawn
            of good files is replaced by a sentence that says so.
    """
    for name, settings in plan.items():
        if name not in FIGURES:
            raise UserError(f"there is no figure {name!r}. Figures are {', '.join(FIGURES)}.")
        try:
            FIGURES[name].function()(settings, output / name)
        except NothingToShowError as reason:
            _say_why(FIGURES[name], str(reason), output)
        except UserError:
            raise
        except Exception as error:  # odd data must not take the whole report down
            traceback.print_exc()
            told = f"{type(error).__name__}: {error}".strip(": ")
            _say_why(FIGURES[name], f"This figure could not be drawn. {told} (The log of its job says more.)", output)


def _say_why(figure: Figure, text: str, output: Path) -> None:
    """Put a sentence in the place of a figure."""
    print(f"{figure.name}: {text}")
    style.save(style.notice(text), output / figure.name)
    if figure.caption is None:
        captions.write(output / figure.name, text)
