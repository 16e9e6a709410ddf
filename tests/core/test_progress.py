"""A bar on a terminal, lines in a log."""

import io
import sys

from avbench.core import progress
from avbench.core.progress import Progress


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
