"""The figures of an experiment, in the order of the facts.

A further figure is an entry here and a chart: ``charts/{name}.py`` with a function ``draw_{name}``, and ``{name}.rst``
beside it, the caption, unless the chart writes one of what is seen. Rules are made of the entries, too: charts are
found when a figure is drawn, since planning imports the standard library only.
"""

from collections.abc import Callable, Mapping
from typing import Any

from avbench.figures.figure import CHARTS, Facts, Figure


def tables(*names: str) -> Callable[[Facts], list[str]]:
    """Say that a figure is drawn from tables."""
    return lambda facts: list(facts.tables(*names).values())


def leaves(tree: Any) -> list[str]:
    """Return the files in nested mappings and lists."""
    if isinstance(tree, str):
        return [tree]
    return [path for branch in (tree.values() if isinstance(tree, Mapping) else tree) for path in leaves(branch)]


def training(facts: Facts) -> list[str]:
    """Say that a figure is drawn from how pretraining went, of the longest budget."""
    return facts.longest_records


OF_MEDIA = ("pairs", "samples")
"""Figures that show frames of clips, which may be under a licence of their own."""

_RESULTS = (
    Figure(
        "accuracy",
        "Results",
        "Accuracy by size",
        settings=lambda facts: facts.common | facts.tables("summary"),
        files=tables("summary"),
        chart=f"{CHARTS}.accuracy_by_size:draw_accuracy",
    ),
    Figure(
        "gains",
        "Results",
        "Gain over random pairs",
        settings=lambda facts: facts.common | facts.tables("comparisons"),
        files=tables("comparisons"),
    ),
    Figure(
        "claims",
        "Results",
        "Claims of the paper, and ours",
        settings=lambda facts: facts.tables("claims"),
        files=tables("claims"),
    ),
    Figure(
        "budgets",
        "Results",
        "Accuracy by budget",
        settings=lambda facts: (
            facts.common | facts.tables("summary", "runs") | {"budgets_table": facts.tables("budgets")["budgets"]}
        ),
        files=tables("summary", "runs", "budgets"),
        needs=lambda facts: len(facts.plan.budgets) > 1,
    ),
    Figure(
        "neighbours",
        "Results",
        "Nearest neighbours and retrieval",
        settings=lambda facts: facts.common | facts.tables("summary"),
        files=tables("summary"),
        needs=lambda facts: facts.compares_features,
        chart=f"{CHARTS}.accuracy_by_size:draw_neighbours",
    ),
    Figure(
        "balance",
        "Results",
        "Accuracy by balance",
        settings=lambda facts: facts.common | facts.tables("summary") | {"balance": facts.balance},
        files=tables("summary"),
        needs=lambda facts: facts.varies_balance,
        chart=f"{CHARTS}.accuracy_by_balance:draw_balance",
    ),
    Figure(
        "power",
        "Results",
        "What deciding each claim would take",
        settings=lambda facts: facts.tables("power"),
        files=tables("power"),
    ),
    Figure(
        "paper",
        "Results",
        "Published and measured accuracy",
        settings=lambda facts: facts.tables("paper"),
        files=tables("paper"),
        needs=lambda facts: facts.has_published_tasks,
    ),
    Figure(
        "confusion",
        "Results",
        "What is taken for what",
        settings=lambda facts: facts.by_sound | {"method": [facts.shown, facts.at_ends[facts.shown]]},
        files=lambda facts: leaves(facts.at_ends[facts.shown]),
        needs=lambda facts: facts.classified and facts.shown in facts.run_at_ends,
    ),
    Figure(
        "class_gains",
        "Results",
        "Gain of each class",
        settings=lambda facts: (
            facts.by_sound
            | {
                "method": [facts.shown, facts.at_ends[facts.shown]],
                "baseline": [facts.baseline, facts.at_ends[facts.baseline]],
            }
        ),
        files=lambda facts: leaves(facts.at_ends),
        needs=lambda facts: facts.classified and len(facts.run_at_ends) == 2,
    ),
    Figure(
        "embedding_map",
        "Results",
        "Test clips on a map",
        settings=lambda facts: {"task": facts.classified, "modality": "audio", "embeddings": facts.embeddings},
        files=lambda facts: leaves(facts.embeddings),
        needs=lambda facts: facts.classified,
    ),
)

