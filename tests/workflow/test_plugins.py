"""An experiment with positives and a loss of a user's file: to its end, killed and gone on with, and changed."""

import copy
import os
import shutil
import signal
import time

from tests.methods.test_plugin import example
from tests.workflow.conftest import TINY, Workflow, jobs

RUN = "results/tiny/runs/toys/few/true/mine/default/seed-0/checkpoint.pt"
TABLE = "results/tiny/tables/accuracy.csv"


def test_a_users_file_from_one_configuration(tmp_path):
    config = copy.deepcopy(TINY) | {"seeds": [0], "plugins": ["mine.py"]}
    config["methods"]["mine"] = {"positive": "next-of-class", "loss": "margin", "margin": 0.2, "labels": True}
    config["evaluation"] = {"linear": config["evaluation"]["linear"]}
    config["pretraining"]["epochs"] = 12
    (tmp_path / "mine.py").write_text(example(), encoding="utf-8")
    workflow = Workflow(tmp_path, config)
    workflow.run(TABLE)
    assert "mine" in (tmp_path / TABLE).read_text(encoding="utf-8")
    checkpoint, learnt = tmp_path / RUN, (tmp_path / RUN).read_bytes()

    shutil.rmtree(checkpoint.parent)
    process, deadline = workflow.start(RUN), time.monotonic() + 300
    while not list(checkpoint.parent.glob("unfinished/*/checkpoint.pt")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not checkpoint.exists()
    workflow.run("--unlock")
    workflow.run(RUN)
    log = workflow.pages("logs/pretrain/toys/few/true/mine/default/seed-0.log").read_text(encoding="utf-8")
    assert "going on at step" in log
    assert checkpoint.read_bytes() == learnt

    (tmp_path / "mine.py").write_text(example() + "# another file\n", encoding="utf-8")
    planned = jobs(workflow.run("--dry-run", TABLE))
    assert planned["pretrain"] == 1  # and not that of random, though it is of the same experiment
