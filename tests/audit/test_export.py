"""Encoders that leave: the export's files, and the same features from them in an environment with torch alone."""

import json
import subprocess
import venv
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement

import avbench
from avbench.audit.export import FILES, export, find_run
from avbench.core.errors import UserError
from avbench.models.embedder import load_embedder
from avbench.models.tensor_file import read_tensors
from avbench.training import checkpoint
from tests.support.encoder_files import MINE, model_of, write_mine
from tests.support.training import SETTINGS, trained_weights, write_store

RUN = "runs/d/s/true/soft-positive/default/seed-0"
OUTSIDE = """
import importlib.util, sys
import torch
sys.path.insert(0, sys.argv[1])
for name in ("avbench", "numpy", "pydantic", "torchvision"):
    assert importlib.util.find_spec(name) is None, name
from encoder import get_scene_embeddings, get_timestamp_embeddings, load_model
model = load_model()
given = torch.load(sys.argv[2])
times = get_timestamp_embeddings(given["sound"], model, 500.0)
found = {
    "scene": get_scene_embeddings(given["sound"], model),
    "clip": model.clip_embeddings(given["frames"]),
    "times": times[1],
    "moments": times[0],
    "sizes": torch.tensor([model.sample_rate, model.scene_embedding_size, model.timestamp_embedding_size]),
}
torch.save(found, sys.argv[3])
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Finished runs, of a preset and of a user's file."""
    folder = tmp_path_factory.mktemp("exports")
    store = write_store(folder / "data")
    mine = model_of(write_mine(folder)) | {"audio": {"builder": f"{folder}/mine.py:heard", "clips": "windows"}}
    for name, model in (("preset", "small"), ("mine", mine)):
        trained_weights(store, folder / name / RUN, settings=replace(SETTINGS, model=model, epochs=1))
    return folder


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A Python that has torch and what torch itself needs, and nothing else."""
    folder = tmp_path_factory.mktemp("outside")
    venv.create(folder / "venv", with_pip=False)
    packages = folder / "packages"
    packages.mkdir()
    wanted, seen = ["torch"], set()
    while wanted:
        name = wanted.pop()
        if name in seen or name == "numpy":
            continue
        seen.add(name)
        for text in metadata.requires(name) or []:
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                wanted.append(need.name)
        for file in metadata.files(name) or []:
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not (packages / top).exists():
                (packages / top).symlink_to(
                    Path(file.locate()).parents[len(file.parts) - 2] if len(file.parts) > 1 else file.locate()
                )
    (site,) = (folder / "venv/lib").glob("python*/site-packages")
    (site / "torch.pth").write_text(f"{packages}\n")
    return folder / "venv/bin/python"


def test_both_kinds_of_encoders_give_the_same_features_outside(runs, outside, tmp_path):
    generator = torch.Generator().manual_seed(0)
    sound = torch.rand(2, 16000, generator=generator) * 0.5 - 0.25
    frames = torch.randint(0, 256, (2, 6, 32, 32, 3), dtype=torch.uint8, generator=generator)
    torch.save({"sound": sound, "frames": frames}, tmp_path / "given.pt")
    for name in ("preset", "mine"):
        out = tmp_path / name
        export(runs / name / RUN, out)
        command = [outside, "-I", "-W", "ignore", "-c", OUTSIDE, out, tmp_path / "given.pt", tmp_path / f"{name}.pt"]
        subprocess.run(command, check=True, cwd=tmp_path)
        found = torch.load(tmp_path / f"{name}.pt")
        embedder = load_embedder(checkpoint.load(runs / name / RUN / "checkpoint.pt"))
        with torch.inference_mode():
            torch.testing.assert_close(found["scene"], embedder.model.audio(embedder.audio_input(sound)))
            torch.testing.assert_close(found["clip"], embedder.model.video(embedder.video_input(frames)))
        assert found["sizes"].tolist() == [8000, *[embedder.model.audio.features] * 2]
        assert found["times"].tolist() == [[0.0, 500.0, 1000.0, 1500.0, 2000.0]] * 2
        # The window around one second is that of the sound from 0.5 to 1.5 s.
        with torch.inference_mode():
            middle = embedder.model.audio(embedder.audio_input(sound[:, 4000:12000]))
        torch.testing.assert_close(found["moments"][:, 2], middle)
        assert torch.equal(avbench.load_encoder(out).scene_embeddings(sound), found["scene"])


def test_the_files_of_an_export(runs, tmp_path):
    scores = "task,protocol,modality,accuracy,n_test\ntoys,linear,audio,0.5,16\n"
    (runs / "preset" / RUN / "scores.csv").write_text(scores)
    run = find_run(runs / "preset", {"method": "soft-positive", "seed": "0"})
    export(run, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES)
    state = checkpoint.load(run / "checkpoint.pt")["model"]
    tensors = read_tensors(tmp_path / "out/model.safetensors")
    assert all(torch.equal(tensors[name], value) for name, value in state.items())
    card = (tmp_path / "out/README.md").read_text()
    assert "| toys | linear | audio | 0.5000 | 16 |" in card
    settings = json.loads((tmp_path / "out/settings.json").read_text())
    assert settings["checkpoint"] in card
    assert (settings["method"], settings["seed"]) == ("soft-positive", "0")
    assert str(runs) not in card + json.dumps(settings)


def test_files_of_one_name_are_kept_apart(runs, tmp_path):
    """Of each other, and of the module that an export has itself."""
    places = [tmp_path / place / "encoder.py" for place in ("audio", "video")]
    for path, function in zip(places, ("heard", "seen"), strict=True):
        path.parent.mkdir()
        path.write_text(f"{MINE}\n\nmine = {function}\n")
    model = model_of(tmp_path / "unused.py")
    for modality, path in zip(("audio", "video"), places, strict=True):
        model[modality] |= {"builder": f"{path}:mine"}
    run = tmp_path / RUN
    trained_weights(write_store(tmp_path / "data"), run, settings=replace(SETTINGS, model=model, epochs=1))
    export(run, tmp_path / "out")
    for path in places:
        assert (tmp_path / f"out/{path.parent.name}_encoder.py").read_text() == path.read_text()
    embedder, sound = load_embedder(checkpoint.load(run / "checkpoint.pt")), torch.rand(2, 16000)
    with torch.inference_mode():
        expected = embedder.model.audio(embedder.audio_input(sound))
    torch.testing.assert_close(avbench.load_encoder(tmp_path / "out").scene_embeddings(sound), expected)


def test_a_run_is_found_by_its_names_and_must_be_the_only_one(runs, tmp_path):
    for labels in ("none", "true"):
        folder = tmp_path / f"runs/d/s/{labels}/random/default/seed-3"
        folder.mkdir(parents=True)
        (folder / "checkpoint.pt").touch()
    assert find_run(tmp_path, {"method": "random", "seed": "3", "labels": "true"}).parts[-4] == "true"
    with pytest.raises(UserError, match="2 runs are of method random, seed 3: d/s/none.*Choose among them with"):
        find_run(tmp_path, {"method": "random", "seed": "3"})
    with pytest.raises(UserError, match="0 runs are of method other, seed 3"):
        find_run(tmp_path, {"method": "other", "seed": "3"})
    with pytest.raises(UserError, match="holds no encoder.py"):
        avbench.load_encoder(tmp_path)
