"""Two hundred clips from a server with every fault there is: each ends in the right state, none is fetched twice."""

import csv
import json
import subprocess
import sys
from urllib.parse import quote

import pandas as pd
import pytest

from tests.support import media_files as files
from tests.support.media_server import MediaServer
from tests.support.paths import ROOT
from tests.workflow.conftest import Workflow

# way of the server → (number of clips, state, reason, reason after the server has been mended)
WAYS = {
    "fine": (88, "stored", "", ""),
    "429-once": (6, "stored", "", ""),
    "500-once": (6, "stored", "", ""),
    "truncated-once": (4, "stored", "", ""),
    "404": (8, "unavailable", "http-404", ""),
    "403": (8, "unavailable", "http-403", ""),
    "410": (4, "unavailable", "http-410", ""),
    "500": (3, "unavailable", "http-500", ""),
    "truncated": (3, "unavailable", "network", ""),
    "reset": (3, "unavailable", "network", ""),
    "stalled": (2, "unavailable", "timeout", ""),
    "html": (8, "unavailable", "not-media", ""),
    "empty": (4, "unavailable", "not-media", ""),
    "to-file": (4, "unavailable", "unavailable", ""),
}
BODIES = {
    "silent": (6, "rejected", "silent"),
    "still": (6, "rejected", "still"),
    "short": (6, "rejected", "short"),
    "early": (3, "rejected", "short"),  # ends before the clip begins
    "deaf": (6, "rejected", "no-audio"),
    "blind": (6, "rejected", "no-video"),
    "torn": (6, "rejected", "corrupt"),
}
HOSTILE = ["-rf", "$(touch pwned)", "a;b", "../../x", "../", "http://127.0.0.1/", "%2e%2e%2f", 'a"b', "a\nb", "*"]


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """Bytes by kind: a clip of 12 s, of which seconds 1 to 11 are listed, and its faults."""
    folder = tmp_path_factory.mktemp("media")
    picture, sound = files.moving(96), files.noise(12)
    good = files.write_media(folder / "good.mp4", picture, audio=sound).read_bytes()
    middle = len(good) // 2
    return {
        "good": good,
        "long": files.write_media(folder / "long.mp4", files.moving(160), audio=files.noise(20)).read_bytes(),
        "trimmed": files.ordinary(folder / "trimmed.mp4", 10.0).read_bytes(),
        "silent": files.write_media(folder / "silent.mp4", picture, audio=0 * sound).read_bytes(),
        "still": files.write_media(folder / "still.mp4", picture[:1].repeat(96, 0), audio=sound).read_bytes(),
        "short": files.ordinary(folder / "short.mp4", 5.0).read_bytes(),
        "early": files.ordinary(folder / "early.mp4", 0.75).read_bytes(),
        "deaf": files.write_media(folder / "deaf.mp4", picture).read_bytes(),
        "blind": files.write_media(folder / "blind.mp4", audio=sound).read_bytes(),
        "torn": good[: middle - 9000] + bytes(range(256)) * 70 + good[middle - 9000 + 256 * 70 :],
    }


def test_every_clip_of_a_bad_server_is_accounted_for(tiny, tmp_path, media):
    with MediaServer(media["good"]) as server:
        expected, healed = {}, {}
        for way, (count, state, reason, later) in WAYS.items():
            for number in range(count):
                name = f"{way}-{number:02d}"
                server.routes[f"/clips/{name}.mp4"] = way
                expected[name], healed[name] = (state, reason), ("stored", later)
        for kind, (count, *outcome) in BODIES.items():
            for number in range(count):
                name = f"{kind}-{number:02d}"
                server.bodies[f"/clips/{name}.mp4"] = media[kind], "video/mp4"
                expected[name] = healed[name] = tuple(outcome)
        for name in HOSTILE:
            expected[name] = healed[name] = ("unavailable", "http-404")
        # A folder of trimmed clips comes first: one that is good, one that is broken, one that was never trimmed.
        folder = tmp_path / "clips"
        folder.mkdir()
        (folder / "fine-00_1000_11000.mp4").write_bytes(media["trimmed"])
        (folder / "fine-01_000001.mp4").write_bytes(b"broken")
        (folder / "fine-02_1_11.mp4").write_bytes(media["long"])
        expected["fine-02"] = healed["fine-02"] = ("rejected", "duration")
        assert len(expected) == 200

        with (tmp_path / "list.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([name, 1, "x, y", "train"] for name in expected)
        tiny["checks"] = {"min_duration_s": 9.0}
        tiny["download"] = {"concurrent": 6, "retries": 1, "timeout_s": 2, "pause_s": 0.05}
        tiny["datasets"]["toys"] = {
            "rules": "workflow/datasets/vggsound.smk",
            "shards": 2,
            "min_coverage": 0.0,
            "sources": [{"directory": str(folder)}, "download"],
            "options": {
                "list": {"path": str(tmp_path / "list.csv")},
                "url": server.url("/clips/{id}.mp4"),
                "validation_share": 0.0,
            },
        }
        workflow = Workflow(tmp_path, tiny)
        target = "data/toys/coverage.json"

        def outcome():
            table = pd.read_parquet(tmp_path / "data/toys/ledger.parquet")
            assert all(
                bool(detail) == (state != "stored") for state, detail in zip(table.state, table.detail, strict=True)
            )
            names = table.clip_id.str.removesuffix("_000001")
            return dict(zip(names, zip(table.state, table.reason, strict=True), strict=True))

        workflow.run(target)
        assert outcome() == expected
        assert json.loads((tmp_path / target).read_text())["all"]["stored"] == sum(
            s == "stored" for s, _ in expected.values()
        )
        assert server.hits("/clips/fine-00.mp4") == []
        assert {path.name for path in tmp_path.iterdir()} == {"clips", "config.yaml", "data", "list.csv", ".snakemake"}
        assert "blocked by the host" in "".join(p.read_text() for p in (tmp_path / "data/toys/logs/pack").iterdir())

        # A second run does nothing, and another threshold downloads nothing.
        requests = len(server.seen)
        assert "Nothing to be done" in workflow.run(target)
        tiny["checks"] = {"min_duration_s": 3.0}
        workflow.write(tiny)
        workflow.run(target)
        for number in range(BODIES["short"][0]):
            expected[f"short-{number:02d}"] = healed[f"short-{number:02d}"] = ("stored", "")
        assert outcome() == expected
        assert len(server.seen) == requests

        # Once the server is mended, a retry asks for the clips that it did not give, and for no others.
        server.routes = dict.fromkeys(server.routes, "fine")
        command = [sys.executable, "-m", "avbench", "retry", "--dataset", "toys"]
        printed = subprocess.run(
            command, cwd=tmp_path, env=workflow.environment(), check=True, capture_output=True, text=True
        )
        failed = [name for name, (state, _) in expected.items() if state == "unavailable"]
        assert printed.stdout.startswith(f"{len(failed)} clips of toys will be tried again")
        workflow.run(target)
        assert outcome() == healed
        asked = {seen.path for seen in server.seen[requests:]}
        assert asked == {f"/clips/{quote(name, safe='')}.mp4" for name in failed}
    assert not (ROOT / "pwned").exists()
