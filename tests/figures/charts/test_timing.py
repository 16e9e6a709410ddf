from typing import ClassVar

import numpy as np
import pandas as pd

from avbench.figures import style
from avbench.figures.charts import timing
from tests.support.figures import Layout


def times(scale=1.0):
    rules = ["generate_media", "pack", "a_rule_with_quite_a_long_name", "pretrain"]
    return pd.DataFrame({"rule": rules, "jobs": [1, 8, 1200, 36], "seconds": np.array([3.0, 20.5, 0.0, 250.0]) * scale})


def test_files_are_the_same_bytes_each_time(tmp_path):
    for stem in ("once", "again"):
        style.save(timing.draw(times()), tmp_path / "folder" / stem)
    for kind, start in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        once, again = ((tmp_path / "folder" / f"{stem}.{kind}").read_bytes() for stem in ("once", "again"))
        assert once.startswith(start)
        assert once == again
        assert b"CreationDate" not in once
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == [
        "again.pdf",
        "again.png",
        "once.pdf",
        "once.png",
    ]


class TestLayout(Layout):
    drawn: ClassVar = {
        "timing": lambda: timing.draw(times()),
        "timing in hours": lambda: timing.draw(times(1e4)),
    }
