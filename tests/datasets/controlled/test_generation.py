import dataclasses
import os
from pathlib import Path

import av
import numpy as np
import pytest

from avbench.core.errors import UserError
from avbench.datasets.controlled import CONDITIONS, ControlledSettings, generate, manifest, render
from avbench.datasets.controlled.classes import clips
from avbench.datasets.controlled.encoding import write_clip

SET = ControlledSettings(classes=3, train=2, validation=1, test=1)


def decode(path):
    with av.open(str(path)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        blocks = list(container.decode(audio=0))
    with av.open(str(path)) as container:
        times = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
    sound = np.concatenate([block.to_ndarray()[0] for block in blocks])
    start = float(blocks[0].pts * blocks[0].time_base)
    return np.stack(pictures), times, sound, start, blocks[0].sample_rate


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "settings", [SET, dataclasses.replace(SET, size=48, frame_rate=10, conditions=CONDITIONS["outdoors"])]
)
def test_files_hold_what_was_rendered(tmp_path, settings):
    for k in range(3):
        frames, sound, _ = render(settings, 1, "train", k)
        write_clip(tmp_path / "clip.mp4", settings, frames, sound)
        pictures, times, heard, start, rate = decode(tmp_path / "clip.mp4")
        assert pictures.shape == frames.shape
        np.testing.assert_allclose(times, np.arange(len(frames)) / settings.frame_rate, atol=1e-4)
        error = pictures.astype(float) - frames
        assert 10 * np.log10(255**2 / (error**2).mean()) > 28  # dB
        assert np.abs(error.mean(axis=(0, 1, 2))).max() < 1.5  # no colour is shifted
        assert start == 0
        assert rate == settings.sample_rate
        assert 0 <= len(heard) - len(sound) <= 2048
        assert np.corrcoef(heard[: len(sound)], sound)[0, 1] > 0.98


def test_files_are_h264_and_aac(tmp_path):
    generate(SET, tmp_path)
    for source in manifest(SET)["source"]:
        with av.open(str(tmp_path / source)) as container:
            assert [stream.codec_context.name for stream in container.streams] == ["h264", "aac"]
            assert container.duration / av.time_base == pytest.approx(SET.duration_s, abs=0.15)
            assert container.streams.audio[0].channels == 1


def test_sound_only_files_have_no_picture(tmp_path):
    settings = dataclasses.replace(SET, video=False, name="telephone")
    generate(settings, tmp_path)
    for source in manifest(settings)["source"]:
        with av.open(str(tmp_path / source)) as container:
            assert [stream.type for stream in container.streams] == ["audio"]


def test_shards_together_give_the_same_bytes_as_one_run(tmp_path):
    assert generate(SET, tmp_path / "whole") == 12
    assert sum(generate(SET, tmp_path / "parts", shard, 3) for shard in range(3)) == 12
    assert contents(tmp_path / "whole") == contents(tmp_path / "parts")
    assert {str(path) for path in contents(tmp_path / "whole")} == set(manifest(SET)["source"])


def test_a_run_goes_on_where_it_was(tmp_path, monkeypatch):
    generate(SET, tmp_path / "whole")
    written = []

    def killed(path, *rest):
        if len(written) == 5:
            raise KeyboardInterrupt
        written.append(path)
        write_clip(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr("avbench.datasets.controlled.generation.write_clip", killed)
        with pytest.raises(KeyboardInterrupt):
            generate(SET, tmp_path / "again")
    assert len(contents(tmp_path / "again")) == 5
    before = {path: path.stat().st_mtime_ns for path in written}
    assert generate(SET, tmp_path / "again") == 7
    assert contents(tmp_path / "again") == contents(tmp_path / "whole")
    assert before == {path: path.stat().st_mtime_ns for path in written}
    assert generate(SET, tmp_path / "again") == 0


def test_an_interrupted_file_leaves_nothing_behind(tmp_path):
    frames, sound, _ = render(SET, 0, "train", 0)
    with pytest.raises(ValueError, match="shape"):
        write_clip(tmp_path / "clip.mp4", SET, frames[:, :, :, :2], sound)
    assert list(tmp_path.iterdir()) == []


def test_other_settings_never_take_old_files_for_theirs(tmp_path):
    generate(SET, tmp_path)
    changed = dataclasses.replace(SET, spread=0.1)
    assert generate(changed, tmp_path) == 12
    assert not set(manifest(SET)["source"]) & set(manifest(changed)["source"])


def test_a_larger_set_adds_files_and_changes_none(tmp_path):
    generate(SET, tmp_path)
    before = contents(tmp_path)
    assert generate(dataclasses.replace(SET, train=3), tmp_path) == 3
    assert before.items() <= contents(tmp_path).items()


def test_a_relative_folder_with_a_colon_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = dataclasses.replace(SET, classes=2, train=1, validation=0, test=0)
    generate(one, "-http:set")
    assert all(Path("-http:set", clip.source).stat().st_size for clip in clips(one))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_folder_is_a_user_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot write"):
        generate(SET, tmp_path)


def test_a_file_in_the_way_is_a_user_error(tmp_path):
    (tmp_path / "media").write_text("not a folder")
    with pytest.raises(UserError, match="cannot write"):
        generate(SET, tmp_path)
