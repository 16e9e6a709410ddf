# Shared by all files of the workflow. The experiment, constraints of wildcards, settings as JSON text, file lists.

import gc
import json
import signal
import subprocess
import sys
from pathlib import Path

# The workflow plans with whatever Python runs Snakemake, which need not have the package installed.
sys.path.insert(0, str(workflow.basedir))

# All jobs of an experiment stay in memory. Looking for garbage among them again and again took a fifth of a dry run.
gc.set_threshold(100_000, 20, 100)

# Schedulers send SIGUSR1 to every process of a job. It would end Snakemake, and the job with it, before that has saved.
signal.signal(signal.SIGUSR1, lambda *_: None)

from snakemake.exceptions import WorkflowError

from avbench.config.experiment import Experiment
from avbench.core.errors import UserError
from avbench.core.files import write_json
from avbench.plan.resources import (
    batches_mb,
    listed_clips,
    memory_mb,
    minutes,
    stored_clips,
)

try:
    experiment = Experiment(config, Path(workflow.basedir))
except UserError as error:
    raise WorkflowError(str(error)) from None
try:
    experiment.check_stored(Path("data"))
except UserError as error:  # no reason to stop: this very run may bring more clips
    print(
        f"Warning: {error} Unless this run adds clips, it will stop at that.",
        file=sys.stderr,
    )

ENVIRONMENT = str(Path(workflow.basedir, "envs", "avbench.yaml"))
RESULTS = f"results/{experiment.name}"
RUN = "results/{experiment}/runs/{dataset}/{subset}/{labels}/{method}"
CHECKPOINT = f"{RUN}/seed-{{seed}}/checkpoint.pt"
EMBEDDINGS = f"{RUN}/seed-{{seed}}/embeddings.npz"
SCORES = f"{RUN}/seed-{{seed}}/scores.csv"
GPUS = config["pretraining"].get("gpus", 0)
# Several GPUs train one run together, a process each.
LAUNCHER = (
    f"torch.distributed.run --standalone --nproc-per-node {GPUS} -m avbench"
    if GPUS > 1
    else "avbench"
)
# Clips that are embedded during training; experiments that ask for no dynamics have none.
DYNAMICS_CLIPS = (
    f"results/{experiment.name}/dynamics_clips.csv"
    if "dynamics" in experiment.evaluation
    else []
)
# Decoded clips that a job keeps in memory. `auto` takes only what the machine, or the job's own limit, can spare.
CACHE_MB = config["pretraining"].get("cache_mb", "auto")
CACHE_MB = 0 if CACHE_MB == "auto" else int(CACHE_MB)
DEVICE = config["pretraining"].get("device", "auto")
THREADS = config["pretraining"].get("cpu_threads", 1)
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


def from_here(path):
    """Return a project file's path from the working folder if it lies within, so that reports show no folder of the machine."""
    whole = Path(experiment.root, path)
    here = Path.cwd()
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)


def as_json(settings):
    """Write settings as one line of JSON with sorted keys, so that a reordered file changes no parameter."""
    return json.dumps(settings, sort_keys=True)


# A verb's job is given in two parts, of which the first decides the outcome: `settings`, a function of the wildcards,
# since Snakemake repeats jobs for changes of these parameters alone; and `files`, made of inputs and outputs, which
# Snakemake itself watches.

# Where and how fast to train: nothing that decides the outcome.
MACHINE = as_json(experiment.machine_settings())


def shard_names(dataset):
    """Return the numbers of a dataset's shards as they appear in file names."""
    return [f"{shard:03d}" for shard in range(experiment.datasets[dataset]["shards"])]


def unpacked(wildcards):
    """Return what says that a dataset's archives of trimmed clips are unpacked."""
    return [
        f"data/{wildcards.dataset}/unpacked/{number}.json"
        for number in range(len(experiment.archives(wildcards.dataset)))
    ]


def retry_request(wildcards):
    """Return the request to try a shard's failed clips again, if there ever was one."""
    request = f"data/{wildcards.dataset}/retry/{wildcards.shard}.json"
    return [request] if Path(request).exists() else []


def ready(datasets):
    """Return the files that say that datasets are packed and sufficiently complete."""
    return [f"data/{dataset}/coverage.json" for dataset in dict.fromkeys(datasets)]


def task_datasets():
    """Return the dataset of every task."""
    return [task["dataset"] for task in experiment.tasks.values()]


def run_folder(run):
    """Return the folder of a method's runs."""
    return RUN.format(experiment=experiment.name, **vars(run))


def identity(wildcards):
    """Return the names that a run's outcome carries."""
    return {key: wildcards[key] for key in ("dataset", "subset", "labels")}


def label_file(subset, labels, seed):
    """Return the file of labels for pairing, or None for a method without."""
    return None if labels == "none" else experiment.label_file(subset, labels, seed)


def pairing_labels(wildcards):
    """Return the label file of a method that uses labels, and nothing for one that does not."""
    return label_file(wildcards.subset, wildcards.labels, wildcards.seed) or []


def first_round(wildcards):
    """Return the checkpoints of the method whose runs make labels, one a seed."""
    run = experiment.run(experiment.first_round(wildcards.labels), wildcards.subset)
    return expand(
        CHECKPOINT, experiment=experiment.name, seed=experiment.seeds, **vars(run)
    )


def supervised_subset(wildcards):
    """Return the subset's file, or nothing where every training clip is used."""
    if wildcards.subset == "all":
        return []
    return (
        f"results/{experiment.name}/subsets/{experiment.dataset}/{wildcards.subset}.csv"
    )


def tables():
    """Return the experiment's tables."""
    return expand(
        "{results}/tables/{table}.csv",
        results=RESULTS,
        table=[
            "accuracy",
            "summary",
            "comparisons",
            "claims",
            "paper",
            "runs",
            "coverage",
            "leaks",
            "metrics",
            "geometry",
            "sampling",
            "dynamics",
            "robustness",
            "break_even",
        ],
    )


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
