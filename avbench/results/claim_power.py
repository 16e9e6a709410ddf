"""What it would take to decide each claim of an experiment, or of one that is still to be run."""

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from avbench.config.budgets import DEFAULT
from avbench.core.errors import UserError
from avbench.core.files import read_json
from avbench.results import tables
from avbench.results.claims import Claim, read_claims
from avbench.results.estimates import PRIOR_FREEDOM
from avbench.results.power import MOST_SEEDS, POWER, Spread, clips_needed, power, seeds_needed
from avbench.results.stopping import LEVEL
from avbench.results.verdicts import Judged

EFFECT = 0.02
"""The effect that is asked for unless another is: two points."""
LASTING = 1 / 3
"""Of the clips on which two runs differ, so many are taken to differ for every seed where nothing was measured."""
_SPREAD = ("seed_sd", "clip_sd", "rest_sd", "prior")
_FOUND = ("effect", "power", "seeds_needed", "clips_needed")
COLUMNS = ("claim", "text", "budget", "decided", "seeds", "clips", *_SPREAD, *_FOUND)


def table(judged: Judged, effect: float = EFFECT) -> pd.DataFrame:
    """Return what it would take to decide each tested claim, ``COLUMNS``, at each of its budgets.

    Args:
        judged: of :func:`avbench.results.verdicts.judge`.
        effect: the true effect that is supposed, a share.

    Returns:
        ``seed_sd``, ``clip_sd`` and ``rest_sd`` as in :class:`avbench.results.power.Spread`, and the rest of
        :func:`asked`. A claim that had a single seed is left out: nothing is known of its seeds.
    """
    rows = []
    for claim in judged.claims:
        for budget in judged.budgets[claim.id]:
            course = judged.courses.get((claim.id, budget))
            if course is None or course.estimate.seeds < 2 or math.isnan(course.estimate.variance):
                continue
            family = sum(place[1] == budget for place in judged.courses)
            spread = Spread.of(course.estimate, min(PRIOR_FREEDOM, family - 1))
            known = (spread.seed, spread.clip, spread.rest, spread.prior)
            counted = (course.p_holm < LEVEL, course.estimate.seeds, course.estimate.clips)
            rows.append((claim.id, claim.text, budget, *counted, *known, *[math.nan] * len(_FOUND)))
    return asked(pd.DataFrame(rows, columns=[*COLUMNS]), effect)


def asked(spreads: pd.DataFrame, effect: float, wanted: float = POWER) -> pd.DataFrame:
    """Ask the same of another effect, or of another power.

    Args:
        spreads: ``COLUMNS``, of which the last four are made anew.
        effect: the true effect that is supposed, a share.
        wanted: the power.

    Returns:
        ``power``: the probability that the claim is decided with the seeds and clips it has. ``seeds_needed``: the
        fewest seeds on these clips that decide it as often as is wanted, NaN if 1,000 do not; ``clips_needed``: the
        fewest clips with these seeds, NaN if ten million do not. Each at the level that Holm's procedure leaves to the
        claims of the budget that are not decided.
    """
    found = []
    undecided = spreads.groupby("budget")["decided"].transform(lambda known: max(int((~known.astype(bool)).sum()), 1))
    for row, count in zip(spreads.to_dict("records"), undecided, strict=True):
        spread, level = Spread(row["seed_sd"], row["clip_sd"], row["rest_sd"], row["prior"]), LEVEL / count
        seeds, clips = int(row["seeds"]), int(row["clips"])
        needed = seeds_needed(spread, clips, effect, level, wanted), clips_needed(spread, seeds, effect, level, wanted)
        numbers = (math.nan if number is None else number for number in needed)
        found.append((effect, power(spread, seeds, clips, effect, level), *numbers))
    return spreads.assign(**{name: [row[place] for row in found] for place, name in enumerate(_FOUND)})


def assumed(seed_sd: float, clips: int | None, seeds: int, claims: int, differ: float) -> pd.DataFrame:
    """Return ``COLUMNS`` of differences of two methods in an experiment that has not been run, for :func:`asked`.

    Args:
        seed_sd: deviation between the seeds of one method, in points.
        clips: test clips.
        seeds: how many there would be.
        claims: how many are tested together.
        differ: the share of test clips, in %, on which runs of two methods differ in being right. A third of it
            (``LASTING``) is taken to be the same for all seeds.

    Raises:
        UserError: a number is missing or not allowed.
    """
    lowest = {"--seed-sd": (seed_sd, 0), "--clips": (clips, 2), "--seeds": (seeds, 2), "--claims": (claims, 1)}
    for name, (value, least) in lowest.items():
        if value is None or value < least:
            given = "missing" if value is None else f"{value:g}, which is not allowed"
            raise UserError(f"{name}: it is {given}; give a number of at least {least}.")
    if not 0 < differ <= 100:
        raise UserError(f"--differ: {differ:g} is not allowed; it must be above 0 and at most 100 %.")
    share, prior = differ / 100, min(PRIOR_FREEDOM, claims - 1)
    spread = (math.sqrt(2) * seed_sd / 100, math.sqrt(LASTING * share), math.sqrt((1 - LASTING) * share), prior)
    row = ("assumed", "a difference of two methods", DEFAULT, False, seeds, clips, *spread, *[math.nan] * len(_FOUND))
    return pd.DataFrame([row] * claims, columns=[*COLUMNS])


