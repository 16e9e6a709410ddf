# Shared by all files of the workflow: the experiment, constraints of wildcards, files that jobs wait for.

import sys
from functools import partial
from pathlib import Path

# Of the files of the workflow and not of the Snakefile that was started, which may lie elsewhere and use these as a module.
CHECKOUT = Path(str(workflow.current_basedir)).parents[1]

# The workflow plans with whatever Python runs Snakemake, which need not have the package installed.
sys.path.insert(0, str(CHECKOUT))

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from avbench.config.yaml_text import refuse_repeated_keys
from avbench.core.errors import UserError
from avbench.plan import paths
from avbench.plan.counted import enough_stored, warn_of_stored
from avbench.plan.inputs import Inputs
from avbench.plan.jobs import Plan, as_json
from avbench.plan.known_splits import needs
from avbench.plan.process import prepare
from avbench.plan.report import Report, part_of
from avbench.plan.report_page import make_report
from avbench.plan.resources import (
    launcher,
    listed_clips,
    memory_mb,
    minutes,
    stored_clips,
    training_mb,
)
from avbench.plan.round_news import RoundNews
from avbench.plan.started import check_started
from avbench.results import catalogue

prepare(CHECKOUT)
try:
    refuse_repeated_keys(*workflow.configfiles)
    experiment = Plan(config, CHECKOUT)
    # A job on another machine may not see what others read.
    if workflow.is_main_process:
        check_started(experiment, Path(paths.DATA))
except UserError as error:
    raise WorkflowError(str(error)) from None
warn_of_stored(experiment, Path(paths.DATA))

# Software of the rules, by stage. What makes the data has an environment of its own, since downloaders age fast.
ACQUIRE_ENV, TRAIN_ENV, RESULTS_ENV = (
    str(Path(CHECKOUT, "envs", f"{stage}.yaml"))
    for stage in ("acquire", "train", "results")
)
RUN, CHECKPOINT = paths.RUN, paths.CHECKPOINT
EMBEDDINGS, SCORES = paths.EMBEDDINGS, paths.SCORES
GPUS, DEVICE = experiment.pretraining["gpus"], experiment.pretraining["device"]
THREADS, LAUNCHER = experiment.pretraining["cpu_threads"], launcher(GPUS)
TRAINING_MB = training_mb(config["pretraining"], config["store"])
# Where and how fast to train: nothing that decides the outcome.
MACHINE = as_json(experiment.machine_settings())

inputs = Inputs(experiment)
DYNAMICS_CLIPS = inputs.dynamics_clips()
ready, task_datasets, used = inputs.ready, inputs.task_datasets, inputs.used
shard_names, unpacked = inputs.shard_names, inputs.unpacked
retry_request, pairing_labels = inputs.retry_request, inputs.pairing_labels
first_round, supervised_subset = inputs.first_round, inputs.supervised_subset
identity = inputs.identity
reported = Report(experiment)
late = experiment.rounds.late


wildcard_constraints:
    experiment=experiment.name,
    dataset="[A-Za-z0-9][A-Za-z0-9_-]*",
    subset="[A-Za-z0-9][A-Za-z0-9_-]*",
    labels="[A-Za-z0-9][A-Za-z0-9_+-]*",
    method="[A-Za-z0-9][A-Za-z0-9_-]*",
    budget="[A-Za-z0-9][A-Za-z0-9_-]*",
    task="[A-Za-z0-9][A-Za-z0-9_-]*",
    shard="[0-9]+",
    archive="[0-9]+",
    hub="[A-Za-z0-9_.-]+",
    trial="[a-z0-9.+-]+",
    seed="[0-9]+",
    part="[a-z0-9_-]+",


# A verb's job is given in two parts, of which the first decides the outcome: `settings`, a function of the wildcards,
# since Snakemake repeats jobs for changes of these parameters alone; and `files`, made of inputs and outputs, which
# Snakemake itself watches.
