import io
import sys

import pytest

from avbench.core import progress
from avbench.core.progress import Progress
from avbench.training.telemetry import Timing, open_tensorboard


class Clock:
    """A clock that goes on by 25 s whenever it is read."""

    now = 0.0

    def monotonic(self):
        self.now += 25
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_log_file_gets_a_line_a_minute_and_one_at_the_end(monkeypatch, capsys):
    monkeypatch.setattr(progress, "time", Clock())
    bar, asked = Progress(7, "random", "step"), []
    for step in range(7):
        bar.advance(lambda step=step: asked.append(step) or f"loss {step}.5")
    bar.close()
    lines = capsys.readouterr().err.splitlines()
    assert asked == [2, 5, 6]  # a note is made for nobody only when it is shown
    assert lines[0] == "random: 3/7 steps, 0.0 steps/s, 100 s left, loss 2.5"
    assert lines[-1].startswith("random: 7/7 steps, 0.0 steps/s, 0 s left, loss 6.5")


def test_what_an_earlier_job_did_counts_as_done_and_not_as_speed(monkeypatch, capsys):
    monkeypatch.setattr(progress, "time", Clock())
    bar = Progress(100, "random", "step", done=98)
    bar.advance(str)
    bar.advance(str)
    assert "random: 100/100 steps, 0.0 steps/s, 0 s left" in capsys.readouterr().err


def test_a_terminal_gets_a_bar_with_the_note_and_the_time_left(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    bar = Progress(2, "random", "step")
    bar.advance(lambda: "loss 2.500")
    bar.advance(lambda: "loss 2.400")
    bar.close()
    shown = terminal.getvalue()
    assert "random: 100%" in shown
    assert "loss 2.400" in shown
    assert "2/2 [" in shown


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
