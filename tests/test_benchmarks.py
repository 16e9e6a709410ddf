import io
import itertools

import numpy as np
import pytest

from avbench.data.store import Store
from benchmarks import loading, startup
from benchmarks import step as step_benchmark
from benchmarks.packing import pack, write_film
from benchmarks.precision import _apart
from benchmarks.training import _measure, _rate


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
