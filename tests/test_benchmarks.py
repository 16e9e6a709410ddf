import csv
import io
import itertools
import os
import subprocess
import sys
import time

import jsonschema
import numpy as np
import pandas as pd
import pytest

from avbench.config.configuration import json_schema
from avbench.core.rng import generator
from avbench.data.media.confined import Confined
from avbench.data.media.decode import decode
from avbench.data.store import Store
from avbench.plan.jobs import Plan
from benchmarks import factors, given, intervals, loading, memory, packing, startup
from benchmarks import step as step_benchmark
from benchmarks.packing import pack, write_film
from benchmarks.peaks import share_of_peak
from benchmarks.precision import _apart
from benchmarks.training import _measure, _rate
from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A film, and the store that it is packed into."""
    folder = tmp_path_factory.mktemp("bench")
    path = write_film(folder / "film.mp4", width=320, height=184)
    return path, Store([pack([path], folder)])


def test_loading_is_compared_with_what_gives_the_same_window(packed):
    path, store = packed
    frames, sound = loading.from_store(store, 0, 4.25)
    whole = {f"{place:04d}.jpg": bytes(image) for place, image in enumerate(store.jpegs(0))}
    tar = loading.from_tar(whole | {"sound.npy": npy(store.audio(0))}, 4.25)
    assert np.array_equal(tar[0], frames)
    assert np.array_equal(tar[1], sound)
    decoded, heard = loading.from_media(path, 4.25)
    assert decoded.shape == frames.shape == (8, 112, 112, 3)
    apart = np.abs(decoded.astype(int) - frames).mean()
    late = np.abs(decoded[1:].astype(int) - frames[:-1]).mean()
    # PyAV's frames are scaled by another filter, and are those before rather than the nearest; but of no other time.
    assert apart < 0.8 * late
    assert np.corrcoef(heard, sound)[0, 1] > 0.8  # of noise: a sample earlier or later would leave little


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def test_what_a_decoding_process_takes_is_counted(tmp_path):
    path = write_film(tmp_path / "film.mp4", seconds=4, width=320, height=184)
    worker = Confined()
    with memory.Peak() as alone:
        worker.call(60, hold, 0)
    before = packing._cpu_s()
    with memory.Peak() as peak:
        worker.call(60, hold, 100_000_000)
        assert worker.call(60, decode, path, packing.SETTINGS, 0.0, 4.0).duration_s == 4
    worker.close()
    assert 80 < peak.megabytes - alone.megabytes < 200
    counted, begin = packing._cpu_s() - before, time.process_time()
    decode(path, packing.SETTINGS, 0.0, 4.0)
    assert counted > 0.5 * (time.process_time() - begin)


def hold(size):
    """Hold so many bytes for a while."""
    held = np.ones(size, np.uint8)
    time.sleep(0.2)
    return held[:0].size


def test_of_several_turns_the_fastest_counts():
    now = 0.0
    costs = itertools.cycle([3.0, 1.0, 2.0])

    class Batch:
        clips = 6

    def step(batch):
        nonlocal now
        now += next(costs)

    found = _measure({"a": (Batch, step)}, seconds=3e-9, rounds=3, warm_up=0, clock=lambda: now)
    assert _rate(found["a"]) == 6
    assert found["a"].waited == 0


def test_how_far_seeds_lie_apart_is_a_mean_over_pairs():
    assert _apart(np.array([1.0, 2.0, 4.0])) == 2


def test_a_start_is_measured_up_to_its_first_step(monkeypatch, capsys):
    for name, value in {"CLIPS": 2 * startup.CLASSES, "SHARDS": 2, "RUNS": 1}.items():
        monkeypatch.setattr(startup, name, value)
    (row,) = startup.rows()
    assert row["name"].endswith("first step, 618 clips")
    assert row["ratio"] == pytest.approx(row["ours"] / startup.PROMISED_S, abs=0.01)
    told = capsys.readouterr().out
    for part in ("opening the store", "first batch", "first forward pass", "whole"):
        assert f", {part} " in told


def test_a_step_and_the_plain_one_give_the_same_losses():
    ours, plain = step_benchmark.steps(12)
    for _ in range(5):
        assert ours() == pytest.approx(plain(), rel=1e-4)


def test_the_ratio_of_steps_is_measured(monkeypatch):
    monkeypatch.setattr(step_benchmark, "BATCHES", (4,))
    (row,) = step_benchmark.rows(0.0)
    assert row["ratio"] > 0
    assert row["ours"] > 0


def test_the_share_of_a_cards_peak_is_known_for_cards_of_the_table_alone():
    full = 989e12 / 66.6e9  # clips a second; the paper preset takes 58.6 + 8.0 GFLOP a clip
    assert share_of_peak("NVIDIA H200", "paper", full / 2) == pytest.approx(0.5, rel=1e-3)
    assert share_of_peak("NVIDIA A100-SXM4-80GB", "paper", full) == pytest.approx(989 / 312, rel=1e-3)
    assert share_of_peak("NVIDIA L40", "paper", full) is None
    assert share_of_peak("NVIDIA GH200 480GB", "paper", full) is None


@pytest.mark.slow
def test_the_gpu_script_measures_every_part_on_a_cpu_too(tmp_path):
    environment = os.environ | {"OUT": str(tmp_path), "PYTHON": sys.executable, "EACH_S": "1", "STEPS": "40"}
    subprocess.run([ROOT / "benchmarks/gpu.sh", "cpu"], check=True, env=environment)
    parts = table(tmp_path / "status.csv")
    assert {row["part"]: row["status"] for row in parts} == dict.fromkeys(
        ("machine", "training", "losses", "resume"), "0"
    )
    assert len(table(tmp_path / "losses.csv")) == 4
    assert any(row["name"].startswith("waiting for data") for row in table(tmp_path / "training.csv"))
    (resumed,) = table(tmp_path / "resume.csv")
    assert 0 < int(resumed["stopped_at"]) < 40
    assert resumed["identical"] == resumed["holds"] == "True"


@pytest.mark.slow
def test_a_part_that_fails_loses_no_other(tmp_path):
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ncase "$*" in *benchmarks.training*) exit 3;; *) exec echo "$@";; esac\n')
    python.chmod(0o755)
    environment = os.environ | {"OUT": str(tmp_path / "out"), "PYTHON": str(python)}
    assert subprocess.run([ROOT / "benchmarks/gpu.sh", "cpu"], env=environment).returncode == 1
    status = {row["part"]: row["status"] for row in table(tmp_path / "out/status.csv")}
    assert status == {"machine": "0", "training": "3", "losses": "0", "resume": "0"}


def table(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


SIMULATIONS = ROOT / "results" / "simulations"


def test_the_error_rates_that_are_told_keep_the_promise():
    told = pd.read_csv(SIMULATIONS / "error_rates.csv")
    assert set(told["look"]) == {"fixed", "sequential"}
    assert {3, 5, 10, 20} == set(told["seeds"])
    assert {600, 5000, 14518} == set(told["clips"])
    # Of so many cells at the limit, some lie two standard errors above it by chance.
    assert (told["family_wise_error"] <= 0.05 + 3 * told["standard_error"]).all()
    assert told["coverage"].between(0.94, 1).all()


def test_the_number_of_seeds_that_is_told_decides_as_often_as_it_should():
    told = pd.read_csv(SIMULATIONS / "power.csv")
    assert (abs(told["decided"] - told["wanted"]) <= 0.1 + 2 * told["standard_error"]).all()
    assert abs(told["decided"].mean() - 0.8) <= 0.1


@pytest.mark.parametrize("look", ["fixed", "sequential"])
def test_error_rates_are_counted_over_simulated_experiments(look):
    case = intervals.Case(look, 5, 150, 0.02, effects=True)
    found = intervals.simulate(case, 12)
    assert found == intervals.simulate(case, 12)
    assert found["claims"] == "9 of 27 true by 10 points"
    assert 0 <= found["family_wise_error"] <= 0.5
    assert found["coverage"] > 0.85
    assert 0.05 < found["power"] <= 1
    assert 3 <= found["seeds_used"] <= 5


def test_simulated_differences_are_as_large_as_they_should_be():
    case = intervals.Case("fixed", 40, 20_000, 0.03, effects=True)
    gaps = intervals.draw(generator(0, "test"), case).mean(axis=2)
    assert gaps[:3].mean() == pytest.approx(0.10, abs=0.015)
    assert gaps[3:].mean() == pytest.approx(0.0, abs=0.015)
    assert gaps.std(axis=1).mean() == pytest.approx(0.03 * 2**0.5, rel=0.15)


def test_the_study_of_given_features_is_a_configuration(tmp_path, root):
    made = given.configuration(epochs=2, per_class=3)
    jsonschema.Draft202012Validator(json_schema()).validate(made)
    plan = Plan(made, root)
    assert len(plan.methods) == 7
    assert plan.encoder_files == ["audio.npz", "video.npz"]
    place = tmp_path / "results/given/benchmarks/embed/x"
    place.mkdir(parents=True)
    for number in range(2):
        (place / f"{number}.tsv").write_text("s\tcpu_time\n9\t1.5\n")
    assert given.cpu_by_rule(tmp_path) == {"embed": (2, 3.0)}


def test_a_change_of_gains_has_the_interval_of_a_difference_of_independent_estimates():
    errors, normal = {factors.REFERENCE: 0.03, "turned": 0.04}, 1.96  # so that of the difference is 0.05
    gains = pd.DataFrame(
        {"dials": dials, "modality": modality, "budget": "steps-9", "difference": gain,
         "ci_low": gain - normal * errors[dials], "ci_high": gain + normal * errors[dials]}
        for modality in ("audio", "video")
        for dials, gain in ((factors.REFERENCE, -0.1), ("turned", 0.2 if modality == "audio" else -0.2))
    )  # fmt: skip
    found = factors.with_changes(gains).set_index(["dials", "modality"])[["change", "change_low", "change_high"]]
    assert found.loc[factors.REFERENCE].isna().all(axis=None)
    assert found.loc["turned", "audio"].tolist() == pytest.approx([0.3, 0.3 - 0.05 * normal, 0.3 + 0.05 * normal])
    assert found.loc["turned", "video"].tolist() == pytest.approx([-0.1, -0.1 - 0.05 * normal, -0.1 + 0.05 * normal])
