import yaml


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_profile_for_slurm_keeps_what_the_default_one_says(root):
    # Snakemake reads one workflow profile: the other's settings would silently be lost.
    slurm, default = (load(root / "profiles" / name / "config.yaml") for name in ("slurm", "default"))
    slower = {"latency-wait", "max-jobs-per-timespan"}  # networks and schedulers are
    assert set(default) <= set(slurm)
    assert {key: slurm[key] for key in default if key not in slower} == {
        key: value for key, value in default.items() if key not in slower
    }


def test_jobs_on_slurm_are_told_to_stop_before_their_time_is_up(root):
    slurm = load(root / "profiles/slurm/config.yaml")
    assert "slurm_extra=\"'--signal=TERM@120'\"" in slurm["default-resources"]
    assert slurm["slurm-requeue"]
    assert slurm["retries"] > 0