_TRAINING = (
    Figure(
        "losses",
        "Training",
        "Training loss and batch accuracy",
        settings=lambda facts: facts.common | {"runs": facts.longest_records},
        files=training,
        chart=f"{CHARTS}.training_loss:draw_losses",
    ),
    Figure(
        "tuning",
        "Training",
        "What each method was tuned over",
        settings=lambda facts: facts.common | facts.tables("tuning"),
        files=tables("tuning"),
        needs=lambda facts: facts.plan.trials,
    ),
    Figure(
        "timing",
        "Training",
        "Where the time went",
        settings=lambda facts: {"benchmarks": facts.benchmarks},
        files=tables("accuracy"),
    ),
    Figure(
        "published_losses",
        "Training",
        "Training loss and the published one",
        settings=lambda facts: {
            "subsets": facts.subsets,
            "runs": facts.longest_records,
            "losses": facts.published_losses,
            "same_dataset": facts.plan.dataset == "vggsound",
        },
        files=lambda facts: [facts.published_losses, *facts.longest_records],
        needs=lambda facts: facts.has_presets,
    ),
    Figure(
        "dynamics",
        "Training",
        "Embeddings along training",
        settings=lambda facts: facts.common | facts.tables("dynamics"),
        files=tables("dynamics"),
        needs=lambda facts: facts.follows_training,
    ),
)

_DATA = (
    Figure(
        "pairs",
        "Data",
        "What each method pairs",
        settings=lambda facts: facts.pairs,
        files=lambda facts: [method["labels"] for method in facts.pairs["methods"].values() if method["labels"]],
        needs=lambda facts: facts.plan.has_media(facts.plan.dataset),
    ),
    Figure(
        "samples",
        "Data",
        "Stored samples",
        settings=lambda facts: facts.samples,
        files=lambda facts: [],
        needs=lambda facts: facts.plan.has_media(facts.plan.dataset),
    ),
    Figure(
        "coverage",
        "Data",
        "Clips stored and lost",
        settings=lambda facts: (
            facts.common
            | {
                "datasets": list(facts.plan.datasets),
                "pretraining": facts.plan.dataset,
                "published": facts.plan.published(),
            }
        ),
        files=tables("coverage"),
    ),
)

_ROBUSTNESS = (
    Figure(
        "noise",
        "Robustness",
        "Accuracy against label noise",
        settings=lambda facts: facts.common | facts.tables("robustness", "break_even", "summary"),
        files=tables("robustness", "break_even", "summary"),
        needs=lambda facts: facts.noisy and facts.has_baseline,
    ),
    Figure(
        "mismatched_pairs",
        "Robustness",
        "Accuracy against pairs that do not match",
        settings=lambda facts: facts.common | facts.tables("robustness", "break_even", "summary"),
        files=tables("robustness", "break_even", "summary"),
        needs=lambda facts: facts.mismatched and facts.has_baseline,
    ),
    Figure(
        "noise_by_imbalance",
        "Robustness",
        "Gain by label noise and imbalance",
        settings=lambda facts: facts.common | facts.shown_task | facts.tables("robustness"),
        files=tables("robustness"),
        needs=lambda facts: facts.noisy and facts.unequal and facts.in_domain and facts.has_baseline,
    ),
    Figure(
        "class_size",
        "Robustness",
        "Gain of each class by its size",
        settings=lambda facts: (
            facts.common
            | facts.shown_of(facts.classified)
            | {
                "methods": {facts.shown: facts.on_unequal[facts.shown]},
                "baseline": [facts.baseline, facts.on_unequal[facts.baseline]],
            }
        ),
        files=lambda facts: leaves(facts.on_unequal),
        needs=lambda facts: facts.classified and len(facts.run_on_unequal) == 2,
    ),
    Figure(
        "combinations",
        "Robustness",
        "Gain of every combination",
        settings=lambda facts: (
            facts.common
            | {"task": facts.in_domain}
            | facts.tables("comparisons")
            | {"methods": facts.methods, "label_variants": facts.label_variants}
        ),
        files=tables("comparisons"),
        needs=lambda facts: facts.in_domain and facts.has_rivals,
    ),
    Figure(
        "sampling",
        "Robustness",
        "What is paired, and the gain",
        settings=lambda facts: (
            facts.common
            | facts.shown_task
            | facts.tables("sampling", "comparisons")
            | {"label_variants": facts.label_variants}
        ),
        files=tables("sampling", "comparisons"),
        needs=lambda facts: facts.in_domain and facts.has_rivals,
    ),
    Figure(
        "geometry",
        "Robustness",
        "How embeddings lie",
        settings=lambda facts: facts.common | {"task": facts.in_domain} | facts.tables("geometry"),
        files=tables("geometry"),
        needs=lambda facts: facts.in_domain and facts.seen_and_heard,
    ),
)

FIGURES = {figure.name: figure for figure in (*_RESULTS, *_TRAINING, *_DATA, *_ROBUSTNESS)}
