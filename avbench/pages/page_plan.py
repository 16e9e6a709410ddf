"""What the workflow tells the page beside the tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PagePlan:
    """What the page says beside the tables. Where the order of a mapping's keys matters, it is that of the config.

    Attributes:
        experiment: its name.
        dataset: that is pretrained on.
        seeds: of every run, or how they are chosen.
        tasks: each task's role.
        subsets: their names, smallest first.
        budgets: their names, shortest first.
        own_labels: of each method.
        methods: the fields of each.
        label_variants: kind, noise and rate of each.
        claims: the file of the claims.
        figures: the titles of the figures, by name.
        tables: the titles of the tables, by name.
        media: what examples of pairs are read by, :attr:`avbench.plan.facts.Facts.pairs`; none where no clips may be in
            the page.
        report: Snakemake's report beside the page; empty for none.
        merged: what is to be said of the parts that the study was merged from; none where it is of one run.
    """

    experiment: str
    dataset: str
    seeds: Any
    tasks: Mapping[str, str]
    subsets: tuple[str, ...]
    budgets: tuple[str, ...]
    own_labels: Mapping[str, str]
    methods: Mapping[str, Mapping[str, Any]]
    label_variants: Mapping[str, Mapping[str, Any]]
    claims: str
    figures: Mapping[str, str]
    tables: Mapping[str, str]
    media: Mapping[str, Any] | None = None
    report: str = "report.html"
    merged: tuple[str, ...] = ()
