"""Batches of pretraining: what is cut from which clip, whatever else is in the batch and wherever a run goes on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from avbench.config.methods import PRESETS, Method
from avbench.config.store import StoreSettings
from avbench.core.errors import UserError
from avbench.data.store import Row, Store, encode_frames, write_shard
from avbench.features.windows import Clips
from avbench.pretraining.window_batches import Batches
from avbench.training.distributed import World
from tests.support.training import FEATURES, SETTINGS, pairing_labels, write_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def labels(store):
    return pairing_labels(store)


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """Clips of one class that last 2 to 5 s: frame k is grey level 10·k, and so is the sound of its time."""
    settings = StoreSettings(frame_rate=4.0, width=16, height=16, sample_rate=8000, jpeg_quality=95)
    rows = []
    for clip, seconds in enumerate((2.0, 3.0, 5.0, 2.5, 5.0, 5.0)):
        grey = np.arange(int(seconds * 4), dtype=np.uint8) * 10
        frames = np.broadcast_to(grey[:, None, None, None], (len(grey), 16, 16, 3))
        audio = np.repeat(grey, 2000).astype("<i2")
        rows.append(Row(f"{clip}", encode_frames(np.ascontiguousarray(frames), settings), audio.tobytes(), seconds))
    path = tmp_path_factory.mktemp("uneven") / "000.arrow"
    write_shard(path, rows, settings)
    return Clips(Store([path]), [f"{clip}" for clip in range(6)], FEATURES)


def test_an_anchors_partner_and_window_do_not_depend_on_its_batch(store, labels):
    clips = Clips(store, store.clip_ids, FEATURES)
    numbers = np.unique(labels, return_inverse=True)[1]
    plan = Batches(clips, numbers, PRESETS["soft-positive"], SETTINGS, seed=5)
    together = plan.read(0, 2, np.array([3, 9, 11]))
    alone = plan.read(7, 2, np.array([9]))
    assert torch.equal(together.audio[1:2], alone.audio)
    assert torch.equal(together.frames[1:2], alone.frames)
    assert torch.equal(together.flips[1:2], alone.flips)


def test_a_batch_has_the_labels_of_all_its_clips_where_the_loss_needs_them(store, labels):
    clips = Clips(store, store.clip_ids, FEATURES)
    numbers = np.unique(labels, return_inverse=True)[1]
    anchors, masked = np.array([3, 9, 11, 2, 0]), Method("m", labels="true", loss="masked")
    for rank in range(2):  # every process computes the loss of the whole batch
        plan = Batches(clips, numbers, masked, SETTINGS, 5, World(rank, 2))
        batch = plan.read(0, 2, anchors)
        assert batch.labels.tolist() == numbers[anchors].tolist()
        assert len(batch.audio) == (3, 2)[rank]
    for method in (PRESETS["soft-positive"], PRESETS["random"], Method("m", loss="hard")):
        assert Batches(clips, numbers, method, SETTINGS, seed=5).read(0, 2, anchors).labels is None


def test_steps_are_the_same_from_wherever_a_run_goes_on(store, labels):
    clips = Clips(store, store.clip_ids, FEATURES)
    numbers = np.unique(labels, return_inverse=True)[1]
    for threads in (0, 2):
        plan = Batches(clips, numbers, Method("m", "same-class", 0.5, "one-per-class", "true"), SETTINGS, seed=1)
        everything = list(plan.since(0, threads))
        assert [batch.step for batch in everything] == list(range(plan.steps))
        for first in (1, plan.steps_per_epoch, plan.steps - 1):
            rest = list(plan.since(first, threads))
            assert [batch.step for batch in rest] == list(range(first, plan.steps))
            for a, b in zip(rest, everything[first:], strict=True):
                assert all(torch.equal(getattr(a, part), getattr(b, part)) for part in ("audio", "frames", "flips"))


def test_frames_are_flipped_each_for_itself_as_published(store, labels):
    clips = Clips(store, store.clip_ids, FEATURES)
    numbers = np.unique(labels, return_inverse=True)[1]
    anchors = np.arange(24)
    flips = {
        flip: Batches(clips, numbers, PRESETS["random"], replace(SETTINGS, flip=flip), seed=1).read(0, 0, anchors).flips
        for flip in ("clip", "frame")
    }
    assert flips["clip"].shape == (24,)
    assert flips["frame"].shape == (24, 4)
    assert (flips["frame"].float().mean(1) % 1 > 0).any()


def test_fixed_batches_of_one_class_come_again_in_every_epoch(store, labels):
    clips = Clips(store, store.clip_ids, FEATURES)
    numbers = np.unique(labels, return_inverse=True)[1]

    def epochs(method, order):
        settings = replace(SETTINGS, batch_size=3, batch_order=order)
        plan = Batches(clips, numbers, PRESETS[method], settings, seed=1)
        assert [batch.epoch for batch in plan.since(0)] == np.repeat(range(3), plan.steps_per_epoch).tolist()
        return [np.stack(plan.epoch(epoch)).tolist() for epoch in range(3)]

    first, second, third = epochs("hard-negative", "fixed")
    assert first == second == third == epochs("hard-negative", "fresh")[0]
    assert len({str(epoch) for epoch in epochs("hard-negative", "fresh")}) == 3
    for method in ("random", "easy-negative"):  # only batches of one class were fixed
        assert epochs(method, "fixed") == epochs(method, "fresh")


def test_members_of_easy_negative_batches_stand_by_class_if_the_settings_say_so(store, labels):
    clips, numbers = Clips(store, store.clip_ids, FEATURES), np.unique(labels, return_inverse=True)[1]
    for members, ordered in (("by-class", True), ("shuffled", False)):
        plan = Batches(clips, numbers, PRESETS["easy-negative"], replace(SETTINGS, batch_members=members), seed=1)
        made = [numbers[batch] for epoch in range(3) for batch in plan.epoch(epoch)]
        assert all((np.diff(batch) > 0).all() for batch in made) == ordered


def test_windows_lie_inside_anchor_and_partner_or_inside_the_anchor_alone(uneven):
    labels, anchors = np.zeros(6, int), np.arange(6)
    plans = {
        time: Batches(uneven, labels, PRESETS["soft-positive"], replace(SETTINGS, partner_time=time, batch_size=6), 1)
        for time in ("fits", "anchor")
    }
    ended, moved = 0, 0
    for epoch in range(20):
        partners = plans["fits"].videos(anchors, epoch)
        shorter = uneven.duration_s[partners] < uneven.duration_s[anchors]
        fits, anchor = (plans[time].read(0, epoch, anchors) for time in ("fits", "anchor"))
        for clip in anchors:
            last = int(uneven.duration_s[partners[clip]] * 4) - 1
            for batch in (fits, anchor):
                first = batch.audio[clip, 0].item() // 10  # the sound's first frame: where both windows begin,
                first += int((batch.audio[clip] == 10 * first).sum() < 1000)  # or the next one, if that is nearer
                found = batch.frames[clip].float().mean((1, 2, 3)).tolist()
                assert found == pytest.approx([min(first + k, last) * 10 for k in range(4)], abs=2)
                assert batch is anchor or first + 3 <= last
                ended += first + 3 > last
            equal = torch.equal(fits.audio[clip], anchor.audio[clip])
            assert equal or shorter[clip]  # where the partner is no shorter, nothing changes
            assert equal <= torch.equal(fits.frames[clip], anchor.frames[clip])
            moved += not equal
    assert ended > 5
    assert moved > 5


def test_a_batch_too_small_for_its_groups_is_refused_before_training(store, labels):
    clips = Clips(store, store.clip_ids, FEATURES)
    numbers = np.unique(labels, return_inverse=True)[1]
    with pytest.raises(UserError, match="hard-negative: a batch of 6 clips is too small for 4 groups"):
        Batches(clips, numbers, PRESETS["hard-negative"], replace(SETTINGS, batch_norm_groups=4), seed=1)
