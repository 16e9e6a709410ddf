"""The file that docs/extending.md shows, tried as a new user would: from an empty folder."""

import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from avbench.config import plugin_files
from avbench.config.axes import AXES
from avbench.config.methods import parse_methods
from avbench.figures import names as shown
from avbench.methods.losses import contrast
from avbench.methods.pairing import Pairing
from avbench.methods.properties import check_file
from tests.support.paths import ROOT


def example() -> str:
    page = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    return next(code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "@plugin" in code)


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "mine.py").write_text(example(), encoding="utf-8")
    yield tmp_path / "mine.py"
    plugin_files.use([])


def test_the_example_is_short_and_keeps_what_is_asked(mine):
    assert len(example().splitlines()) < 30
    command = [sys.executable, "-m", "avbench", "check-plugin", "mine.py"]
    done = subprocess.run(command, cwd=mine.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ("positive next-of-class: keeps all that is asked\nloss margin: keeps all that is asked\n")


def test_a_file_that_prints_is_checked_too(mine):
    mine.write_text(example() + "\nprint('imported')\nprint()\n", encoding="utf-8")
    found = check_file(str(mine))
    assert list(found.values()) == [[], []]


def test_its_choices_do_what_they_say_with_the_keys_that_a_method_gives(mine):
    plugin_files.use([str(mine)])
    methods = parse_methods({"wide": {"loss": "margin", "margin": 0.3}, "none": {"loss": "margin", "margin": 0.0}})
    za, zv = (
        torch.nn.functional.normalize(torch.randn(6, 4, generator=torch.Generator().manual_seed(s))) for s in (1, 2)
    )
    wide, none, plain = (
        contrast(za, zv, None, method, 0.1)[0] for method in (*methods.values(), parse_methods({"p": {}})["p"])
    )
    assert none == plain < wide
    known = torch.tensor([0, 1, 0, 1, 0]).numpy()
    drawn = AXES["positive"]["next-of-class"].make(known, reach=1).draw(known.argsort(kind="stable"), 0, 0, 1.0)
    assert drawn.tolist() == [2, 4, 0, 3, 1]


BATCH = """
from avbench.methods import plugin
from avbench.methods.batch_kinds import Shuffled


@plugin.batch("few", "the first batches of an epoch", most=plugin.option(3, "how many", least=1))
class Few(Shuffled):
    def __init__(self, most):
        self.most = most

    def cut(self, shuffled, labels, size, random):
        return super().cut(shuffled, labels, size, random)[: self.most]
"""


def test_batches_of_a_file_make_those_of_a_run(mine):
    mine.write_text(BATCH, encoding="utf-8")
    plugin_files.use([str(mine)])
    method = parse_methods({"m": {"batch": "few", "most": 2}})["m"]
    pairing = Pairing(method, np.zeros(20, np.int64), 4, 5, 0).lasting(20)
    assert [[len(batch) for batch in pairing.batches(epoch)] for epoch in range(3)] == [[4, 4]] * 3
    assert pairing.epochs == 10  # of two batches each
    assert pairing.smallest_batch == 4
    assert (shown.batch_name(method.recorded()), shown.loss_name(method.recorded())) == ("few", "InfoNCE")
