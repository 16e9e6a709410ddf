# Shared by all files of the workflow. The experiment, constraints of wildcards, settings as JSON text, file lists.

import gc
import json
import os
import signal
import sys
from pathlib import Path

# Of the files of the workflow and not of the Snakefile that was started, which may lie elsewhere and use these as a module.
CHECKOUT = Path(str(workflow.current_basedir)).parents[1]

# The workflow plans with whatever Python runs Snakemake, which need not have the package installed.
sys.path.insert(0, str(CHECKOUT))

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
from avbench.plan import paths
from avbench.plan.consistency import check_stored
from avbench.plan.inputs import Inputs
from avbench.plan.jobs import Plan
from avbench.plan.places import check_places
from avbench.plan.report import Report, part_of
from avbench.plan.report_page import make_report
from avbench.plan.resources import (
    batches_mb,
    listed_clips,
    memory_mb,
    minutes,
    stored_clips,
)
from avbench.results import catalogue

try:
    experiment = Plan(config, CHECKOUT)
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

# Software of the rules, by stage. What makes the data has an environment of its own, since downloaders age fast.
ACQUIRE_ENV, TRAIN_ENV, RESULTS_ENV = (
    str(Path(CHECKOUT, "envs", f"{stage}.yaml"))
    for stage in ("acquire", "train", "results")
)
os.environ["AVBENCH_CHECKOUT"] = str(CHECKOUT)  # for envs/post-deploy.sh
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
reported = Report(experiment)


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


def figure_in_report(figure):
    """Return a figure as the output of its job, which may write its caption, too."""
    picture, beside = (
        paths.fill(paths.FIGURE, figure=figure.name, kind=kind)
        for kind in ("png", "rst")
    )
    written = Path(experiment.path(beside)).absolute()
    return in_report(picture, figure, figure.caption or written)
