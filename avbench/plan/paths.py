"""Where everything lies under ``data/`` and ``results/``: the one place that knows.

Names in braces are Snakemake's wildcards. Rules take a pattern as it is, :func:`fill` puts values in.
"""

from pathlib import Path

# ------------------------------------------------------------------------------------------------------------ datasets

DATA = "data"
DATASET = DATA + "/{dataset}"
MANIFEST = DATASET + "/clips.csv"
ARCHIVE = DATASET + "/unpacked/{archive}.json"  # says that an archive of trimmed clips is unpacked
UNPACKED = DATASET + "/unpacked/clips"
HUB = DATASET + "/hub/{hub}.json"  # says that what is on the Hugging Face Hub is unpacked
HUB_FOLDER = DATASET + "/hub/{hub}"
HUB_CLIPS = HUB_FOLDER + "/clips"
RETRY = DATASET + "/retry/{shard}.json"  # a request to try a shard's failed clips again
PACKING = DATASET + "/packing"  # finished clips of shards that are not
STORE_SHARD = DATASET + "/store/{shard}.arrow"
SHARDS = DATASET + "/store/shards.json"  # which of the shards that lie there are the dataset's
LEDGER_SHARD = DATASET + "/ledger/{shard}.parquet"
LEDGER = DATASET + "/ledger.parquet"
DUPLICATES = DATASET + "/duplicates.csv"
RECORDINGS = DATASET + "/recordings.csv"
COVERAGE = DATASET + "/coverage.json"  # how much of a dataset is stored, and why the rest is not
STORED = DATASET + "/stored.json"  # says that a dataset is sufficiently complete, and changes when its stored clips do
DATA_BENCHMARKS = DATASET + "/benchmarks"
DOWNLOAD_BENCHMARKS = DATA + "/downloads/benchmarks"

# --------------------------------------------------------------------------------------------------------- experiments

RESULTS = "results/{experiment}"
CONFIG = RESULTS + "/config.json"  # as Snakemake merged it
DYNAMICS_CLIPS = RESULTS + "/dynamics_clips.csv"  # that are embedded in the course of training
SUBSET = RESULTS + "/subsets/{dataset}/{subset}.csv"
LABELS = RESULTS + "/labels/{dataset}/{subset}/{labels}.csv"
SEED_LABELS = RESULTS + "/labels/{dataset}/{subset}/{labels}/seed-{seed}.csv"  # drawn, or after a first round
BENCHMARKS = RESULTS + "/benchmarks"

RUN = RESULTS + "/runs/{dataset}/{subset}/{labels}/{method}/{budget}"
SEED_RUN = RUN + "/seed-{seed}"
CHECKPOINT = SEED_RUN + "/checkpoint.pt"
EMBEDDINGS = SEED_RUN + "/embeddings.npz"
DYNAMICS = SEED_RUN + "/dynamics.npz"
METRICS = SEED_RUN + "/metrics.jsonl"
TIMINGS = SEED_RUN + "/timings.jsonl"
RUN_RECORD = SEED_RUN + "/run.json"

# A choice of the setting of a method: a run for each trial, what each reached, and the setting chosen.
TUNING = RESULTS + "/tuning/{dataset}/{subset}/{labels}/{method}/{budget}"
TRIAL = TUNING + "/{trial}/seed-{seed}"
TRIAL_CHECKPOINT = TRIAL + "/checkpoint.pt"
TRIALS = TUNING + "/trials.json"
CHOICE = TUNING + "/choice.json"
TUNING_RECORD = RESULTS + "/provenance/tuning/{dataset}/{subset}/{labels}/{method}/{budget}.json"

# Folders of scores: of frozen features, of what was trained on them, of the supervised baseline.
FROZEN = SEED_RUN
TRAINED = SEED_RUN + "/{protocol}"
SUPERVISED_RUN = RESULTS + "/supervised/{task}/{subset}"
SUPERVISED = SUPERVISED_RUN + "/seed-{seed}"
# And what lies in each; beside the scores of frozen features, their geometry too.
SCORES_FILE, PREDICTIONS_FILE, RECORD_FILE = "scores.csv", "predictions.parquet", "provenance.json"
SCORES = f"{FROZEN}/{SCORES_FILE}"
PREDICTIONS = f"{FROZEN}/{PREDICTIONS_FILE}"
GEOMETRY = FROZEN + "/geometry.csv"

ROUND = RESULTS + "/rounds/{look}.json"  # which claims are open after so many seeds, and what gets more
PLAN = RESULTS + "/plan/{part}.json"
TABLES = RESULTS + "/tables"
TABLE = TABLES + "/{table}.csv"
TABLE_RECORD = RESULTS + "/provenance/{table}.json"
FIGURES = RESULTS + "/figures"
FIGURE = FIGURES + "/{figure}.{kind}"
PAGE = RESULTS + "/index.html"
REPORT = RESULTS + "/report.html"


# --------------------------------------------------------------------------------------------------------- the project

PUBLISHED = "config/published.yaml"
PUBLISHED_LOSSES = "config/published-losses.csv"


def log(*job: str) -> str:
    """Return the log of an experiment's jobs: rule and wildcards that tell them apart, joined by slashes."""
    return f"{RESULTS}/logs/{'/'.join(job)}.log"


def benchmark(*job: str) -> str:
    """Return the measurements of an experiment's jobs, as :func:`log` their log."""
    return f"{BENCHMARKS}/{'/'.join(job)}.tsv"


def data_log(job: str) -> str:
    """Return the log of a dataset's jobs: their rule, with the wildcards that tell them apart."""
    return f"{DATASET}/logs/{job}.log"


def data_benchmark(job: str) -> str:
    """Return the measurements of a dataset's jobs: their rule, with the wildcards that tell them apart."""
    return f"{DATA_BENCHMARKS}/{job}.tsv"


def fill(pattern: str, **known: object) -> str:
    """Put values in a pattern's braces; names that are not given stay, as wildcards."""
    return pattern.format_map(_Open(known))


def below(results: Path, pattern: str) -> Path:
    """Return a file of an experiment whose folder lies anywhere."""
    return results / pattern.removeprefix(f"{RESULTS}/")


class _Open(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return "{" + name + "}"
