"""The tables of an experiment, in the order of the report.

A further table is an entry here, a function of its name in :mod:`avbench.results.recipes`, and a caption,
``captions/{name}.rst``. Rules are made of the entries, too: functions are found when a table is made, since planning
imports the standard library only.
"""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CAPTIONS = Path(__file__).parent / "captions"
TOGETHER = "tables"  # the rule that makes most tables in one job


@dataclass(frozen=True)
class Table:
    """A table of the report.

    Attributes:
        name: of its file, without the suffix.
        category: where it stands in the report.
        title: what the report calls it.
        needs: which files it is made of: parts of :class:`avbench.results.material.TablesPlan`, or inputs of its own
            rule.
        columns: ``module:name`` of the names of its columns.
        make: ``module:function``, of :class:`avbench.results.material.Material` unless a rule of its own makes it; by
            default the function of its name in :mod:`avbench.results.recipes`.
        texts: suffix → ``module:function`` of the material, for what is written of it beside the CSV file.
        rule: that makes it.
    """

    name: str
    category: str
    title: str
    needs: tuple[str, ...]
    columns: str
    make: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    rule: str = TOGETHER

    @property
    def label(self) -> str:
        """How the report lists it, among figures."""
        return f"{self.title} (table)"

    @property
    def caption(self) -> Path:
        """The file of its caption: reStructuredText, which Snakemake renders with Jinja."""
        return CAPTIONS / f"{self.name}.rst"

    @property
    def files(self) -> list[str]:
        """The names of its files."""
        return [f"{self.name}.{suffix}" for suffix in ("csv", *self.texts)]

    def function(self) -> Any:
        """Return what makes it."""
        return pkgutil.resolve_name(self.make or f"avbench.results.recipes:{self.name}")

    def column_names(self) -> list[str]:
        """Return the names of its columns."""
        return list(pkgutil.resolve_name(self.columns))

    def written(self, material: Any) -> dict[str, str]:
        """Return what is written of it, by the names of the files."""
        texts = {suffix: pkgutil.resolve_name(function)(material) for suffix, function in self.texts.items()}
        return {f"{self.name}.{suffix}": text for suffix, text in texts.items()}


_PAPER = {"md": "avbench.results.recipes:paper_markdown", "tex": "avbench.results.recipes:paper_latex"}
_OF_LEAKS = ("subsets", "ledgers", "manifests", "duplicates")
_CLASSES = ("scores", "subset_files")

_ENTRIES = (
    Table("accuracy", "Results", "Every score", ("scores",), "avbench.evaluation.scores:ACCURACY_COLUMNS"),
    Table(
        "summary",
        "Results",
        "Mean and interval over seeds and clips",
        ("scores",),
        "avbench.results.tables:SUMMARY_COLUMNS",
    ),
    Table(
        "comparisons",
        "Results",
        "Differences to random pairs",
        ("scores",),
        "avbench.results.tables:COMPARISON_COLUMNS",
    ),
    Table(
        "claims",
        "Results",
        "The claims' verdicts",
        ("scores", "claims", "published"),
        "avbench.results.published_claims:COLUMNS",
    ),
    Table(
        "claims_by_budget",
        "Results",
        "The claims' verdicts at each budget",
        ("scores", "claims"),
        "avbench.results.verdicts:BUDGET_COLUMNS",
    ),
    Table(
        "power",
        "Results",
        "What deciding each claim would take",
        ("scores", "claims"),
        "avbench.results.claim_power:COLUMNS",
    ),
    Table(
        "paper",
        "Results",
        "Published and measured, side by side",
        ("scores", "published"),
        "avbench.results.published:COLUMNS",
        texts=_PAPER,
    ),
    Table("budgets", "Training", "What longer training brings", ("scores",), "avbench.results.budget_gains:COLUMNS"),
    Table("tuning", "Training", "What each method was tuned over", ("tuning",), "avbench.results.tuning:COLUMNS"),
    Table("runs", "Training", "How each run ended", ("runs",), "avbench.results.collect:RUN_COLUMNS"),
    Table(
        "coverage",
        "Data",
        "What became of every clip",
        ("ledgers",),
        columns="avbench.data.coverage:COLUMNS",
        make="avbench.data.coverage:table",
        rule="coverage_table",
    ),
    Table(
        "leaks",
        "Data",
        "Test clips in pretraining subsets",
        _OF_LEAKS,
        columns="avbench.data.leaks:COLUMNS",
        make="avbench.data.leaks:audit",
        rule="leaks",
    ),
    Table(
        "metrics",
        "Results",
        "Accuracy by balance, rank and class size",
        _CLASSES,
        "avbench.results.material:METRICS_COLUMNS",
    ),
    Table(
        "geometry",
        "Results",
        "Geometry of the embeddings",
        ("geometry",),
        "avbench.evaluation.geometry:GEOMETRY_COLUMNS",
    ),
    Table(
        "sampling",
        "Data",
        "What was paired with what",
        ("sampling", "subset_files"),
        "avbench.results.pair_counts:COLUMNS",
    ),
    Table("dynamics", "Training", "Embeddings along training", ("dynamics",), "avbench.results.dynamics:COLUMNS"),
    Table(
        "robustness",
        "Robustness",
        "Gain over random pairs by noise and balance",
        _CLASSES,
        "avbench.results.robustness:COLUMNS",
    ),
    Table(
        "break_even",
        "Robustness",
        "Noise at which the gain is gone",
        _CLASSES,
        "avbench.results.robustness:BREAK_EVEN_COLUMNS",
    ),
)

TABLES = {table.name: table for table in _ENTRIES}


def of_rule(rule: str) -> list[Table]:
    """Return the tables that a rule makes."""
    return [table for table in TABLES.values() if table.rule == rule]
