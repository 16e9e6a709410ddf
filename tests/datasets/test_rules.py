"""The datasets' rules: the full replication plans without data, and each kind's files become a manifest."""

import copy
import csv
import hashlib
import io
import json
import os
import subprocess
import sys
import wave
import zipfile
from pathlib import Path

import pytest
import yaml

from avbench.data.manifest import read_manifest
from tests.support import media_files
from tests.support.file_server import FileServer
from tests.support.paths import ROOT


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


TOP = "TAU-urban-audio-visual-scenes-2021-development"


def archive(folder, *parts):
    """Return the bytes of a zip of the files below some parts of a folder, with their paths in it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(file for part in parts for file in folder.glob(part) if file.is_file()):
            made.write(path, path.relative_to(folder))
    return stream.getvalue()


def tau_archives(disk):
    rows = [
        (f"audio/{scene}-lyon-{place}-{i}.wav", f"video/{scene}-lyon-{place}-{i}.mp4", scene, f"lyon-{place}")
        for scene, first in (("tram", 0), ("park", 10))
        for place in range(first, first + 4)
        for i in range(2)
    ]
    header = ("filename_audio", "filename_video", "scene_label", "identifier")
    write_table(disk / TOP / "meta.csv", [header, *rows], "\t")
    for part, chosen in (("train", lambda row: row[3][-1] != "3"), ("evaluate", lambda row: row[3][-1] == "3")):
        listed = [row[:3] for row in (header, *filter(chosen, rows))]
        write_table(disk / TOP / "evaluation_setup" / f"fold1_{part}.csv", listed, "\t")
    for row in rows:
        write_wav(disk / TOP / row[0])
    return {
        f"{TOP}.doc.zip": b"not needed, and no zip",
        f"{TOP}.meta.zip": archive(disk, f"{TOP}/meta.csv", f"{TOP}/evaluation_setup/*"),
        f"{TOP}.audio.1.zip": archive(disk, f"{TOP}/audio/tram*"),
        f"{TOP}.audio.2.zip": archive(disk, f"{TOP}/audio/park*"),
        f"{TOP}.video.1.zip": b"not needed either",
    }


def fsd_archives(disk):
    train = [(f"{i}.wav", "FireRain"[4 * (i % 2) :][:4], "x", int(i < 8), int(i == 9)) for i in range(12)]
    write_table(
        disk / "FSDnoisy18k.meta" / "train.csv",
        [("fname", "label", "aso_id", "manually_verified", "noisy_small"), *train],
    )
    write_table(disk / "FSDnoisy18k.meta" / "test.csv", [("fname", "label"), ("90.wav", "Fire"), ("91.wav", "Rain")])
    for name in [f"train/{row[0]}" for row in train] + ["test/90.wav", "test/91.wav"]:
        write_wav(disk / f"FSDnoisy18k.audio_{name}")
    parts = ("audio_train", "audio_test", "meta")
    return {f"FSDnoisy18k.{part}.zip": archive(disk, f"FSDnoisy18k.{part}/*") for part in parts}


def further_sets(disk):
    """Write AVE, UCF101 and Kinetics-Sounds as they are published, two clips a split; return their datasets."""
    rules = {"shards": 1, "min_coverage": 0.5}
    (disk / "AVE_Dataset" / "AVE").mkdir(parents=True)
    for part in ("train", "val", "test"):
        rows = [f"{event}&{part}-{number}&good&0&10\n" for number, event in enumerate(("Bus", "Truck"))]
        (disk / "AVE_Dataset" / f"{part}Set.txt").write_text("".join(rows))
    listed = disk / "ucf101" / "ucfTrainTestlist"
    listed.mkdir(parents=True)
    for label in ("Archery", "Typing"):
        (disk / "ucf101" / "UCF-101" / label).mkdir(parents=True)
        for group in (1, 2, 3):
            name = f"{label}/v_{label}_g{group:02d}_c01.avi"
            audio = {"audio": media_files.noise(1.0), "audio_codec": "mp3"} if label == "Typing" else {}
            path = disk / "ucf101" / "UCF-101" / name
            media_files.write_media(path, media_files.moving(8), video_codec="mpeg4", **audio)
            with (listed / ("testlist02.txt" if group == 2 else "trainlist02.txt")).open("a") as stream:
                stream.write(f"{name}\n")
    header = ("label", "youtube_id", "time_start", "time_end", "split")
    for split in ("train", "validate", "test"):
        rows = [("singing", f"{split}-{i}", 0, 10, split) for i in range(2)]
        write_table(disk / "kinetics" / f"{split}.csv", [header, *rows, ("archery", f"{split}-x", 0, 10, split)])
    options = {
        "ave": {"directory": "my disk"},
        "ucf101": {"directory": "my disk/ucf101", "split": 2, "validation_share": 0.5},
        "kinetics_sounds": {"lists": [f"my disk/kinetics/{split}.csv" for split in ("train", "validate", "test")]},
    }
    return {name: rules | {"rules": f"workflow/datasets/{name}.smk", "options": of} for name, of in options.items()}


def test_further_sets_become_manifests_and_a_set_in_folds_is_downloaded_once(tmp_path, config):
    disk = tmp_path / "my disk"
    sets = further_sets(disk)
    header = ("filename", "fold", "target", "category", "esc10", "src_file", "take")
    rows = [
        (f"{fold}-{fold}{i}-A-0.wav", fold, 0, "dog", True, f"{fold}{i}", "A") for fold in range(1, 6) for i in "01"
    ]
    write_table(disk / "ESC-50-master" / "meta" / "esc50.csv", [header, *rows])
    for row in rows:
        write_wav(disk / "ESC-50-master" / "audio" / row[0])
    folds = [f"esc50-{fold}" for fold in range(1, 6)]
    with FileServer() as server:
        server.files["/ESC-50.zip"] = archive(disk, "ESC-50-master/*/*")
        source = {"url": f"{server.url}/ESC-50.zip", "sha256": hashlib.sha256(server.files["/ESC-50.zip"]).hexdigest()}
        for fold, name in enumerate(folds, start=1):
            rules = {"rules": "workflow/datasets/esc50.smk", "modalities": ["audio"], "shards": 1, "min_coverage": 1}
            sets[name] = rules | {"options": {"archive": source, "fold": fold}}
        config["datasets"] |= sets
        ran = snakemake(tmp_path, config, *(f"data/{name}/clips.csv" for name in sets))
        assert ran.returncode == 0, ran.stdout
        assert server.paths() == ["/ESC-50.zip"]
    made = {name: read_manifest(tmp_path / "data" / name / "clips.csv") for name in sets}
    counts = {"ave": 6, "ucf101": 3, "kinetics_sounds": 6} | dict.fromkeys(folds, 10)
    assert {name: len(clips) for name, clips in made.items()} == counts
    assert all({"train", "validation", "test"} <= set(clips.split) for clips in made.values())
    for name in ("ucf101", *folds):
        assert all((tmp_path / "data" / name / source).is_file() for source in made[name].source)
    tested = [clip for name in folds for clip in made[name].clip_id[made[name].split == "test"]]
    assert sorted(tested) == sorted(made["esc50-1"].clip_id)

    config["datasets"]["esc50-2"]["options"]["archive"] = {"url": "http://127.0.0.1/other.zip"}
    ran = snakemake(tmp_path, config, "--dry-run")
    assert ran.returncode == 1
    assert "options.archive differs between folds of ESC-50" in ran.stdout
    config["datasets"]["ucf101"]["options"]["classes"] = "all"
    config["datasets"]["esc50-2"]["options"]["archive"] = source
    ran = snakemake(tmp_path, config, "--dry-run")
    assert "datasets.ucf101.modalities must be [video] with options.classes: all" in ran.stdout


def test_datasets_on_zenodo_become_manifests_once(tmp_path, config):
    missing = "/api/records/2529934/files/FSDnoisy18k.meta.zip/content"
    broken = f"/api/records/4477542/files/{TOP}.audio.1.zip/content"
    records = {"tau-av-2021": 4477542, "fsdnoisy18k-clean": 2529934, "fsdnoisy18k-noisy": 2529934}
    names = list(records)
    config["datasets"]["fsdnoisy18k-noisy"] = copy.deepcopy(config["datasets"]["fsdnoisy18k-clean"])
    config["datasets"]["fsdnoisy18k-noisy"]["options"]["subset"] = "noisy"
    targets = [f"data/{name}/clips.csv" for name in names]
    with FileServer() as server:
        for record, archives in ((4477542, tau_archives(tmp_path / "tau")), (2529934, fsd_archives(tmp_path / "fsd"))):
            server.add_record(record, archives)
        for name in names:
            options = config["datasets"][name]["options"]
            options.pop("directory", None)
            options["zenodo"] = {"record": records[name], "api": f"{server.url}/api"}
        server.behave(broken, "broken")
        server.behave(missing, "404")
        ran = snakemake(tmp_path, config, "--keep-going", *targets)
        assert ran.returncode == 1
        assert f"{missing} cannot be downloaded: the server answers 404" in ran.stdout
        assert "Traceback" not in (tmp_path / "data/downloads/logs/fsdnoisy18k-2529934.log").read_text()
        ran = snakemake(tmp_path, config, *targets)
        assert ran.returncode == 0, ran.stdout
        whole = [path for path, status, _ in server.sent if status == 200 and "/files/" in path]
        assert len(whole) == len(set(whole)) == 6  # once for both parts; what had arrived, not again
        assert [status for path, status, _ in server.sent if path == broken] == [200, 206]
        tau, fsd, noisy = (read_manifest(tmp_path / target) for target in targets)
        assert [list(tau.split).count(split) for split in ("train", "validation", "test")] == [8, 4, 4]
        assert [list(fsd.split).count(split) for split in ("train", "validation", "test")] == [6, 2, 2]
        assert set(noisy.clip_id[noisy.split != "test"]).isdisjoint(fsd.clip_id)
        folders = ["tau-av-2021/download"] + ["downloads/fsdnoisy18k-2529934"] * 2
        for name, folder, table in zip(names, folders, (tau, fsd, noisy), strict=True):
            for row in table.itertuples():
                source = (tmp_path / "data" / name / row.source).resolve()
                assert source.is_file()
                assert (tmp_path / "data" / folder) in source.parents
        assert (tmp_path / "data/downloads/benchmarks/fsdnoisy18k_download/2529934.tsv").is_file()
        made = json.loads((tmp_path / "data/downloads/fsdnoisy18k-2529934.json").read_text())
        assert [file["name"].split(".")[1] for file in made["files"]] == ["audio_test", "audio_train", "meta"]

        # Neither again, nor because of what changes nothing about what was downloaded.
        for name in names:
            config["datasets"][name]["options"]["zenodo"]["keep_archives"] = False
        asked = len(server.requests)
        ran = snakemake(tmp_path, config, *targets)
        assert ran.returncode == 0, ran.stdout
        assert "Nothing to be done" in ran.stdout
        assert len(server.requests) == asked
    config["datasets"]["fsdnoisy18k-noisy"]["options"]["zenodo"]["keep_archives"] = True
    ran = snakemake(tmp_path, config, *targets)
    assert ran.returncode == 1
    assert "datasets.fsdnoisy18k-noisy.options.zenodo differs from that of another dataset" in ran.stdout
