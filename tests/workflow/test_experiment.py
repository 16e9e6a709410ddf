"""The whole way from generated media to the report, run for real."""

import csv
import os
import re
import signal
import time

import pytest

from avbench.core.hashing import file_digest
from tests.workflow.conftest import Workflow, jobs


def rows(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_run_ends_with_tables_figures_and_a_report(finished):
    accuracy = rows(finished.pages("tables", "accuracy.csv"))
    assert list(accuracy[0]) == [
        *("method", "task", "protocol", "modality", "subset", "labels", "budget"),
        *("seed", "accuracy", "mean_average_precision", "n_train", "n_test", "coverage"),
        *("strength", "edge"),
    ]
    scored = {(row["method"], row["protocol"], row["modality"], row["seed"]) for row in accuracy}
    retrieval = {(f"retrieval-{k}", way) for k in (1, 5, 10) for way in ("audio-to-video", "video-to-audio")}
    frozen = {(name, modality) for name in ("linear", "knn") for modality in ("audio", "video")} | retrieval
    trained = {("linear-sgd", "audio"), ("finetune", "audio")}
    assert scored == {
        (method, *protocol, seed)
        for method, protocols in (
            ("untrained", frozen | trained),
            ("random", frozen | trained),
            ("supervised", {("supervised", "audio")}),
        )
        for protocol in protocols
        for seed in ("0", "1")
    }
    assert all(row["n_train"] == "24" and row["n_test"] == "16" and row["coverage"] == "1.000000" for row in accuracy)
    for row in rows(finished.pages("tables", "summary.csv")):
        same = ("method", "protocol", "modality")
        scores = [float(r["accuracy"]) for r in accuracy if all(r[key] == row[key] for key in same)]
        assert float(row["mean"]) == pytest.approx(sum(scores) / 2, abs=1e-5)
        assert float(row["ci_low"]) <= float(row["mean"]) <= float(row["ci_high"])
    (claim, *_) = rows(finished.pages("tables", "claims.csv"))
    assert {"claim", "verdict", "effect", "ci_low", "ci_high", "p_holm", "source", "published"} <= set(claim)
    assert {bool(row["strength"]) == (row["protocol"] == "linear") for row in accuracy} == {True}
    figures = {path.name for path in finished.pages("figures").iterdir()}
    names = ["accuracy", "gains", "claims", "power", "losses", "pairs", "samples", "coverage", "timing"]
    names += ["neighbours", "published_losses", "confusion", "embedding_map", "geometry"]
    drawn = {f"{name}.{kind}" for name in names for kind in ("png", "pdf")}
    assert figures == drawn | {"geometry.rst"}  # its caption, made of its data
    report = finished.pages("report.html").read_text(encoding="utf-8")
    assert "accuracy.csv" in report
    assert "Where the time went" in report


# SHA-256 of the tables that rest on draws and counts alone. Scores are left out: processors differ in the last digits.
DIGESTS = {
    "coverage.csv": "ca19dfab1452460bc74453d9a03705b66f823d2f4063f8523f46500246bdeaca",
    "leaks.csv": "83141ed491c20fcb0bcf2ec48d0fd5d37ebb52642e96150246ff9ee6aedf18d8",
    "sampling.csv": "9482361dd6b7fddaa4da7944f381a13339deea7072c91a4ab04c95ada9fb5f79",
}


def test_tables_of_draws_and_counts_keep_their_bytes(finished):
    assert {name: file_digest(finished.pages("tables", name)) for name in DIGESTS} == DIGESTS


def test_the_summary_is_printed(finished, capsys):
    from avbench.cli.main import main

    assert main(["summary", "--results", str(finished.pages())]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^random +\d", text, re.MULTILINE)
    assert "not tested" in text
    assert str(finished.pages("report.html")) in text
    assert f"Page: {finished.pages('index.html')} " in text.splitlines()[-1]


def test_no_figure_was_replaced_by_what_went_wrong(finished):
    logs = sorted((finished.folder / "results/tiny/logs/figures").glob("*.log"))
    assert logs
    assert not [path.name for path in logs if "could not be drawn" in path.read_text(encoding="utf-8")]


def test_a_second_run_does_nothing(finished):
    report = finished.pages("report.html").stat().st_mtime_ns
    assert "Nothing to be done" in finished.run()
    assert finished.pages("report.html").stat().st_mtime_ns == report


def test_a_missing_report_is_made_and_nothing_else(finished):
    finished.pages("report.html").unlink()
    assert "1 of 2 steps" in finished.run()  # the other is the experiment as a whole
    assert "Where the time went" in finished.pages("report.html").read_text(encoding="utf-8")


def test_one_core_and_kills_give_the_same_bytes(finished, tiny, tmp_path):
    workflow = Workflow(tmp_path, tiny)
    landmarks = [
        "data/toys/packing/*/*",
        "results/tiny/runs/toys/few/none/random/default/seed-*/unfinished/*/checkpoint.pt",
    ]
    for landmark in landmarks:
        process = workflow.start(cores=1)
        deadline = time.monotonic() + 300
        while not list(tmp_path.glob(landmark)):
            assert process.poll() is None, f"the run ended before {landmark} appeared"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        workflow.run("--unlock")
    workflow.run(cores=1)
    assert workflow.tables() == finished.tables()
    stores = [sorted((w.folder / "data/toys/store").glob("*.arrow")) for w in (workflow, finished)]
    assert [path.read_bytes() for path in stores[0]] == [path.read_bytes() for path in stores[1]]
    assert list(tmp_path.glob("results/**/unfinished")) == []


def test_a_new_method_is_one_line_and_runs_nothing_else(finished, tiny):
    tiny["methods"]["soft-easy"] = {"positive": "same-class", "batch": "one-per-class", "labels": True}
    before = finished.tables()
    config = finished.config
    finished.write(tiny)
    try:
        planned = finished.run("--dry-run")
        counts = jobs(planned)
        assert not {"pack", "subset", "statistics", "untrained", "supervised"} & set(counts)
        expected = {"pretrain": 1, "embed": 1, "frozen": 1, "trained": 4, "labels": 1}
        assert {name: counts[name] for name in expected} == expected
        finished.run()
        found = rows(finished.pages("tables", "accuracy.csv"))
        assert {(row["method"], row["labels"]) for row in found} >= {("soft-easy", "true"), ("random", "none")}
        old = before["accuracy.csv"].decode().splitlines()
        assert set(old) <= set(finished.tables()["accuracy.csv"].decode().splitlines())
    finally:
        finished.write(config)
        finished.run()
    assert finished.tables() == before


def test_a_changed_probe_trains_nothing(finished, tiny):
    tiny["evaluation"]["linear"]["strengths"] = [0.5]
    config = finished.config
    finished.write(tiny)
    try:
        counts = jobs(finished.run("--dry-run"))
    finally:
        finished.write(config)
    assert counts["frozen"] == 2
    assert not {"pretrain", "embed", "pack", "trained", "supervised"} & set(counts)


@pytest.mark.parametrize(
    ("change", "repeated", "kept"),
    [
        ({"pretraining": {"learning_rate": 0.003}}, {"pretrain": 1, "untrained": 1}, {"supervised"}),
        ({"evaluation": {"finetune": {"epochs": 3}}}, {"trained": 4}, {"pretrain", "embed", "supervised"}),
        ({"evaluation": {"supervised": {"epochs": 3}}}, {"supervised": 1}, {"pretrain", "embed", "trained"}),
    ],
    ids=["pretraining", "fine-tuning", "baseline"],
)
def test_a_changed_setting_of_training_repeats_what_it_decides(finished, tiny, change, repeated, kept):
    for section, keys in change.items():
        for key, value in keys.items():
            own = tiny[section][key]
            tiny[section][key] = {**own, **value} if isinstance(own, dict) else value
    config = finished.config
    finished.write(tiny)
    try:
        counts = jobs(finished.run("--dry-run"))
    finally:
        finished.write(config)
    assert {name: counts.get(name) for name in repeated} == repeated
    assert not {*kept, "pack", "subset"} & set(counts)


def test_what_does_not_decide_the_outcome_repeats_nothing(finished, tiny):
    tiny["pretraining"] |= {"cache_mb": 10, "loader_threads": 2, "checkpoint_every_s": 60, "device": "cpu"}
    config = finished.config
    finished.write(tiny)
    try:
        assert "Nothing to be done" in finished.run("--dry-run")
    finally:
        finished.write(config)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("sedes", [0], "unknown key 'sedes' (did you mean 'seeds'?)"),
        ("subsets", {"few": {"clips_per_class": 7}}, "7 is more than the 6 training clips per class of dataset 'toys'"),
        ("methods", {"mine": "preset"}, "mine"),
    ],
)
def test_a_bad_configuration_stops_before_any_job(tiny, tmp_path, key, value, message):
    tiny[key] = value
    text = Workflow(tmp_path, tiny).run(check=False)
    assert message in text
    assert "Traceback" not in text
    assert not (tmp_path / "data").exists()


def test_lost_clips_are_accounted_for_and_too_many_stop_the_run(finished, tiny, tmp_path):
    media = sorted((finished.folder / "data/toys/media").glob("*/*.mp4"))[:8]
    lines = ["source,label,split"]
    for number, path in enumerate(media):
        name = f"{number}.mp4"
        data = path.read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 3] if number < 3 else data)
        lines.append(f"{name},{'ab'[number % 2]},train")
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    tiny["datasets"]["toys"] = {
        "rules": "workflow/datasets/folder.smk",
        "shards": 1,
        "min_coverage": 0.7,
        "options": {"list": str(tmp_path / "list.csv")},
    }
    workflow = Workflow(tmp_path, tiny)
    text = workflow.run("data/toys/coverage.json", check=False)
    assert "corrupt" in text
    assert "62" in text  # 5 of 8 clips
    assert "Traceback" not in text
    import pandas as pd

    ledger = pd.read_parquet(tmp_path / "data/toys/ledger.parquet")
    assert sorted(ledger["state"]) == ["rejected"] * 3 + ["stored"] * 5
    tiny["datasets"]["toys"]["min_coverage"] = 0.5
    workflow.write(tiny)
    workflow.run("data/toys/coverage.json")
