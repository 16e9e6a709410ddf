import subprocess
import sys
from itertools import pairwise

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.methods import PRESETS, RESERVED
from avbench.figures import style
from avbench.figures.names import protocol_name, size_name, subset_names, task_name, wrap


def test_every_preset_and_baseline_has_its_own_look():
    names = [*PRESETS, *RESERVED]
    found = style.looks(names)
    assert list(found) == [*names[:-2], "supervised", "untrained"]
    for attribute in ("name", "colour", "marker"):
        assert len({getattr(look, attribute) for look in found.values()}) == len(names)


def test_methods_of_ones_own_are_told_apart():
    own = [f"my-method_{k}" for k in range(12)]
    found = style.looks([*own, "random", "supervised"])
    assert list(found) == ["random", *own, "supervised"]
    assert found["my-method_3"].name == "my method 3"
    assert len({(look.colour, look.dash) for look in found.values()}) == 14


def contrast(colour):
    """WCAG 2.1 contrast with white paper."""
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 1.05 / (0.05 + 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


@pytest.mark.parametrize("method", style.METHODS)
def test_lines_stand_out_from_the_paper(method):
    assert contrast(style.METHODS[method].colour) > 2


@given(st.text(max_size=200), st.integers(5, 40), st.integers(1, 3))
def test_wrapped_text_keeps_to_its_room(text, width, lines):
    parts = wrap(text, width, lines).replace(r"\$", "$").split("\n")
    assert len(parts) <= lines
    assert all(len(part) <= width for part in parts)


def test_wrap_says_what_it_leaves_out():
    assert wrap("bird chirping, tweeting", 15) == "bird chirping,\ntweeting"
    assert wrap("one two three four five six", 9) == "one two\nthree…"
    assert wrap("short", 9) == "short"


def test_dollars_are_no_mathematics():
    assert wrap("$a$", 9) == r"\$a\$"


def test_names():
    assert size_name(1) == "1 clip per class"
    assert size_name(1230) == "1,230 clips per class"
    assert task_name("vggsound") == "VGGSound"
    assert task_name("my_own-task") == "My own task"
    assert protocol_name("finetune") == "fine-tuned"


def test_known_methods_keep_their_order():
    order = list(style.looks(reversed(list(style.METHODS))))
    known = list(style.METHODS)
    assert all(known.index(a) < known.index(b) for a, b in pairwise(order))


def test_subsets_of_about_the_same_size_keep_their_order():
    sizes = {"large": 32.0, "small": 10.0, "tail-10": 9.96, "tail-100": 9.92}
    assert list(subset_names(sizes)) == ["small", "tail-10", "tail-100", "large"]
    assert subset_names(sizes)["tail-10"] == "Tail 10: 10 clips per class"


def test_the_style_ends_with_its_block():
    before = dict(mpl.rcParams)
    with style.shared():
        assert mpl.rcParams["axes.linewidth"] == 0.6
    assert dict(mpl.rcParams) == before


def test_only_figures_load_seaborn():
    code = "import sys, avbench.cli.main, avbench.cli.results, avbench.results.make, avbench.audit.verify"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'seaborn' not in sys.modules"], check=True)
