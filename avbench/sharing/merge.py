"""One study from the results of several machines or labs: verified, joined, and its tables made of all of them."""

import contextlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from avbench.audit.records import MERGED, PARTS
from avbench.config.tasks import read_tasks
from avbench.core.errors import UserError
from avbench.core.files import read_csv, write_csv, write_json
from avbench.core.hashing import file_digest
from avbench.data import coverage, ledger
from avbench.data.leaks import leaks
from avbench.pages.page import make_page
from avbench.plan import paths
from avbench.plan.jobs import Plan
from avbench.plan.report import Report
from avbench.provenance import record as provenance
from avbench.results.make import make_tables, sources
from avbench.sharing.common_clips import common_clips, score_again
from avbench.sharing.merged_data import merge_data
from avbench.sharing.merged_runs import merge_runs
from avbench.sharing.received import Received, project_file, receive, require_verified
from avbench.sharing.settings_differences import joined, smallest_first


def merge(given: Sequence[Path], output: Path) -> tuple[Path, list[str]]:
    """Merge parts of one study into a new folder, laid out as the one that a workflow works in.

    Args:
        given: experiments' folders or crates, as folders or zips.
        output: a folder that does not exist yet. It appears whole or not at all.

    Returns:
        The experiment's folder, and what is to be said of the parts: seeds, cells that none has, clips in common.

    Raises:
        UserError: a part is not as it was made, parts are not of one study, or something is in the way.
    """
    if len(given) < 2:
        raise UserError("give the results of two parts at least.")
    if output.exists():
        raise UserError(f"{output} exists already. Give another folder, or delete it.")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as folder:
        parts = [receive(path, Path(folder, f"received-{number}")) for number, path in enumerate(given, 1)]
        if len({part.name for part in parts}) < len(parts):
            raise UserError("the same results are given twice.")
        for part in parts:
            require_verified(part)
            if (part.results / MERGED).is_file() and (part.root / PARTS).is_dir():
                raise UserError(
                    f"{part.name} is merged from parts that differ; give all of these together, and not it."
                )
        config = joined({part.name: part.config for part in parts})
        whole = Path(folder, "whole").absolute()
        results = whole / paths.fill(paths.RESULTS, experiment=config["experiment"])
        seeds = (", ".join(map(str, part.config["seeds"])) for part in parts)
        said = [f"Merged from {len(parts)} parts: " + "; ".join(f"seeds {these}" for these in seeds) + "."]
        files = {name: _taken(name, parts, whole) for name in (config["claims"], paths.PUBLISHED)}
        keep = whole / PARTS
        data = {part.name: part.root / paths.DATA for part in parts}
        if all(path.is_dir() for path in data.values()):
            said += merge_data(config["datasets"], data, whole / paths.DATA, keep)
        scored = merge_runs({part.name: part for part in parts}, results, keep)
        config["subsets"] = _subsets_in_order(config, parts, results)
        said += _on_common_clips(scored, results, keep)
        with contextlib.chdir(whole):
            said += _tables_and_page(config, files, parts, said)
        listed = [{"seeds": part.config["seeds"], "accuracy.csv": _digest_of_scores(part.results)} for part in parts]
        write_json(results / MERGED, {"parts": listed, "said": said})
        whole.rename(output)
    return output / paths.fill(paths.RESULTS, experiment=config["experiment"]), said


def _digest_of_scores(results: Path) -> str:
    return file_digest(paths.below(results, paths.fill(paths.TABLE, table="accuracy")))


def _taken(name: str, parts: list[Received], whole: Path) -> str:
    """Copy a file of the project, as the parts were made of it; return its name in the merged folder."""
    target = f"config/{Path(name).name}"
    (whole / target).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(project_file(name, parts), whole / target)
    return target


def _subsets_in_order(config: Mapping[str, Any], parts: list[Received], results: Path) -> Mapping[str, Any]:
    """Return the joined subsets, smallest first, by which claims find the smallest and the largest."""
    subsets: Mapping[str, Any] = config["subsets"]
    if all(list(part.config["subsets"]) == list(subsets) for part in parts):
        return subsets

    def clips(subset: str) -> int:
        file = paths.fill(paths.SUBSET, dataset=config["pretraining"]["dataset"], subset=subset)
        return len(read_csv(paths.below(results, file), ("clip_id",))["clip_id"])

    return smallest_first(subsets, clips)


