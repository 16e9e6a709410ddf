"""A static leaderboard of several studies: which methods lead, and which cannot be told apart from those."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from avbench.audit.records import MERGED
from avbench.config.budgets import ALL_BUDGETS
from avbench.core.errors import UserError
from avbench.core.files import read_json, write_csv
from avbench.figures.registry import OF_MEDIA
from avbench.pages.leaderboard import make_leaderboard
from avbench.pages.page import make_page
from avbench.plan import paths
from avbench.plan.jobs import Plan
from avbench.plan.report import Report
from avbench.provenance import record as provenance
from avbench.results.crossed import components
from avbench.results.estimates import moderated
from avbench.results.multiplicity import holm
from avbench.results.outcomes import Cell, Outcomes, contrast, summary
from avbench.results.stopping import LEVEL
from avbench.sharing.received import Received, project_file, receive, require_verified
from avbench.sharing.scored import Scored

COLUMNS = ["study", "task", "protocol", "modality", "subset", "budget", "method", "labels"]
COLUMNS += ["group", "seeds", "clips", "mean", "ci_low", "ci_high"]
TABLE = "leaderboard.csv"


def publish(given: Sequence[Path], output: Path) -> list[str]:
    """Write a site: ``index.html`` and ``leaderboard.csv``, and a folder per study with its page and tables.

    Pictures of clips stay out: they may be under a licence of their own.

    Args:
        given: experiments' folders or crates.
        output: a folder that does not exist yet. It appears whole or not at all.

    Returns:
        The studies' names in the site.

    Raises:
        UserError: results are not as they were made, or something is in the way.
    """
    if output.exists():
        raise UserError(f"{output} exists already. Give another folder, or delete it.")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as folder:
        site = Path(folder, "site")
        rows: list[pd.DataFrame] = []
        studies: list[dict[str, Any]] = []
        for number, path in enumerate(given):
            received = receive(path, Path(folder, f"received-{number}"))
            require_verified(received)
            name = _free(received.results.name, [study["name"] for study in studies])
            _write_study(received, site / name)
            table = grouped(Scored(name, received))
            rows.append(table)
            studies.append(_about(name, received))
        whole = pd.concat(rows, ignore_index=True)
        write_csv(site / TABLE, whole)
        make_leaderboard(whole, studies, site / "index.html")
        site.rename(output)
    return [study["name"] for study in studies]


def _free(name: str, taken: Sequence[str]) -> str:
    """Return a name that is not taken yet."""
    numbered = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(other for other in numbered if other not in taken)


def _write_study(received: Received, folder: Path) -> None:
    """Write a study's page with all that it links to."""
    results = received.results
    shutil.copytree(results / "tables", folder / "tables")
    shutil.copy2(paths.below(results, paths.CONFIG), folder)
    plan = Plan(received.config, provenance.SOURCE)
    told = Report(plan).page_plan()
    figures = {}
    for name, title in told["figures"].items():
        held = [results / "figures" / f"{name}.{kind}" for kind in ("png", "pdf")]
        if name not in OF_MEDIA and all(path.is_file() for path in held):
            (folder / "figures").mkdir(exist_ok=True)
            for path in held:
                shutil.copy2(path, folder / "figures")
            figures[name] = title
    merged = paths.below(results, paths.RESULTS + "/" + MERGED)
    said = read_json(merged)["said"] if merged.is_file() else []
    if said:
        shutil.copy2(merged, folder)
    told |= {"claims": str(project_file(received.config["claims"], [received])), "figures": figures, "merged": said}
    record = paths.below(results, paths.fill(paths.TABLE_RECORD, table="tables"))
    make_page(told | {"media": None, "report": ""}, results / "tables", record, folder / "index.html")


def _about(name: str, received: Received) -> dict[str, Any]:
    made = received.made["provenance"]
    seeds = received.config["seeds"]
    return {
        "name": name,
        "dataset": received.config["pretraining"]["dataset"],
        "seeds": f"{len(seeds)}" if isinstance(seeds, list) else f"{seeds['first']} to {seeds['most']}",
        "avbench": made["avbench"],
        "commit": (made["commit"] or "not known")[:12],
        "ended": made["ended"][:10],
    }


# -------------------------------------------------------------------------------------------------------------- groups


def grouped(scored: Scored) -> pd.DataFrame:
    """Return the mean accuracies at the longest budget with the group of each, methods with their own labels.

    Group 1 holds the best method and those that are not told apart from it: the paired difference over the same seeds
    and test clips has an adjusted p (Holm, over the methods that are compared with it) of 0.05 or more. Group 2 is made
    likewise of what is left, and so on. With one seed, the interval over clips decides.

    Returns:
        ``COLUMNS``; means and bounds as shares, sorted by task, protocol, modality and subset as in the tables, then
        by group and falling mean.
    """
    experiment = scored.experiment
    own = experiment.own_labels()
    budgets = (experiment.longest, ALL_BUDGETS)
    shown = {
        cell: outcome
        for cell, outcome in scored.outcomes.items()
        if cell[6] in budgets and own.get(cell[0], cell[5]) == cell[5]
    }
    means = {tuple(row[:7]): row[7:] for row in summary(scored.outcomes).itertuples(index=False, name=None)}
    places: dict[Cell, list[Cell]] = {}
    for cell in shown:
        places.setdefault(cell[1:5], []).append(cell)
    rows = []
    for place, cells in places.items():
        for group, members in enumerate(_groups({cell: shown[cell] for cell in cells}), 1):
            rows += [
                (scored.name, *place, experiment.longest, cell[0], cell[5], group, *means[cell]) for cell in members
            ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _groups(cells: Mapping[Cell, Outcomes]) -> Iterator[list[Cell]]:
    """Yield groups of cells that are not told apart from the first of each, by falling mean."""
    left = sorted(cells, key=lambda cell: -cells[cell].correct.mean())
    while left:
        leader, *others = left
        behind = _told_apart(cells[leader], [cells[cell] for cell in others])
        yield [leader, *(cell for cell, apart in zip(others, behind, strict=True) if not apart)]
        left = [cell for cell, apart in zip(others, behind, strict=True) if apart]


def _told_apart(leader: Outcomes, others: Sequence[Outcomes]) -> list[bool]:
    """Say of each cell whether it is worse than the leader for certain."""
    common = [bool({*leader.seeds} & {*other.seeds}) for other in others]
    pairs = [other for other, shared in zip(others, common, strict=True) if shared]
    found = moderated([components({"": contrast([(leader, 1), (other, -1)])}, weight=2) for other in pairs])
    adjusted = holm([one.p for one in found])
    # Which is the best by all seeds may be the worse by those in common.
    decided = [
        bool(one.low > 0) if one.p != one.p else bool(p < LEVEL and one.mean > 0)
        for one, p in zip(found, adjusted, strict=True)
    ]
    told = iter(decided)
    return [next(told) if shared else False for shared in common]
