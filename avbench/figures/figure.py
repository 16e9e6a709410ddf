"""What the workflow knows of a figure without drawing it."""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHARTS = "avbench.figures.charts"
CAPTIONS = Path(__file__).parent / "charts"

Facts = Any
"""An :class:`avbench.plan.facts.Facts`, which stands above: what an experiment has, and where its files are."""
Settings = Mapping[str, Any]


def always(facts: Facts) -> bool:
    """Say that every experiment has the figure."""
    return True


@dataclass(frozen=True)
class Figure:
    """A figure of the report.

    Attributes:
        name: of its files, without the suffix.
        category: where it stands in the report; a job draws all figures of a category.
        title: what the report calls it.
        settings: what the chart is told, as JSON can hold it.
        files: what it is drawn from, besides subsets and datasets.
        needs: whether an experiment has it; only then is it asked for settings and files.
        chart: ``module:function`` that draws it, of settings and a path without suffix; by default ``draw_{name}`` of
            the module of its name in :mod:`avbench.figures.charts`.
    """

    name: str
    category: str
    title: str
    settings: Callable[[Facts], Settings]
    files: Callable[[Facts], list[str]]
    needs: Callable[[Facts], bool] = always
    chart: str = ""

    @property
    def label(self) -> str:
        """How the report lists it."""
        return self.title

    @property
    def caption(self) -> Path | None:
        """The file of its caption, reStructuredText that Snakemake renders with Jinja; None if the chart writes it."""
        path = CAPTIONS / f"{self.name}.rst"
        return path if path.exists() else None

    @property
    def kinds(self) -> list[str]:
        """The suffixes of what the chart writes: the picture and, where it says what is seen, the caption."""
        return ["png", "pdf"] if self.caption else ["png", "pdf", "rst"]

    def function(self) -> Callable[[Settings, Path], None]:
        """Return what draws it."""
        return pkgutil.resolve_name(self.chart or f"{CHARTS}.{self.name}:draw_{self.name}")
