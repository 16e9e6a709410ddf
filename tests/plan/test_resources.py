import json
import subprocess
import sys

import pytest

from avbench.core.errors import UserError
from avbench.plan import resources
from avbench.plan.resources import NEEDS, batches_mb, listed_clips, memory_mb, minutes, stored_clips

MEASURED_MB = {"pack": 699, "pretrain": 972, "embed": 947, "trained": 956, "supervised": 899, "figures": 749}


@pytest.mark.parametrize("rule", NEEDS)
def test_every_attempt_asks_for_more_memory_and_time_up_to_a_limit(rule):
    asked = [memory_mb(rule, attempt) for attempt in (1, 2, 3, 4, 5)]
    assert asked[:4] == [attempt * NEEDS[rule].memory_mb for attempt in (1, 2, 3, 4)]
    assert asked[4] == asked[3]
    times = [minutes(rule, attempt) for attempt in (1, 2, 3, 4, 5)]
    assert times[0] == NEEDS[rule].minutes
    if NEEDS[rule].resumes:
        assert len(set(times)) == 1
    else:
        assert times == [times[0] * attempt for attempt in (1, 2, 3, 4, 4)]


@pytest.mark.parametrize(("rule", "measured"), MEASURED_MB.items())
def test_what_was_measured_fits_one_and_a_half_times(rule, measured):
    assert memory_mb(rule) >= 1.5 * measured


def test_more_clips_ask_for_more():
    assert memory_mb("ledger", 1, 200_000) == 1000 + 1000
    assert memory_mb("ledger", 2, 200_000) == 2 * (1000 + 1000)
    assert memory_mb("pretrain", 1, 200_000) == memory_mb("pretrain")  # a store is not read into memory
    assert memory_mb("pretrain", 1, more_mb=0.5) == memory_mb("pretrain") + 1
    assert minutes("ledger", 1, 200_000) == 20 + 10
    assert minutes("ledger", 3, 200_000) == 3 * (20 + 10)


def test_batches_held_in_memory_are_counted():
    store = {"frame_rate": 16, "width": 112, "height": 112, "sample_rate": 16000}
    pretraining = {"features": {"audio_s": 1.0, "video_s": 0.5}, "batch_size": 100}
    one = 100 * (8 * 112 * 112 * 3 + 2 * 16000) / 1e6
    assert batches_mb(pretraining, store) == pytest.approx(3 * one)
    assert batches_mb(pretraining | {"loader_threads": 4}, store) == pytest.approx(11 * one)


def test_clips_are_counted_in_what_is_there(tmp_path):
    for name, stored in (("a", 30), ("b", 12)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"all": {"listed": 50, "stored": stored}}))
    files = [str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    assert stored_clips(files) == 42
    with pytest.raises(FileNotFoundError):
        stored_clips([*files, str(tmp_path / "c.json")])
    for number, text in enumerate(("", "{}", "[]", '{"all": {"stored": null}}')):
        (tmp_path / f"{number}.json").write_text(text)
        with pytest.raises(UserError, match=rf"{number}\.json does not say how many clips are stored. Delete it"):
            stored_clips([str(tmp_path / f"{number}.json")])
    (tmp_path / "clips.csv").write_text("clip_id,label\nx,1\ny,2\n")
    assert listed_clips(str(tmp_path / "clips.csv")) == 3
    with pytest.raises(FileNotFoundError):
        listed_clips(str(tmp_path / "none.csv"))


def test_a_list_that_changed_is_counted_again(tmp_path):
    path = tmp_path / "clips.csv"
    path.write_text("clip_id\nx\n")
    assert listed_clips(str(path)) == 2
    path.write_text("clip_id\nx\ny\n")
    assert listed_clips(str(path)) == 3


def test_it_needs_nothing_but_python():
    command = f"import sys; sys.path.insert(0, {str(resources.__file__.rpartition('/avbench/')[0])!r})\n" + (
        "import avbench.plan.resources\n"
        "outside = {n.partition('.')[0] for n in sys.modules} - set(sys.stdlib_module_names)\n"
        "print(sorted(n for n in outside if n in ('numpy', 'pandas', 'torch', 'scipy', 'yaml')))"
    )
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
