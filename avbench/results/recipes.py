"""How each table is made that is made together with others: a function a table, by its name in the catalogue."""

import pandas as pd

from avbench.evaluation.scores import CELL
from avbench.results import (
    budget_gains,
    claim_power,
    collect,
    outcomes,
    pair_counts,
    published,
    published_claims,
    published_text,
    verdicts,
)
from avbench.results import dynamics as along_training
from avbench.results import robustness as noisy
from avbench.results import tuning as tuned
from avbench.results.material import Material


def accuracy(material: Material) -> pd.DataFrame:
    """Return every score."""
    return collect.accuracy(material.plan.scores, material.orders, material.plan.own_labels)


def summary(material: Material) -> pd.DataFrame:
    """Return the mean and interval of every cell."""
    return outcomes.summary(material.outcomes)


def comparisons(material: Material) -> pd.DataFrame:
    """Return the difference of every cell to its baselines."""
    return outcomes.comparisons(material.outcomes)


def claims(material: Material) -> pd.DataFrame:
    """Return each claim's verdict over all budgets, its source, and what is published of it."""
    tested, order = verdicts.overall(material.judged), material.orders["subset"]
    return published_claims.beside(tested, material.judged.claims, material.published, material.plan.tasks, order)


def claims_by_budget(material: Material) -> pd.DataFrame:
    """Return each claim's verdict at each budget."""
    return verdicts.by_budget(material.judged)


def power(material: Material) -> pd.DataFrame:
    """Return what it would take to decide each claim."""
    return claim_power.table(material.judged)


def budgets(material: Material) -> pd.DataFrame:
    """Return what each method gains by longer training."""
    return budget_gains.table(material.outcomes, material.plan.budgets)


def paper(material: Material) -> pd.DataFrame:
    """Return published and measured accuracies side by side, of the largest subset and the longest budget."""
    plan, largest = material.plan, material.orders["subset"][-1]
    summary, longest = material.table("summary"), plan.budgets[-1]
    return published.beside(summary, material.published, plan.tasks, largest, longest, plan.own_labels)


def paper_markdown(material: Material) -> str:
    """Return published and measured accuracies as Markdown."""
    return published_text.markdown(material.table("paper"), material.published)


def paper_latex(material: Material) -> str:
    """Return published and measured accuracies as a table for LaTeX."""
    return published_text.latex(material.table("paper"), material.published)


def tuning(material: Material) -> pd.DataFrame:
    """Return the trials of every method, and what was chosen."""
    return material.arranged(tuned.table(material.plan.tuning))


def runs(material: Material) -> pd.DataFrame:
    """Return how each pretraining run ended."""
    return collect.runs(material.plan.runs, material.orders, material.plan.own_labels)


def metrics(material: Material) -> pd.DataFrame:
    """Return further measures of every score, in the order of the scores."""
    return material.table("accuracy")[[*CELL, "seed"]].merge(material.measured)


def geometry(material: Material) -> pd.DataFrame:
    """Return how the embeddings of each run's test clips lie."""
    return material.arranged(collect.geometry(material.plan.geometry), ["task"])


def sampling(material: Material) -> pd.DataFrame:
    """Return what each run paired."""
    plan = material.plan
    return material.arranged(
        pair_counts.table(plan.sampling, plan.subset_files, plan.batch_size, plan.batch_order, plan.lengths)
    )


def dynamics(material: Material) -> pd.DataFrame:
    """Return how the embeddings of dynamics clips changed in each run."""
    plan = material.plan
    return material.arranged(along_training.table(plan.dynamics, plan.data, plan.dataset), ["epoch"])


def robustness(material: Material) -> pd.DataFrame:
    """Return accuracies and gains by the noise that pairing saw."""
    return noisy.table(material.table("summary"), material.table("comparisons"), material.noise, material.sizes)


def break_even(material: Material) -> pd.DataFrame:
    """Return the rate of noise at which each gain is gone."""
    return noisy.break_even(material.outcomes, material.noise, material.sizes)
