"""What samplers and losses have to keep: ours keep it, and what does not is found."""

import pytest

from avbench.cli import main
from avbench.config import plugin_files
from avbench.config.axes import AXES
from avbench.methods.properties import check

OURS = [(axis, name) for axis, choices in AXES.items() for name in choices]
HEAD = """
import random
import numpy as np
from avbench.core import rng
from avbench.methods import plugin
from avbench.methods.batch_kinds import Shuffled
"""
POSITIVE = """
@plugin.positive("mine", "mine")
class Mine:
    def __init__(self, known):
        self.count = len(known)

    def draw(self, anchors, seed, epoch, probability=1.0):
        {}
        return np.where(probability > 0, drawn, anchors).astype(np.int64)
"""
BATCH = """
@plugin.batch("mine", "mine")
class Mine(Shuffled):
    def cut(self, shuffled, labels, size, random):
        made = super().cut({}, labels, size, random)
        return {}
"""
LOSS = """
import torch
from avbench.methods.losses.info_nce import info_nce
@plugin.loss("mine", "mine")
def mine(za, zv, temperature):
    {}
"""


@pytest.fixture(autouse=True)
def ours_alone():
    yield
    plugin_files.use([])


@pytest.mark.parametrize(("axis", "name"), OURS)
def test_all_of_ours_keep_it(axis, name):
    assert check(axis, AXES[axis][name]) == []


def checked(folder, capsys, text):
    """Return the status of the verb, and what it says of a file."""
    path = folder / "mine.py"
    path.write_text(HEAD + text, encoding="utf-8")
    status = main.main(["check-plugin", str(path)])
    said = capsys.readouterr()
    return status, said.out + said.err


@pytest.mark.parametrize(
    "text",
    [
        POSITIVE.format('drawn = (rng.uniforms(seed, "mine", epoch, anchors) * self.count)'),
        BATCH.format("shuffled", "made[::-1]"),
        LOSS.format("return info_nce(za, zv, temperature)"),
    ],
)
def test_what_keeps_it_passes(tmp_path, capsys, text):
    status, said = checked(tmp_path, capsys, text)
    assert (status, said.count("mine: keeps all that is asked")) == (0, 1), said


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        # the three that a file most easily has: a global generator, a look at the true labels, a clip left out
        (POSITIVE.format("drawn = np.random.permutation(self.count)[anchors]"), "draws from a global"),
        (POSITIVE.format('drawn = anchors + 0 * len(open("{labels}").read())'), "it opens {labels}: what it may know"),
        (BATCH.format("shuffled[shuffled < len(shuffled) - 1]", "made"), "a clip is left out: number"),
        # and others
        (POSITIVE.format("drawn = (anchors + random.randrange(3)) % self.count"), "draws from a global"),
        (POSITIVE.format("drawn = np.random.default_rng().permutation(self.count)[anchors]"), "an unkeyed generator"),
        (POSITIVE.format("drawn = np.roll(anchors, 1)"), "depends on the others that are drawn with it"),
        (POSITIVE.format("drawn = anchors + 1"), "numbers of clips that there are not"),
        (
            POSITIVE.format('drawn = (anchors + hash("mine")) % self.count'),
            "a process that starts anew draws otherwise",
        ),
        (POSITIVE.replace("where(probability > 0", "where(True").format("drawn = 0 * anchors"), "with probability 0"),
        (
            POSITIVE.format("anchors[0] = 1; drawn = anchors"),
            "it raises ValueError: assignment destination is read-only",
        ),
        (BATCH.format("shuffled", "made + made[:1]"), "a clip is twice in an epoch"),
        (BATCH.format("shuffled", "made[: 1 + int(random.integers(2))]"), "all need as many"),
        (BATCH.format("shuffled", "made[int(np.random.rand() < 0) :]"), "draws from a global"),
        (BATCH.format("shuffled", "[made[0][:1], *made[1:]]"), "batches have 1 to"),
        (LOSS.format("torch.rand(1); return info_nce(za, zv, temperature)"), "draws from a global"),
        (
            LOSS.format("l, a = info_nce(za, zv, temperature); return l + 0 * len(open('{labels}').read()), a"),
            "it opens {labels}",
        ),
        (LOSS.format("l, a = info_nce(za, zv, temperature); return l.detach() + 0 * za.sum(), a"), "its gradient"),
        (LOSS.format("l, a = info_nce(za, zv, temperature); return -l, a"), "no lower where partners are alike"),
        (LOSS.format("l, a = info_nce(za, zv, temperature); return l + za[0, 0], a"), "the order of the rows"),
        (
            LOSS.format("e = (zv @ za.T / temperature).exp(); l = (e.sum(1) / e.diagonal()).log().mean()")
            + "    return l, l.detach() * 0",
            "not finite at temperature 0.01|computed in bfloat16",
        ),
    ],
)
def test_a_planted_fault_is_found(tmp_path, capsys, text, fault):
    labels = tmp_path / "subset.csv"
    labels.write_text("clip_id,label\na,dog\n")
    status, said = checked(tmp_path, capsys, text.replace("{labels}", str(labels)))
    assert status == 2
    assert any(part.replace("{labels}", str(labels)) in said for part in fault.split("|")), said
