"""A study as its workflow leaves it, tables and records too, but nothing is trained: scores are drawn by their seed."""

import contextlib
import copy
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from avbench.config.settings import build
from avbench.config.subsets import SubsetSettings
from avbench.config.tasks import read_tasks
from avbench.core.files import read_csv, write_csv, write_json, write_text
from avbench.data import coverage, duplicates, ledger
from avbench.data.leaks import leaks
from avbench.data.manifest import write_manifest
from avbench.data.subsets import draw
from avbench.evaluation import scores as predictions
from avbench.evaluation.geometry import GEOMETRY_COLUMNS
from avbench.pages.page import make_page
from avbench.plan import paths
from avbench.plan.jobs import Plan
from avbench.plan.report import Report
from avbench.provenance import record as provenance
from avbench.results.make import make_tables, sources
from tests.support.paths import ROOT

CLASSES = ("drum", "dog", "rain", "saw")
KEYS = (("linear", "audio"), ("linear", "video"), ("retrieval-5", "audio-to-video"))


def config(**changes):
    """The tiny experiment with two methods, and fewer protocols."""
    made = copy.deepcopy(yaml.safe_load((ROOT / "config" / "tiny.yaml").read_text(encoding="utf-8")))
    made["methods"] = {"random": "preset", "soft-positive": "preset"}
    made["evaluation"] = {name: made["evaluation"][name] for name in ("linear", "retrieval")}
    return made | changes


def write_study(folder, changed=None, lost=()):
    """Write ``results/tiny`` and ``data/toys`` below a folder; return the former.

    Args:
        changed: keys of the configuration.
        lost: ids of clips that are not stored.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(folder):
        plan = Plan(config(**(changed or {})), ROOT)
        write_data(lost)
        write_runs(plan)
        write_tables(plan)
    return folder / "results" / "tiny"


def write_data(lost):
    rows = []
    for split, count in (("train", 6), ("validation", 3), ("test", 8)):
        rows += [
            (f"{split}-{label}-{number}", f"media/{split}-{label}-{number}.mp4", 0.0, 2.0, label, split)
            for label in CLASSES
            for number in range(count)
        ]
    columns = ["clip_id", "source", "start_s", "duration_s", "label", "split"]
    clips = pd.DataFrame(rows, columns=columns).sort_values("clip_id", ignore_index=True)
    write_manifest("data/toys/clips.csv", clips)
    table = clips[["clip_id", "label", "split"]].assign(state="stored", reason="", detail="")
    table.loc[table["clip_id"].isin(lost), ["state", "reason"]] = ["unavailable", "private"]
    table = table.assign(**{name: 1.0 if name in ledger.NUMBERS else "" for name in ledger.MEASURED})
    ledger.write("data/toys/ledger.parquet", table)
    write_json("data/toys/coverage.json", ledger.coverage(table), sealed=True)
    state = ledger.stored_state(table, ledger.read_content("data/toys/ledger.parquet"))
    write_json("data/toys/stored.json", state, sealed=True)
    none = pd.DataFrame(columns=list(duplicates.COLUMNS))
    write_csv("data/toys/duplicates.csv", none, sealed=True)


def write_runs(plan):
    """Write subsets, statistics, labels, and of every run what tables are made of."""
    pool = ledger.stored(ledger.read("data/toys/ledger.parquet"), "train")
    for name in plan.subsets:
        settings = build(SubsetSettings, plan.subset_settings(name), "subset")
        write_csv(plan.path(paths.SUBSET, subset=name), draw(pool, settings), sealed=True)
        labels = plan.path(paths.LABELS, subset=name, labels="true")
        write_csv(labels, pd.DataFrame(read_csv(plan.path(paths.SUBSET, subset=name), ("clip_id", "label"))), True)
    for run in plan.runs():
        for seed in plan.seeds_of(run):
            folder = Path(plan.path(paths.SEED_RUN, **vars(run), seed=seed))
            if run.method != "untrained":
                write_run(plan, run, seed, folder)
            write_scores(run, seed, folder, next(iter(plan.tasks)))


def write_run(plan, run, seed, folder):
    write_text(folder / "checkpoint.pt", f"weights {run} {seed}")
    about = {"steps": 6, "epochs": 2, "final_loss": 1.0 / (seed + 1), "final_batch_accuracy": 0.5}
    made = {"outputs": provenance.digests([folder / "checkpoint.pt"])}
    stamp = {"provenance": provenance.stamp([plan.path(paths.SUBSET, subset=run.subset)])}
    write_json(folder / "run.json", {**vars(run), "seed": seed, **about, **made, **stamp})


def write_scores(run, seed, folder, task):
    tested = ledger.stored(ledger.read("data/toys/ledger.parquet"), "test")
    parts = []
    for protocol, modality in KEYS:
        # of a clip the same, whatever other clips there are
        right = [draw_right(run, seed, protocol, modality, clip) for clip in tested["clip_id"]]
        told = tested.assign(task=task, protocol=protocol, modality=modality, prediction="drum")
        parts.append(told.assign(correct=np.array(right, dtype=float)))
    table = pd.concat(parts, ignore_index=True)
    identity = {"method": run.method, "subset": run.subset, "labels": run.labels, "budget": run.budget, "seed": seed}
    share = len(tested) / 32
    precision = {(task, "linear", modality): 0.5 for modality in ("audio", "video")}
    predictions.write_scores(folder / "scores.csv", table, identity, {task: 24}, {task: share}, precision)
    row = dict.fromkeys(GEOMETRY_COLUMNS, 0.5) | {**identity, "task": task}
    write_csv(folder / "geometry.csv", pd.DataFrame([row])[GEOMETRY_COLUMNS])
    written = [folder / name for name in ("scores.csv", predictions.FILE, "geometry.csv")]
    provenance.record(folder / provenance.FILE, ["data/toys/stored.json"], written)


def draw_right(run, seed, protocol, modality, clip):
    share = {"untrained": 0.3, "random": 0.5}.get(run.method, 0.8)
    key = f"{run} {seed} {protocol} {modality} {clip}"
    return np.random.default_rng(zlib.crc32(key.encode())).random() < share


def write_tables(plan):
    """Write tables, records, page and configuration, as the rules do."""
    report, folder = Report(plan), Path(plan.path(paths.TABLES))
    told = report.tables_plan()
    made = make_tables(told, folder)
    record = Path(plan.path(paths.TABLE_RECORD, table="tables"))
    provenance.record(record, sources(told), made)
    table = coverage.table({"toys": ledger.read("data/toys/ledger.parquet")})
    write_csv(folder / "coverage.csv", table)
    ledgers = ["data/toys/clips.csv", "data/toys/ledger.parquet"]
    provenance.record(record.with_name("coverage.json"), ledgers, [folder / "coverage.csv"])
    subsets = {name: plan.path(paths.SUBSET, subset=name) for name in plan.subsets}
    clips = {name: read_csv(path, ("clip_id",))["clip_id"] for name, path in subsets.items()}
    leaks(Path("data"), plan.dataset, clips, read_tasks(plan.task_settings()), folder / "leaks.csv")
    provenance.record(record.with_name("leaks.json"), subsets.values(), [folder / "leaks.csv"])
    write_json(plan.path(paths.CONFIG), plan.config)
    make_page(
        report.page_plan() | {"figures": {}, "media": None, "report": ""}, folder, record, Path(plan.path(paths.PAGE))
    )