def _on_common_clips(scored: Mapping[Path, int], results: Path, keep: Path) -> list[str]:
    """Score on the test clips that all parts have, where they differ; what was scored before goes to the parts."""
    common = common_clips([results / path for path in scored])
    if not common:
        return []
    left = 0
    for path, number in scored.items():
        before = keep / str(number) / "results" / results.name / path
        for name in (paths.SCORES_FILE, paths.PREDICTIONS_FILE, paths.RECORD_FILE):
            before.parent.mkdir(parents=True, exist_ok=True)
            (results / path).with_name(name).rename(before.with_name(name))
        with contextlib.chdir(keep.parent):  # records name files from here
            left += score_again(results / path, before, common)
    if not left:
        raise UserError(
            "the parts had other surviving test clips, and all that was scored ranks a clip among the others: nothing "
            "of it holds for the clips that all have. Score the parts on the same test clips."
        )
    listed = "; ".join(f"{', '.join(key)}: {len(clips)} clips" for key, clips in common.items())
    return [
        f"Parts had other surviving test clips, and are scored on those that all have ({listed}). There, whatever "
        "ranks a clip among the others is missing: retrieval, mean average precision, and the scores of clips with "
        "several labels. Geometry is of each part's own."
    ]


def _tables_and_page(
    config: Mapping[str, Any], files: Mapping[str, str], parts: list[Received], said: list[str]
) -> list[str]:
    """Make tables and page in the working folder; return what more there is to say."""
    provenance.begin()
    plan = Plan(config, provenance.SOURCE)
    report = Report(plan)
    told = report.tables_plan() | {"claims": files[config["claims"]], "published": files[paths.PUBLISHED]}
    wanted = told["scores"]
    for name in ("scores", "runs", "geometry"):
        told[name] = [path for path in told[name] if Path(path).is_file()]
    for name in ("dynamics", "tuning"):
        told[name] = [entry for entry in told[name] if Path(entry["path"]).is_file()]
    ran = {tuple(map(str, Path(path).parent.parts[-5:])) for path in told["runs"]}
    told["sampling"] = [entry for entry in told["sampling"] if _place(entry) in ran]
    more = []
    if missing := [path for path in wanted if path not in told["scores"]]:
        some = ", ".join(str(Path(path).parent.relative_to(Path(plan.path(paths.RESULTS)))) for path in missing[:3])
        more.append(f"Of {len(wanted)} folders of scores of the joined grid, no part has {len(missing)}: {some} …")
    folder = Path(plan.path(paths.TABLES))
    made = make_tables(told, folder)
    record = Path(plan.path(paths.TABLE_RECORD, table="tables"))
    provenance.record(record, sources(told), made)
    _data_tables(plan, parts)
    write_json(plan.path(paths.CONFIG), config)
    page = report.page_plan() | {"claims": files[config["claims"]], "merged": [*said, *more]}
    make_page(page | {"figures": {}, "media": None, "report": ""}, folder, record, Path(plan.path(paths.PAGE)))
    return more


def _place(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return subset, labels, method, budget and seed of an entry of the plan, as folders of runs are named."""
    named = (entry[name] for name in ("subset", "labels"))
    return (*named, entry["method"]["name"], entry["budget"], f"seed-{entry['seed']}")


def _data_tables(plan: Plan, parts: list[Received]) -> None:
    """Make the tables of clips; where no data came along, take those of the parts, if they are the same."""
    coverage_csv, leaks_csv = (plan.path(paths.TABLE, table=name) for name in ("coverage", "leaks"))
    if Path(paths.DATA).is_dir():
        columns = ["clip_id", "label", "split", "state", "reason"]
        read = {name: ledger.read(paths.fill(paths.LEDGER, dataset=name), columns) for name in plan.datasets}
        write_csv(coverage_csv, coverage.table(read))
        inputs = [paths.fill(pattern, dataset=name) for name in read for pattern in (paths.MANIFEST, paths.LEDGER)]
        provenance.record(Path(plan.path(paths.TABLE_RECORD, table="coverage")), inputs, [coverage_csv])
        subsets = {name: plan.path(paths.SUBSET, subset=name) for name in plan.subsets}
        clips = {name: read_csv(path, ("clip_id",))["clip_id"] for name, path in subsets.items()}
        tasks = read_tasks(plan.task_settings())
        leaks(Path(paths.DATA), plan.dataset, clips, tasks, Path(leaks_csv))
        provenance.record(Path(plan.path(paths.TABLE_RECORD, table="leaks")), subsets.values(), [leaks_csv])
        return
    for table in (coverage_csv, leaks_csv):
        name = Path(table).name
        held = [paths.below(part.results, paths.TABLES) / name for part in parts]
        if len({file_digest(path) for path in held}) > 1:
            raise UserError(f"tables/{name} differs between the parts. Give them with data/, as pack does.")
        shutil.copy2(held[0], table)
        record = paths.fill(paths.TABLE_RECORD, table=Path(table).stem)
        shutil.copy2(paths.below(parts[0].results, record), plan.path(paths.TABLE_RECORD, table=Path(table).stem))