def measured(results: Path) -> tuple[pd.DataFrame, dict[tuple[str, str], float]]:
    """Return the power table of an experiment, and :func:`hours_per_seed` by its runs so far.

    No hours are known of a crate or a merged study, which have no plan.

    Args:
        results: its folder.

    Raises:
        UserError: a table or a record is missing or damaged.
    """
    spreads = tables.read(results / "tables" / "power.csv")
    if not (results / "plan" / "tables.json").is_file():
        return spreads, {}
    plan, folder = read_json(results / "plan" / "tables.json"), results.absolute().parents[1]
    runs = [read_json(folder / path) for path in plan["runs"]]  # that the workflow named from its working folder
    stated = read_claims(folder / plan["claims"])
    return spreads, hours_per_seed(stated, runs, list(plan["subset_files"]), plan["own_labels"])


def hours_per_seed(
    stated: Sequence[Claim],
    runs: Iterable[Mapping[str, Any]],
    subset_order: Sequence[str],
    own_labels: Mapping[str, str],
) -> dict[tuple[str, str], float]:
    """Return the hours that pretraining a further seed of all of a claim's methods takes, by claim and budget.

    Args:
        stated: the claims.
        runs: records of pretraining runs: method, subset, labels, budget, and ``speed`` with ``seconds``.
        subset_order: the subsets' names, smallest first.
        own_labels: of each method.

    Returns:
        The sum over the claim's runs of their mean over seeds; what is not pretrained takes nothing.
    """
    seconds: dict[tuple[str, ...], list[float]] = {}
    for run in runs:
        place = (run["method"], run["subset"], run["labels"], run["budget"])
        seconds.setdefault(place, []).append(run["speed"]["seconds"])
    places = {"smallest": subset_order[0], "largest": subset_order[-1]}
    found = {}
    for claim in stated:
        terms = [(term.method, places.get(term.subset, term.subset), term.labels) for term in claim.terms]
        named = {(method, subset, labels or own_labels.get(method, "none")) for method, subset, labels in terms}
        for budget in {place[3] for place in seconds}:
            taken = (seconds.get((*place, budget), [0.0]) for place in named)
            found[claim.id, budget] = sum(sum(each) / len(each) for each in taken) / 3600
    return found


def format_power(found: pd.DataFrame, hours: Mapping[tuple[str, str], float], wanted: float = POWER) -> str:
    """Return a table of what undecided claims would take, as plain text at most 100 columns wide.

    Args:
        found: of :func:`asked`.
        hours: for each claim and budget, the hours of training that a seed takes; unknown ones are left out.
        wanted: the power that was asked for.
    """
    if found.empty:
        return "No claim was tested with two seeds or more: nothing is known of what deciding one would take.\n"
    effect = 100 * found["effect"].iloc[0]
    open_ones = found[~found["decided"].astype(bool)]
    shown = open_ones.drop_duplicates(["claim", "budget"])  # of assumed claims, one stands for all
    lines = [f"To decide an effect of {effect:g} points in {100 * wanted:.0f} % of experiments, undecided claims need"]
    lines.append(f"{'seeds':>7} {'or clips':>9} {'hours':>7} {'power now':>10}  claim")
    for row in shown.itertuples():
        seeds = f"{row.seeds_needed:.0f}" if row.seeds_needed == row.seeds_needed else f">{MOST_SEEDS}"
        clips = f"{row.clips_needed:,.0f}" if row.clips_needed == row.clips_needed else "–"
        each, more = hours.get((row.claim, row.budget)), row.seeds_needed - row.seeds
        time = f"{max(more, 0) * each:.1f}" if each is not None and more == more else "–"
        lead = f"{seeds:>7} {clips:>9} {time:>7} {100 * row.power:>8.0f} %  "
        text = row.text if row.budget == "default" else f"{row.text} ({row.budget})"
        lines.append(textwrap.fill(text, 100, initial_indent=lead, subsequent_indent=" " * len(lead)))
    note = (
        f"{len(found) - len(open_ones)} of {len(found)} are decided. Seeds are those needed in all, on the same test "
        "clips; clips those with the same seeds; hours the training of further seeds, by the times of the runs so far."
    )
    return "\n".join([*lines, textwrap.fill(note, 100)]) + "\n"
