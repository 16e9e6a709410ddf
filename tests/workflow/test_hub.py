"""Two hundred clips from a stand-in of the Hugging Face Hub, from the list to a subset, through all that goes wrong."""

import csv
import random

from avbench.core.files import read_json
from avbench.data import ledger
from tests.data.download.test_archives import write_tar, write_zip
from tests.support import media_files
from tests.support.hub_server import HubServer, environment
from tests.workflow.conftest import Workflow

REPO = "Some/VGGSound"
CLASSES, CLIPS = 8, 25
PER_ARCHIVE = 40


class OfHub(Workflow):
    """A folder in which a stand-in is the Hub."""

    def __init__(self, folder, config, server):
        super().__init__(folder, config)
        self.server, self.token = server, {}

    def environment(self):
        return environment(self.server, self.folder / "home", PATH=super().environment()["PATH"], **self.token)


def clips(folder):
    """Return label and bytes of 200 clips by id; no two files are the same, though their pictures are."""
    media_files.ordinary(folder / "clip.mp4", seconds=2.0)
    clip = (folder / "clip.mp4").read_bytes()
    made = {}
    for number in range(CLASSES * CLIPS):
        noise = random.Random(number).randbytes(20_000)  # a box that players skip
        box = (8 + len(noise)).to_bytes(4, "big") + b"free" + noise
        made[f"video{number:06d}_{number:06d}"] = (f"class {number % CLASSES}", clip + box)
    return made


def test_200_clips_end_in_the_right_state_and_in_a_subset(tiny, tmp_path):
    made = clips(tmp_path)
    rng = random.Random(1)
    gone = set(rng.sample(sorted(made), 20))  # in no archive
    ids = sorted(made)
    with (tmp_path / "list.csv").open("w", encoding="utf-8", newline="") as stream:
        for number, clip_id in enumerate(ids):
            video, start = clip_id.rsplit("_", 1)
            split = "test" if number // CLASSES % 5 == 0 else "train"
            csv.writer(stream).writerow([video, int(start), made[clip_id][0], split])
    files = {}
    for part in range(5):
        chosen = ids[part * PER_ARCHIVE : (part + 1) * PER_ARCHIVE]
        held = {f"deep/{i}.mp4": made[i][1] for i in chosen if i not in gone}
        write, suffix = (write_zip, "zip") if part == 4 else (write_tar, "tar.gz")
        name = f"vggsound_{part:02d}.{suffix}"
        data = bytearray(write(tmp_path / name, held).read_bytes())
        if part == 3:  # its end is lost
            del data[len(data) // 2 :]
        if part == 4:  # one of its clips is damaged
            broken = sorted(held)[7].removeprefix("deep/").removesuffix(".mp4")
            at = data.index(made[broken][1][-1000:-900])
            data[at] ^= 1
        files[name] = bytes(data)
    tiny["datasets"]["toys"] = {
        "rules": "workflow/datasets/vggsound.smk",
        "shards": 4,
        "min_coverage": 0.5,
        "sources": [{"hub": {"repo": REPO, "pattern": "vggsound_*"}}],
        "options": {"list": {"path": str(tmp_path / "list.csv")}, "validation_share": 0.1},
    }
    tiny["subsets"] = {"few": {"clips_per_class": 20, "at_least": 5}}
    with HubServer() as server:
        server.add(REPO, files)
        server.token = "hf_right"
        server.behave(server.file("vggsound_01.tar.gz"), "broken", "broken")
        server.behave(server.file("vggsound_02.tar.gz"), "429 after 1")
        workflow = OfHub(tmp_path, tiny, server)
        subset = "results/tiny/subsets/toys/few.csv"
        # Without a token, it stops before any clip, and says what to do.
        workflow.run(subset, check=False)
        (log,) = (tmp_path / "data/toys/logs/hub").rglob("*.log")
        assert "no token is set. Accept its conditions at" in log.read_text()
        assert not list(tmp_path.glob("data/toys/store/*"))
        workflow.token = {"HF_TOKEN": "hf_right"}
        workflow.run(subset)
        assert "Nothing to be done" in workflow.run(subset)

    table = ledger.read(tmp_path / "data/toys/ledger.parquet")
    states = dict(zip(table.clip_id, zip(table.state, table.reason, strict=True), strict=True))
    assert len(states) == 200
    taken = {path.stem for path in (tmp_path / "data/toys/hub").rglob("*.mp4")}
    behind = {i for i in ids[3 * PER_ARCHIVE : 4 * PER_ARCHIVE] if i not in gone} - taken
    assert 10 < len(behind) < 30
    # Names behind the cut are lost, so that nothing tells what was there from what never was.
    expected = dict.fromkeys(ids, ("stored", "")) | dict.fromkeys(
        [*gone, *behind, broken], ("unavailable", "archive-damaged")
    )
    assert states == expected
    details = dict(zip(table.clip_id, table.detail, strict=True))
    assert "vggsound_04.zip is damaged" in details[broken]
    assert "may be one of those behind the damage" in details[sorted(behind)[-1]]
    assert read_json(tmp_path / "data/toys/coverage.json")["reasons"] == {"archive-damaged": len(gone | behind) + 1}
    drawn = list(csv.DictReader((tmp_path / subset).open(encoding="utf-8")))
    counts = {label: sum(row["label"] == label for row in drawn) for label, _ in made.values()}
    assert len(set(counts.values())) == 1
    assert min(counts.values()) >= 5
    assert not list((tmp_path / "data/toys/hub").rglob("*.tar.gz"))
