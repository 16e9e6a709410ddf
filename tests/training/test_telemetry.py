"""What training tells of its speed and its losses."""

import sys

import pytest

from avbench.training.telemetry import Timing, open_tensorboard


def test_speed_and_waiting_are_shares_of_all_the_time():
    timing = Timing()
    assert timing.rates() == {"clips_per_s": None, "waiting_share": None}
    timing.add(seconds=0.5, waited=0.1, clips=600)
    timing.add(seconds=1.5, waited=0.1, clips=2400)
    assert timing.rates() == {"clips_per_s": 1500.0, "waiting_share": 0.1}
    assert str(timing) == "1,500 clips/s, 10% of the time waiting for data"


def test_without_tensorboard_a_line_tells_so(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # as if it were not installed
    said = []
    assert open_tensorboard(tmp_path / "tensorboard", 0, said.append) is None
    assert "the package is not installed" in said[0]
    assert list(tmp_path.iterdir()) == []


def test_tensorboard_reads_the_events_of_a_run_that_was_interrupted(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for steps in (range(0, 6), range(4, 8)):  # the second job goes on from a checkpoint of step 4
        events = open_tensorboard(tmp_path, steps[0], pytest.fail)
        for step in steps:
            events.add_scalar("loss/step", 10 * len(steps) + step, step)
        events.close()
    found = EventAccumulator(str(tmp_path))
    found.Reload()
    assert [(event.step, event.value) for event in found.Scalars("loss/step")] == [
        *((step, 60 + step) for step in range(4)),
        *((step, 40 + step) for step in range(4, 8)),
    ]
