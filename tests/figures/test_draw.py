"""Figures of a plan: what cannot be drawn is said in its place, and the others are drawn."""

import matplotlib.image
import numpy as np
import pytest

from avbench.core.errors import NothingToShowError, UserError
from avbench.figures import draw, style
from avbench.figures.draw import draw_figures
from avbench.figures.figure import Figure


def charts(monkeypatch, **functions):
    def made(name, function):
        class Made(Figure):
            def function(self):
                return function

        return Made(name, "Results", name, lambda facts: {}, lambda facts: [])

    monkeypatch.setattr(draw, "FIGURES", {name: made(name, function) for name, function in functions.items()})


def fine(settings, stem):
    style.save(style.notice("fine"), stem)


def odd(settings, stem):
    np.linalg.cholesky(np.zeros((2, 2)))


def empty(settings, stem):
    raise NothingToShowError("There is no clip.")


def missing(settings, stem):
    raise UserError("scores.csv does not exist")


def test_what_cannot_be_drawn_is_said_in_its_place(tmp_path, monkeypatch, capsys):
    charts(monkeypatch, empty=empty, odd=odd, fine=fine)
    draw_figures({"empty": {}, "odd": {}, "fine": {}}, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("empty.png", "empty.pdf", "empty.rst", "odd.png", "odd.pdf", "odd.rst", "fine.png", "fine.pdf")
    }
    assert matplotlib.image.imread(tmp_path / "odd.png").min() < 0.5  # something is written on it
    said = capsys.readouterr()
    assert "empty: There is no clip." in said.out
    assert "odd: This figure could not be drawn. LinAlgError: Matrix is not positive definite" in said.out
    assert "Traceback" in said.err
    assert "There is no clip" in (tmp_path / "empty.rst").read_text()


def test_a_file_that_is_missing_stops_the_job(tmp_path, monkeypatch):
    charts(monkeypatch, missing=missing)
    with pytest.raises(UserError, match="does not exist"):
        draw_figures({"missing": {}}, tmp_path)
