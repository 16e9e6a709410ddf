"""What is trained again to the same weights is said beforehand."""

from pathlib import Path

import yaml

from avbench.plan import paths
from avbench.plan.jobs import Plan
from avbench.plan.repeated import warn_of_dynamics


def test_runs_that_were_not_followed_are_named(root, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config = yaml.safe_load((root / "config/tiny.yaml").read_text(encoding="utf-8"))
    (run,) = Plan(config, root).pretrained()
    folder, other = map(Path, Plan(config, root).seed_paths(paths.SEED_RUN, run))
    for each in (folder, other):
        each.mkdir(parents=True)
        (each / "checkpoint.pt").touch()
    warn_of_dynamics(Plan(config, root))
    assert capsys.readouterr().err == ""
    config["evaluation"]["dynamics"] = {"clips": 8}
    warn_of_dynamics(Plan(config, root))
    said = capsys.readouterr().err
    assert "2 finished runs are trained again, to the same weights" in said
    assert str(folder) in said
    for each in (folder, other):
        (each / "dynamics.npz").touch()
    warn_of_dynamics(Plan(config, root))
    assert capsys.readouterr().err == ""
