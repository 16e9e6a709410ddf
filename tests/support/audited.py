"""The files of the miniature experiment that tests tamper with, and what is found then."""

from pathlib import Path

from avbench.audit.verify import verify
from avbench.core.files import write_text
from tests.support import recorded

TABLE = "results/tiny/tables/accuracy.csv"
SEED = f"{recorded.RUN}/random/default/seed-0"
SUBSET = "results/tiny/subsets/toys/few.csv"


def found(deep=False):
    """State and file of every finding."""
    return [(finding.state, finding.file) for finding in verify("results/tiny", deep).findings]


def edit(path, old, new):
    text = Path(path).read_text(encoding="utf-8")
    assert old in text
    write_text(path, text.replace(old, new, 1))
