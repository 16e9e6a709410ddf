# Shared by all files of the workflow. The experiment, constraints of wildcards, settings as JSON text, file lists.

import gc
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

# The workflow plans with whatever Python runs Snakemake, which need not have the package installed.
sys.path.insert(0, str(workflow.basedir))

# Jobs start `python`: that of Snakemake, also where its environment is not activated. Activated conda environments
# come before it.
os.environ["PATH"] = os.pathsep.join(
    [os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]
)

# All jobs of an experiment stay in memory. Looking for garbage among them again and again took a fifth of a dry run.
gc.set_threshold(100_000, 20, 100)

# Schedulers send SIGUSR1 to every process of a job. It would end Snakemake, and the job with it, before that has saved.
signal.signal(signal.SIGUSR1, lambda *_: None)

from snakemake.exceptions import WorkflowError

from avbench.core.errors import UserError
from avbench.core.files import write_json
from avbench.plan import paths
from avbench.plan.consistency import check_stored
from avbench.plan.inputs import Inputs
from avbench.plan.jobs import Plan
from avbench.plan.places import check_places
from avbench.plan.resources import (
    batches_mb,
    listed_clips,
    memory_mb,
    minutes,
    stored_clips,
)
from avbench.results import catalogue

try:
    experiment = Plan(config, Path(workflow.basedir))
    # A job on another machine may not see what others read.
    if workflow.is_main_process:
        check_places(experiment)
except UserError as error:
    raise WorkflowError(str(error)) from None
try:
    check_stored(experiment, Path(paths.DATA))
except UserError as error:  # no reason to stop: this very run may bring more clips
    print(
        f"Warning: {error} Unless this run adds clips, it will stop at that.",
        file=sys.stderr,
    )

ENVIRONMENT = str(Path(workflow.basedir, "envs", "avbench.yaml"))
RESULTS = experiment.path(paths.RESULTS)
RUN, CHECKPOINT = paths.RUN, paths.CHECKPOINT
EMBEDDINGS, SCORES = paths.EMBEDDINGS, paths.SCORES
GPUS = experiment.pretraining["gpus"]
# Several GPUs train one run together, a process each.
LAUNCHER = (
    f"torch.distributed.run --standalone --nproc-per-node {GPUS} -m avbench"
    if GPUS > 1
    else "avbench"
)
# Clips that are embedded during training; experiments that ask for no dynamics follow none.
FOLLOWED = (
    f"results/{experiment.name}/followed.csv"
    if "dynamics" in experiment.evaluation
    else []
)
# Decoded clips that a job keeps in memory. `auto` takes only what the machine, or the job's own limit, can spare.
CACHE_MB = experiment.pretraining["cache_mb"]
CACHE_MB = 0 if CACHE_MB == "auto" else int(CACHE_MB)
DEVICE = experiment.pretraining["device"]
THREADS = experiment.pretraining["cpu_threads"]
# What training holds besides the model.
TRAINING_MB = CACHE_MB + batches_mb(config["pretraining"], config["store"])


wildcard_constraints:
    experiment=experiment.name,
    dataset="[A-Za-z0-9][A-Za-z0-9_-]*",
    subset="[A-Za-z0-9][A-Za-z0-9_-]*",
    labels="[A-Za-z0-9][A-Za-z0-9_-]*",
    method="[A-Za-z0-9][A-Za-z0-9_-]*",
    task="[A-Za-z0-9][A-Za-z0-9_-]*",
    shard="[0-9]+",
    archive="[0-9]+",
    seed="[0-9]+",
    part="[a-z_-]+",


def as_json(settings):
    """Write settings as one line of JSON with sorted keys, so that a reordered file changes no parameter."""
    return json.dumps(settings, sort_keys=True)


def identity(wildcards):
    """Return the names that a run's outcome carries."""
    return {key: wildcards[key] for key in ("dataset", "subset", "labels")}


# Where and how fast to train: nothing that decides the outcome.
MACHINE = as_json(experiment.machine_settings())

inputs = Inputs(experiment)
ready, task_datasets = inputs.ready, inputs.task_datasets
shard_names, unpacked = inputs.shard_names, inputs.unpacked
retry_request, pairing_labels = inputs.retry_request, inputs.pairing_labels
first_round, supervised_subset = inputs.first_round, inputs.supervised_subset
from_here, label_file = experiment.from_here, experiment.label_file


def run_folder(run):
    """Return the folder of a method's runs."""
    return experiment.path(RUN, **vars(run))


def in_report(path, entry, caption):
    """Return an output that the report shows as a registry says."""
    labels = {"content": entry.label}
    return report(path, caption=str(caption), category=entry.category, labels=labels)


def tables_in_report(rule):
    """Return the tables that a rule makes, by name, as its outputs."""
    return {
        table.name: in_report(
            paths.fill(paths.TABLE, table=table.name), table, table.caption
        )
        for table in catalogue.of_rule(rule)
    }


def tables():
    """Return the experiment's tables."""
    return [experiment.path(paths.TABLE, table=name) for name in catalogue.TABLES]


def figures():
    """Return the experiment's figures."""
    return expand(
        "{results}/figures/{figure}.{kind}",
        results=RESULTS,
        figure=FIGURES,
        kind=["png", "pdf"],
    )


def says_what_is_seen(figure):
    """Say whether a figure's caption is made of its data, and not there from the start."""
    return not Path(workflow.basedir, "workflow", "report", f"{figure}.rst").exists()


def caption(figure):
    """Return the file of a figure's caption, which the job that draws it may write."""
    if says_what_is_seen(figure):
        return str(Path(RESULTS, "figures", f"{figure}.rst").absolute())
    return f"../report/{figure}.rst"


def write_report(target, parts, log):
    """Have Snakemake make its report of the experiment's tables and figures."""
    merged = Path(RESULTS, "config.json")
    write_json(merged, config)
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", workflow.main_snakefile),
        *("--configfile", str(merged), "--nolock", "--quiet"),
        *("--report", target, "--report-stylesheet"),
        str(Path(workflow.basedir, "workflow", "report", "report.css")),
    ]
    made = subprocess.run([*command, "--", *parts], capture_output=True, text=True)
    if made.returncode:
        Path(target).unlink(missing_ok=True)  # on a full disk, the log needs its room
    Path(log).write_text(made.stdout + made.stderr, encoding="utf-8")
    made.check_returncode()
