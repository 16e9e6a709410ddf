"""Experiments side by side: differences of accuracy on the clips that all have, and what differs in their settings."""

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from avbench.core.errors import UserError
from avbench.evaluation.scores import CELL
from avbench.results import tables
from avbench.results.console import p_text
from avbench.results.crossed import components
from avbench.results.estimates import moderated_by_family
from avbench.results.multiplicity import holm
from avbench.results.outcomes import Outcomes, contrast
from avbench.results.stopping import LEVEL
from avbench.sharing.received import receive
from avbench.sharing.scored import AMONG_OTHERS, Scored, named
from avbench.sharing.settings_differences import comparable, differences

COLUMNS = [*CELL, "reference", "other", "seeds", "clips", "reference_mean", "other_mean"]
COLUMNS += ["difference", "ci_low", "ci_high", "p", "p_holm"]
_MADE = ("avbench", "commit", "python", "processor", "gpus")


def compare(given: Sequence[Path]) -> dict[str, Any]:
    """Compare experiments with the first of them.

    Args:
        given: experiments' folders or crates.

    Returns:
        ``names``, the first of which is the reference, and ``given``, the paths; ``settings``: key and values of what
        differs; ``made``: the same of versions and machines; ``differences``: of :func:`differences_of`; ``claims``:
        claim, text, and the verdict of each; ``alone``: how many cells of each were not compared.

    Raises:
        UserError: there are no results, or they have nothing in common.
    """
    if len(given) < 2:
        raise UserError("give two results at least.")
    with tempfile.TemporaryDirectory(prefix="avbench-") as folder:
        received = [receive(path, Path(folder, str(number))) for number, path in enumerate(given)]
        scored = named(received)
        found = differences_of(scored)
        cells = [set(one.outcomes) for one in scored]
        compared = set(found[CELL].itertuples(index=False, name=None))
        if found.empty:
            raise UserError(
                "the results have no method, task, protocol, modality, subset, labels and budget in common with the "
                "same test clips. Cells are matched by their names."
            )
        made = [
            {name: str(value) for name, value in one.made["provenance"].items() if name in _MADE}
            | {f"packages.{name}": version for name, version in one.made["provenance"]["packages"].items()}
            for one in received
        ]
        configs = [
            {k: v for k, v in comparable(one.config).items() if k != "experiment"} | {"seeds": one.config["seeds"]}
            for one in received
        ]
        claims = [tables.read(one.results / "tables" / "claims.csv") for one in received]
        return {
            "names": [one.name for one in scored],
            "given": [str(path) for path in given],
            "settings": differences(configs),
            "made": [(key, tuple(value.strip('"') for value in values)) for key, values in differences(made)],
            "differences": found,
            "claims": _claims(claims),
            "alone": [len(own - compared) for own in cells],
        }


def differences_of(scored: Sequence[Scored]) -> pd.DataFrame:
    """Return how much better or worse each experiment is than the first, in every cell that both have.

    Clips are those that all experiments have. Of equal seeds, differences are taken seed by seed; experiments without
    a seed in common are drawn independently, and theirs are paired in their order. Variances of seeds are shrunk over
    all differences of a protocol, modality and budget; p values are two-sided, adjusted over all rows (Holm). With one
    seed there are none.

    Returns:
        ``COLUMNS``, means and differences as shares, in the order of the first experiment's tables.
    """
    rows: list[tuple[Any, ...]] = []
    parts = []
    first, *others = scored
    for cell, reference in first.outcomes.items():
        every = [one.outcomes[cell] for one in scored if cell in one.outcomes]
        shared = every[0].clips
        for outcome in every[1:]:
            shared = shared.intersection(outcome.clips, sort=False)
        changed = any(len(outcome.clips) != len(shared) for outcome in every)
        if not len(shared) or (changed and cell[2] in AMONG_OTHERS):
            continue
        for other in others:
            if cell in other.outcomes:
                pair = [_on(outcome, shared) for outcome in _paired(reference, other.outcomes[cell])]
                found = components({cell[1]: contrast([(pair[1], 1), (pair[0], -1)])}, weight=2)
                parts.append(((cell[2], cell[3], cell[6]), found))
                rows.append((*cell, first.name, other.name, *(float(one.correct.mean()) for one in pair)))
    made = []
    for row, estimate in zip(rows, moderated_by_family(parts), strict=True):
        *about, one, two = row
        low, high = max(estimate.low, -1.0), min(estimate.high, 1.0)
        numbers = (estimate.seeds, estimate.clips, one, two, estimate.mean, low, high, estimate.p, math.nan)
        made.append((*about, *numbers))
    table = pd.DataFrame(made, columns=COLUMNS)
    table["p_holm"] = holm(table["p"].to_numpy())
    return table


