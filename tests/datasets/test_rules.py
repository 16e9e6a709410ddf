"""The datasets' rules: the full replication plans without data, and each kind's files become a manifest."""

import csv
import os
import subprocess
import sys
import wave
from pathlib import Path

import pytest
import yaml

from avbench.manifest import read_manifest

ROOT = Path(__file__).parents[2]


def snakemake(folder, config, *arguments):
    """Run Snakemake on the repository's workflow in another working directory."""
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "claims.yaml").write_bytes((ROOT / "config" / "claims.yaml").read_bytes())
    (folder / "config" / "test.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--configfile", "config/test.yaml"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [*map(str, command), "--cores", "1", *arguments],
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # a dry run reports errors on stdout
        text=True,
        check=False,
    )


@pytest.fixture
def config():
    return yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))


def write_wav(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))


def write_table(path, rows, delimiter=","):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows(rows)


def test_the_full_replication_plans_without_data(tmp_path, config):
    ran = snakemake(tmp_path, config, "--dry-run", "--quiet", "all")
    assert ran.returncode == 0, ran.stdout
    config["datasets"]["tau-av-2021"]["options"]["directroy"] = "x"
    ran = snakemake(tmp_path, config, "--dry-run")
    assert ran.returncode == 1
    assert "datasets.tau-av-2021.options" in ran.stdout
    assert "did you mean 'directory'" in ran.stdout


def test_audio_datasets_must_say_so(tmp_path, config):
    del config["datasets"]["fsdnoisy18k-clean"]["modalities"]
    ran = snakemake(tmp_path, config, "--dry-run")
    assert ran.returncode == 1
    assert "datasets.fsdnoisy18k-clean.modalities must be [audio]" in ran.stdout


def test_each_kind_becomes_a_manifest(tmp_path, config):
    disk = tmp_path / "my disk"
    write_table(disk / "vgg.csv", [("-a", 1, "dog, barking", "train"), ("-a", 2, "dog, barking", "test")])
    write_table(disk / "out.txt", [("nobody",)])
    (disk / "vgg").mkdir()
    (disk / "vgg" / "-a_1_11.mp4").touch()

    rows = [(f"audio/tram-{i}.wav", f"video/tram-{i}.mp4", "tram", f"place-{i}") for i in range(4)]
    header = ("filename_audio", "filename_video", "scene_label", "identifier")
    write_table(disk / "tau" / "meta.csv", [header, *rows], "\t")
    (disk / "tau" / "audio").mkdir()
    for part, chosen in (("train", rows[:3]), ("evaluate", rows[3:])):
        write_table(disk / "tau" / "evaluation_setup" / f"fold1_{part}.csv", [r[:3] for r in (header, *chosen)], "\t")

    clips = [(f"{i}.wav", "Fire", "x", 1, 0) for i in range(3)]
    header = ("fname", "label", "aso_id", "manually_verified", "noisy_small")
    write_table(disk / "fsd" / "FSDnoisy18k.meta" / "train.csv", [header, *clips])
    write_table(disk / "fsd" / "FSDnoisy18k.meta" / "test.csv", [("fname", "label"), ("9.wav", "Fire")])
    for name in ("train/0", "train/1", "train/2", "test/9"):
        write_wav(disk / "fsd" / f"FSDnoisy18k.audio_{name}.wav")
    for i in range(5):
        write_wav(disk / "mine" / "$(touch pwned)" / f"-x '{i}.wav")

    vggsound, tau, fsd = config["datasets"].values()
    vggsound["options"] = {
        "list": {"path": "my disk/vgg.csv"},
        "directory": "my disk/vgg",
        "exclude": "my disk/out.txt",
        "validation_share": 0,
    }
    tau["options"] = {"directory": "my disk/tau"}
    fsd["options"] = {"directory": "my disk/fsd"}
    mine = {"shards": 1, "min_coverage": 1, "rules": "workflow/datasets/folder.smk"}
    config["datasets"]["mine"] = mine | {"options": {"directory": "my disk/mine"}}
    names = list(config["datasets"])
    ran = snakemake(tmp_path, config, *(f"data/{name}/clips.csv" for name in names))
    assert ran.returncode == 0, ran.stdout
    made = {name: read_manifest(tmp_path / "data" / name / "clips.csv") for name in names}
    assert [len(made[name]) for name in names] == [2, 4, 4, 5]
    assert [list(made[name].split).count("validation") for name in names] == [0, 1, 1, 1]
    assert (tmp_path / "data" / "mine" / made["mine"].source[0]).is_file()
    assert not (tmp_path / "pwned").exists()
