"""Dynamics clips: one row per run and epoch, measured with the true labels of the ledger."""

import numpy as np
import pandas as pd
import pytest

from avbench.core.errors import UserError
from avbench.data import ledger
from avbench.evaluation.geometry import describe
from avbench.results import dynamics

CLASSES, EACH = 4, 8
IDS = [f"-clip {i}" for i in range(CLASSES * EACH)]
LABELS = [f"class, {i % CLASSES}" for i in range(CLASSES * EACH)]


@pytest.fixture
def data(tmp_path):
    listed = pd.DataFrame({"clip_id": IDS, "label": LABELS, "split": "validation", "state": "stored"})
    listed = listed.assign(reason="", detail="").sample(frac=1, random_state=0)
    ledger.write(tmp_path / "data" / "toys" / "ledger.parquet", listed)
    return tmp_path / "data"


def recorded(path, ids=IDS, sharp=(0, 1, 20)):
    """Write clips whose features say more of their class at every kept epoch; video's come from the audio's."""
    rng = np.random.default_rng(0)
    codes = [int(LABELS[IDS.index(name)][-1]) for name in ids]
    centres = np.eye(CLASSES, 16)[codes]
    audio = np.stack([rng.standard_normal((len(ids), 16)) + by * centres for by in sharp])
    video = audio[..., ::-1] + 0.1 * rng.standard_normal(audio.shape)
    heads = {
        "audio-head": audio,
        "video-head": audio + rng.standard_normal(audio.shape) / (1 + np.array(sharp))[:, None, None],
    }
    unit = {name: head / np.linalg.norm(head, axis=-1, keepdims=True) for name, head in heads.items()}
    arrays = {"audio": audio, "video": video, **unit}
    arrays = {name: array.astype(np.float16) for name, array in arrays.items()}
    np.savez(path, clip_id=np.array(ids), epochs=np.array([0, 1, 4]), steps=np.array([0, 10, 40]), **arrays)
    return arrays


def run(path, seed=0):
    return {
        "method": "random",
        "subset": "small",
        "labels": "none",
        "budget": "default",
        "seed": seed,
        "path": str(path),
    }


def test_each_kept_epoch_has_a_row(tmp_path, data):
    arrays = recorded(tmp_path / "a.npz")
    recorded(tmp_path / "b.npz", IDS[::-1])
    found = dynamics.table([run(tmp_path / "a.npz"), run(tmp_path / "b.npz", 1)], data, "toys")
    columns = "method, subset, labels, budget, seed, epoch, step, alignment, uniformity_audio, uniformity_video, "
    columns += "effective_rank_audio, effective_rank_video, knn_audio, knn_video"
    assert list(found.columns) == columns.split(", ")
    assert found[["seed", "epoch", "step"]].to_numpy().tolist() == [
        [seed, epoch, step] for seed in (0, 1) for epoch, step in ((0, 0), (1, 10), (4, 40))
    ]
    for place in range(3):
        of_epoch = [arrays[name][place].astype(float) for name in ("audio-head", "video-head", "audio", "video")]
        expected = describe(*of_epoch, LABELS)
        row = found.iloc[place]
        assert all(row[name] == pytest.approx(value, rel=1e-4) for name, value in expected.items() if name in found)
    assert found["knn_audio"].iloc[2] == found["knn_video"].iloc[2] == 1
    assert found["knn_audio"].iloc[0] < 0.7
    assert found["alignment"].iloc[2] < found["alignment"].iloc[0]


def test_fewer_clips_than_neighbours_are_each_others_neighbours(tmp_path, data):
    recorded(tmp_path / "a.npz", IDS[:6])
    found = dynamics.table([run(tmp_path / "a.npz")], data, "toys")
    assert found["knn_audio"].between(0, 1).all()


def test_without_followed_runs_there_is_a_head_alone(tmp_path):
    found = dynamics.table([], tmp_path, "toys")
    assert list(found.columns) == dynamics.COLUMNS
    assert found.empty


def test_files_that_do_not_fit_are_refused(tmp_path, data):
    with pytest.raises(UserError, match=r"gone\.npz does not exist"):
        dynamics.table([run(tmp_path / "gone.npz")], data, "toys")
    np.savez(tmp_path / "half.npz", clip_id=np.array(IDS))
    (tmp_path / "text.npz").write_text("no archive", encoding="utf-8")
    (tmp_path / "empty.npz").write_bytes(b"")
    for name in ("half", "text", "empty"):
        with pytest.raises(UserError, match=rf"{name}\.npz is damaged"):
            dynamics.table([run(tmp_path / f"{name}.npz")], data, "toys")
    recorded(tmp_path / "other.npz")
    listed = ledger.read(data / "toys" / "ledger.parquet")
    ledger.write(data / "toys" / "ledger.parquet", listed[listed["clip_id"] != IDS[3]])
    with pytest.raises(UserError, match=r"other\.npz follows '-clip 3', which is no clip of toys"):
        dynamics.table([run(tmp_path / "other.npz")], data, "toys")