def _paired(one: Outcomes, other: Outcomes) -> tuple[Outcomes, Outcomes]:
    """Return two cells with the seeds that they have in common, or else as many of each, numbered in their order."""
    if common := sorted({*one.seeds} & {*other.seeds}):
        return _of_seeds(one, common, common), _of_seeds(other, common, common)
    count = min(len(one.seeds), len(other.seeds))
    numbers = list(range(count))
    return _of_seeds(one, one.seeds[:count], numbers), _of_seeds(other, other.seeds[:count], numbers)


def _of_seeds(outcome: Outcomes, seeds: Sequence[int], called: Sequence[int]) -> Outcomes:
    rows = [outcome.seeds.index(seed) for seed in seeds]
    return Outcomes(outcome.correct[rows], tuple(called), outcome.clips)


def _on(outcome: Outcomes, clips: pd.Index) -> Outcomes:
    places = outcome.clips.get_indexer(clips)
    return replace(outcome, correct=outcome.correct[:, places], clips=clips)


def _claims(read: Sequence[pd.DataFrame]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return claim, text and the verdict of each experiment, of the claims that any has tested."""
    by_claim = [table.set_index("claim") for table in read]
    known = {claim: str(row["text"]) for table in reversed(by_claim) for claim, row in table.iterrows()}
    found = []
    for claim, text in known.items():
        verdicts = tuple(_verdict(table, str(claim)) for table in by_claim)
        if set(verdicts) - {"not tested", "–"}:
            found.append((str(claim), text, verdicts))
    return found


def _verdict(table: pd.DataFrame, claim: str) -> str:
    """Return a verdict with its effect in points."""
    if claim not in table.index:
        return "–"
    row: Mapping[str, Any] = table.loc[claim]
    return str(row["verdict"]) + (f" ({100 * row['effect']:+.1f})" if row["effect"] == row["effect"] else "")


# ---------------------------------------------------------------------------------------------------------------- text

_SHOWN = 100


def format_comparison(found: Mapping[str, Any], every: bool = False) -> str:
    """Return a comparison as plain text.

    Args:
        found: of :func:`compare`.
        every: list all differences, also where there are very many.
    """
    return "\n".join(_lines(found, every)) + "\n"


def _lines(found: Mapping[str, Any], every: bool) -> Iterator[str]:
    names = found["names"]
    for name, path in zip(names, found["given"], strict=True):
        yield f"{name}: {path}"
    for title, key in (("Settings that differ", "settings"), ("Made otherwise", "made")):
        yield ""
        yield f"{title} ({' | '.join(names)}):" if found[key] else f"{title}: none."
        for name, values in found[key]:
            yield f"  {name}: {' | '.join(values)}"
    table = found["differences"]
    decided = table["p_holm"] < LEVEL
    yield ""
    yield (
        f"Differences in points, on the clips that all have: {int(decided.sum())} of {len(table)} decided (p < .05, "
        "adjusted for all)."
    )
    shown = table if every or len(table) <= _SHOWN else table[decided].head(_SHOWN)
    for (task, protocol, modality, other), part in shown.groupby(["task", "protocol", "modality", "other"], sort=False):
        yield ""
        yield f"{task}, {protocol}, {modality}: {other} − {names[0]}"
        for row in part.itertuples():
            cell = ", ".join([row.method, row.subset, row.labels, row.budget])
            bounds = f"[{100 * row.ci_low:.1f}, {100 * row.ci_high:.1f}]" if row.ci_low == row.ci_low else ""
            means = f"{100 * row.reference_mean:5.1f} → {100 * row.other_mean:5.1f}"
            yield f"  {100 * row.difference:+6.1f} {bounds:<16} {p_text(row.p_holm):<8} {means}  {cell}"
    if len(shown) < len(table):
        yield f"Only decided ones are listed, at most {_SHOWN}; --json has all."
    if found["claims"]:
        yield ""
        yield f"Verdicts ({' | '.join(names)}):"
        for claim, _, verdicts in found["claims"]:
            yield f"  {claim}: {' | '.join(verdicts)}"
    for name, count in zip(names, found["alone"], strict=True):
        if count:
            yield f"{name} has {count} cells that were not compared: they are in it alone, or of other clips."
