"""The command line: one verb a stage of the workflow, each usable without it.

Verbs import what they need when they run, so that a job that needs no torch starts without it.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from avbench import __version__
from avbench.errors import UserError

CLIP_LABEL = ("clip_id", "label")  # columns of subsets and labels
LEDGERED = ("clip_id", "label", "split", "state")  # columns of the ledger that choose clips

# ------------------------------------------------------------------------------------------------------ argument types


def _mapping(text: str) -> dict[str, Any]:
    """Read settings: JSON, or ``@FILE`` with JSON in it."""
    return _value(text, dict, "object")


def _list(text: str) -> list[Any]:
    """Read a list: JSON, or ``@FILE`` with JSON in it."""
    return _value(text, list, "array")


def _value(text: str, kind: type, name: str) -> Any:
    try:
        source = Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
        value = json.loads(source)
    except (OSError, json.JSONDecodeError) as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(value, kind):
        raise argparse.ArgumentTypeError(f"must be a JSON {name}")
    return value


# --------------------------------------------------------------------------------------------------------------- verbs


def controlled_media(args: argparse.Namespace) -> None:
    """generate the media files of one shard of a controlled dataset, and list their true factors"""
    from avbench.controlled import ControlledSettings, generate, write_factors

    settings = ControlledSettings.from_mapping(args.settings)
    generate(settings, args.directory, args.shard, args.shards)
    write_factors(settings, args.output, args.shard, args.shards)


def controlled_manifest(args: argparse.Namespace) -> None:
    """write a controlled dataset's manifest"""
    from avbench.controlled import ControlledSettings, write_manifest_for

    write_manifest_for(ControlledSettings.from_mapping(args.settings), args.output)


def download_list(args: argparse.Namespace) -> None:
    """get a dataset's list of clips, whole and verified"""
    from avbench.datasets.download import get_list

    get_list(args.settings, args.output)


def zenodo(args: argparse.Namespace) -> None:
    """download, verify and unpack a dataset's archives; goes on where an interrupted job stopped"""
    from avbench.datasets.zenodo import download_dataset

    download_dataset(args.kind, args.settings, args.access, args.directory, args.output)


def manifest(args: argparse.Namespace) -> None:
    """write the manifest of a dataset whose files are on disk"""
    from avbench.datasets import build_manifest

    build_manifest(args.kind, args.settings, {"listing": args.list} if args.list else {}, args.output)


def unpack(args: argparse.Namespace) -> None:
    """unpack the trimmed clips of an archive"""
    from avbench.datasets.archives import extract_clips
    from avbench.fetch.collections import accept
    from avbench.fileio import write_json

    write_json(args.output, extract_clips(args.archive, args.directory, accept))


def pack(args: argparse.Namespace) -> None:
    """fetch, decode, measure and pack one shard of a manifest into the store and its ledger"""
    from avbench.fetch import DownloadSettings
    from avbench.pack import pack_shard
    from avbench.settings import build
    from avbench.store import StoreSettings

    pack_shard(
        args.manifest,
        args.shard,
        args.shards,
        build(StoreSettings, args.settings, "store"),
        args.store,
        args.ledger,
        args.work,
        args.request,
        args.sources,
        build(DownloadSettings, args.download, "download"),
        args.threads,
    )


def retry(args: argparse.Namespace) -> None:
    """have the failed clips of a dataset tried again by the next run, and no others"""
    from avbench.pack import retry as mark

    chosen = mark(args.data / args.dataset, args.states, args.reasons)
    listed = ", ".join(f"{count} {reason}" for reason, count in chosen.most_common()) or "none"
    print(f"{chosen.total()} clips of {args.dataset} will be tried again by the next run: {listed}")


def ledger(args: argparse.Namespace) -> None:
    """merge the shards' ledgers, apply the checks, audit duplicates: one row a listed clip"""
    from avbench import ledger as ledgers
    from avbench.checks import CheckSettings
    from avbench.fileio import write_csv
    from avbench.manifest import read_manifest
    from avbench.settings import build

    merged = ledgers.merge(args.ledgers, read_manifest(args.manifest))
    checked, duplicates = ledgers.check(merged, build(CheckSettings, args.checks, "checks"))
    write_csv(args.duplicates, duplicates)
    ledgers.write(args.output, checked)


def coverage(args: argparse.Namespace) -> None:
    """count what is stored; stop below the required share"""
    from avbench import ledger as ledgers
    from avbench.fileio import write_json

    table = ledgers.read(args.ledger, ["clip_id", "label", "split", "state", "reason"])
    ledgers.require_coverage(table, args.minimum, args.dataset)
    write_json(args.output, ledgers.coverage(table))


def coverage_table(args: argparse.Namespace) -> None:
    """count what became of the listed clips of every dataset, by split, class and reason"""
    from avbench import ledger as ledgers
    from avbench import provenance
    from avbench.coverage import table
    from avbench.fileio import write_csv

    provenance.begin()
    columns = ["clip_id", "label", "split", "state", "reason"]
    read = {name: ledgers.read(args.data / name / "ledger.parquet", columns) for name in args.datasets}
    write_csv(args.output, table(read))
    inputs = [args.data / name / file for name in args.datasets for file in ("clips.csv", "ledger.parquet")]
    provenance.record(args.output.parents[1] / provenance.FOLDER / "coverage.json", inputs, [args.output])


def subset(args: argparse.Namespace) -> None:
    """draw a pretraining subset from the stored training clips"""
    from avbench import ledger as ledgers
    from avbench.fileio import write_csv
    from avbench.settings import build
    from avbench.subset import SubsetSettings, draw

    pool = ledgers.stored(ledgers.read(args.ledger, LEDGERED), "train")
    write_csv(args.output, draw(pool, build(SubsetSettings, args.settings, "subset")))


def labels(args: argparse.Namespace) -> None:
    """make the labels that pairing uses"""
    import pandas as pd

    from avbench.fileio import read_csv, write_csv
    from avbench.labels import LabelSettings, make
    from avbench.settings import build

    subset = pd.DataFrame(read_csv(args.subset, CLIP_LABEL))
    write_csv(args.output, make(subset, build(LabelSettings, args.settings, "labels")))


def pseudo_labels(args: argparse.Namespace) -> None:
    """make labels for pairing by an image classifier"""
    from avbench.fileio import read_csv
    from avbench.pseudo_labels import PseudoLabelSettings
    from avbench.pseudo_labels import pseudo_labels as run
    from avbench.settings import build

    run(
        args.data,
        args.dataset,
        read_csv(args.subset, CLIP_LABEL),
        build(PseudoLabelSettings, args.settings, "labels"),
        args.labels,
        args.confidence,
        args.summary,
        args.device,
        args.cpu_threads,
    )


def derived_labels(args: argparse.Namespace) -> None:
    """make labels for pairing by models of a first round: clusters, neighbours, or noise by what they confuse"""
    from avbench import provenance
    from avbench.derived_labels import derived_labels as run
    from avbench.fileio import read_csv

    provenance.begin()
    run(
        args.data,
        args.dataset,
        read_csv(args.subset, CLIP_LABEL),
        args.settings,
        args.checkpoints,
        args.seeds,
        args.outputs,
        args.summaries,
        args.device,
        args.cpu_threads,
    )
    folder = args.outputs[0].parent  # results/{experiment}/labels/{dataset}/{subset}/{labels}
    record = folder.parents[3] / provenance.FOLDER / folder.relative_to(folder.parents[3]).with_suffix(".json")
    provenance.record(record, [*args.checkpoints, args.subset], args.outputs, args.settings)


def leaks(args: argparse.Namespace) -> None:
    """check that no pretraining subset holds a test clip of any task; stop if one does"""
    from avbench import provenance
    from avbench.fileio import read_csv
    from avbench.leaks import leaks as run
    from avbench.tasks import read_tasks

    provenance.begin()
    subsets = {path.stem: read_csv(path, CLIP_LABEL)["clip_id"] for path in args.subsets}
    run(args.data, args.dataset, subsets, read_tasks(args.tasks), args.output)
    provenance.record(args.output.parents[1] / provenance.FOLDER / "leaks.json", args.subsets, [args.output])


def followed(args: argparse.Namespace) -> None:
    """choose the validation clips that training is watched on; their labels are left out"""
    import pandas as pd

    from avbench import ledger as ledgers
    from avbench.fileio import write_csv
    from avbench.followed import choose

    validation = ledgers.stored(ledgers.read(args.ledger, LEDGERED), "validation")
    write_csv(args.output, pd.DataFrame({"clip_id": choose(validation, args.clips)}))


def statistics(args: argparse.Namespace) -> None:
    """measure the mean and deviation of each mel band over a pretraining subset"""
    from avbench.features import FeatureSettings
    from avbench.fileio import read_csv, write_json
    from avbench.settings import build
    from avbench.statistics import subset_statistics
    from avbench.tasks import open_store

    features = build(FeatureSettings, args.features, "features")
    ids = read_csv(args.subset, CLIP_LABEL)["clip_id"]
    write_json(args.output, subset_statistics(open_store(args.data, args.dataset), ids, features))


def pretrain(args: argparse.Namespace) -> None:
    """pretrain one method on one subset with one seed; goes on where an interrupted run stopped"""
    from avbench import provenance
    from avbench.features import FeatureSettings
    from avbench.fileio import read_csv, read_json
    from avbench.methods import Method
    from avbench.pairing import read_pairing
    from avbench.pretrain import MachineSettings, PretrainSettings
    from avbench.pretrain import pretrain as run
    from avbench.settings import build
    from avbench.tasks import open_store

    provenance.begin()
    # The true labels stay in the file: a method sees those it is given, or none.
    clip_ids = read_csv(args.subset, ("clip_id",))["clip_id"]
    run(
        open_store(args.data, args.identity["dataset"]),
        clip_ids,
        read_pairing(args.labels, clip_ids) if args.labels else [""] * len(clip_ids),
        read_json(args.statistics),
        build(Method, args.method, "method"),
        build(PretrainSettings, args.settings, "pretraining"),
        build(FeatureSettings, args.features, "features"),
        args.seed,
        args.output,
        args.identity,
        build(MachineSettings, args.machine, "machine"),
        [path for path in (args.subset, args.labels, args.statistics, args.follow) if path],
        follow=read_csv(args.follow, ("clip_id",))["clip_id"] if args.follow else (),
    )


def untrained(args: argparse.Namespace) -> None:
    """write the initial weights of each seed, the baseline that any pretraining has to beat"""
    from avbench.features import FeatureSettings
    from avbench.fileio import read_json
    from avbench.pretrain import PretrainSettings, write_untrained
    from avbench.settings import build

    settings = build(PretrainSettings, args.settings, "pretraining")
    features = build(FeatureSettings, args.features, "features")
    for seed, output in zip(args.seeds, args.outputs, strict=True):
        write_untrained(settings, features, read_json(args.statistics), seed, output)


def embed(args: argparse.Namespace) -> None:
    """embed the clips of every task with the frozen encoders of a method's runs"""
    from avbench.embed import embed as run
    from avbench.fileio import read_csv
    from avbench.protocol import Protocol
    from avbench.settings import build
    from avbench.tasks import read_tasks

    run(
        args.checkpoints,
        args.outputs,
        read_tasks(args.tasks),
        args.data,
        read_csv(args.subset, CLIP_LABEL),
        build(Protocol, args.switches, "protocol"),
        args.device,
        args.cpu_threads,
    )


def frozen(args: argparse.Namespace) -> None:
    """score frozen features (linear probe, nearest neighbours, retrieval) and describe their geometry"""
    from avbench import provenance
    from avbench.frozen import frozen as run
    from avbench.tasks import read_tasks

    provenance.begin()
    run(args.embeddings, args.seeds, args.outputs, read_tasks(args.tasks), args.data, args.protocols, args.identity)
    for embeddings, output in zip(args.embeddings, args.outputs, strict=True):
        _record_scores(args, output, [embeddings, embeddings.with_name("checkpoint.pt")], args.tasks)


def _record_scores(args: argparse.Namespace, output: Path, inputs: Sequence[Path], tasks: dict[str, Any]) -> None:
    """Write beside a score file how it came to be."""
    from avbench import predictions, provenance

    coverage = [args.data / name / "coverage.json" for name in dict.fromkeys(t["dataset"] for t in tasks.values())]
    written = [output.with_name(name) for name in (output.name, predictions.FILE, "geometry.csv")]
    settings = {name: value for name, value in vars(args).items() if isinstance(value, dict | str | int)}
    provenance.record(
        output.with_name(provenance.FILE), [*inputs, *coverage], [path for path in written if path.exists()], settings
    )


def trained(args: argparse.Namespace) -> None:
    """train a classifier on a run's encoders, alone (linear-sgd) or with them (finetune); goes on where it stopped"""
    from avbench import provenance
    from avbench.classifier import TrainingSettings
    from avbench.classifier import trained as run
    from avbench.fileio import read_csv
    from avbench.pretrain import MachineSettings
    from avbench.protocol import Protocol
    from avbench.settings import build
    from avbench.tasks import read_tasks

    provenance.begin()
    run(
        args.protocol,
        args.checkpoint,
        args.output,
        read_tasks(args.tasks),
        args.data,
        read_csv(args.subset, CLIP_LABEL),
        build(Protocol, args.switches, "protocol"),
        build(TrainingSettings, args.settings, f"evaluation.{args.protocol}"),
        args.seed,
        args.identity,
        build(MachineSettings, args.machine, "machine"),
    )
    _record_scores(args, args.output, [args.checkpoint, args.subset], args.tasks)


def supervised(args: argparse.Namespace) -> None:
    """train encoders from scratch on a task's labels, with every seed; goes on where it stopped"""
    from avbench import provenance
    from avbench.classifier import TrainingSettings
    from avbench.classifier import supervised as run
    from avbench.features import FeatureSettings
    from avbench.fileio import read_csv
    from avbench.pretrain import MachineSettings
    from avbench.protocol import Protocol
    from avbench.settings import build
    from avbench.tasks import read_tasks

    provenance.begin()
    (task,) = read_tasks(args.task)
    run(
        task,
        args.data,
        read_csv(args.subset, CLIP_LABEL) if args.subset else None,
        args.subset_name,
        build(Protocol, args.switches, "protocol"),
        build(TrainingSettings, args.settings, "evaluation.supervised"),
        build(FeatureSettings, args.features, "features"),
        args.seeds,
        args.outputs,
        build(MachineSettings, args.machine, "machine"),
    )
    for output in args.outputs:
        _record_scores(args, output, [args.subset] if args.subset else [], args.task)


def tables(args: argparse.Namespace) -> None:
    """make every table of an experiment from scores, predictions and runs, and test the claims"""
    from avbench import provenance
    from avbench.fileio import read_json
    from avbench.results import make_tables, sources

    provenance.begin()
    plan = read_json(args.plan)
    made = make_tables(plan, args.output)
    provenance.record(args.output.parent / provenance.FOLDER / "tables.json", sources(plan), made)


def figures(args: argparse.Namespace) -> None:
    """draw figures of the report, each as PNG and PDF"""
    from avbench.figures.from_results import FIGURES
    from avbench.fileio import read_json

    for name, settings in read_json(args.plan).items():
        if name not in FIGURES:
            raise UserError(f"there is no figure {name!r}. Figures are {', '.join(FIGURES)}.")
        FIGURES[name](settings, args.output / name)


def verify(args: argparse.Namespace) -> None:
    """check tables, scores, runs and all that they were made from against the records; status 1 if anything is wrong"""
    from avbench.fileio import write_json
    from avbench.verify import verify as check

    verdict = check(args.results, args.deep)
    if args.json:
        write_json(args.json, verdict.as_json())
    print(verdict)
    if verdict.findings:
        raise SystemExit(1)


def crate(args: argparse.Namespace) -> None:
    """export an experiment as an RO-Crate: workflow, tables, figures, report and records, for an archive"""
    from avbench.crate import crate as export

    print(f"{args.output}: {export(args.results, args.output, args.licence, args.checkpoints)} files")


def models(args: argparse.Namespace) -> None:
    """print each model preset's parameters and GFLOP a clip"""
    from avbench.models import table

    print(table())


def summary(args: argparse.Namespace) -> None:
    """print an experiment's results, the claims' verdicts and where the report is"""
    from avbench.tables import print_summary

    print_summary(args.results / "tables", args.results / "report.html")


# ----------------------------------------------------------------------------------------------------------- arguments

Argument = tuple[str, dict[str, Any]]


def _path(name: str, text: str, many: bool = False, optional: bool = False) -> Argument:
    return name, {
        "type": Path,
        "required": not optional,
        "nargs": "+" if many else None,
        "metavar": "FILE",
        "help": text,
    }


def _json(name: str, text: str) -> Argument:
    return name, {"type": _mapping, "required": True, "metavar": "JSON", "help": f"{text} (JSON, or @FILE)"}


def _number(name: str, text: str, many: bool = False) -> Argument:
    return name, {"type": int, "required": True, "nargs": "+" if many else None, "metavar": "N", "help": text}


def _text(name: str, text: str, default: str | None = None) -> Argument:
    return name, {"required": default is None, "default": default, "metavar": "NAME", "help": text}


_SHARD = [_number("--shard", "number of the shard, from 0"), _number("--shards", "shards in all")]
_DATA = (
    "--data",
    {"type": Path, "default": Path("data"), "metavar": "DIR", "help": "folder of the datasets"},
)
_FEATURES = _json("--features", "windows and log-mel parameters")
_SUBSET = _path("--subset", "the pretraining subset")
_TASKS = _json("--tasks", "table of the tasks: name → fields")
_SWITCHES = _json("--switches", "the protocol's switches of evaluation")
_MACHINE = ("--machine", {"type": _mapping, "default": {}, "metavar": "JSON", "help": "device, cache, … (JSON)"})
_OUTPUT = _path("--output", "what to write")
_THREADS = {"type": int, "default": 1, "metavar": "N"}

VERBS: dict[Callable[[argparse.Namespace], None], list[Argument]] = {
    controlled_media: [
        _json("--settings", "the dataset's factors"),
        _path("--directory", "dataset folder"),
        *_SHARD,
        _OUTPUT,
    ],
    controlled_manifest: [_json("--settings", "the dataset's factors"), _OUTPUT],
    download_list: [_json("--settings", "url or path, and sha256"), _OUTPUT],
    zenodo: [
        _text("--kind", "tau_av or fsdnoisy18k"),
        _json("--settings", "record, if not the usual one, and media for tau_av"),
        ("--access", {"type": _mapping, "default": {}, "metavar": "JSON", "help": "api, keep_archives (JSON)"}),
        _path("--directory", "where archives are kept and unpacked"),
        _OUTPUT,
    ],
    manifest: [
        _text("--kind", "vggsound, tau_av, fsdnoisy18k or folder"),
        _json("--settings", "the dataset's options"),
        _path("--list", "the dataset's list, for vggsound", optional=True),
        _OUTPUT,
    ],
    unpack: [
        _path("--archive", "zip or tar"),
        _path("--directory", "folder for the clips"),
        _OUTPUT,
    ],
    pack: [
        _path("--manifest", "the dataset's manifest"),
        *_SHARD,
        _json("--settings", "what is kept of a clip"),
        (
            "--sources",
            {
                "type": _list,
                "default": ["files"],
                "metavar": "JSON",
                "help": 'where clips are looked for, in this order: "files", "download", {"directory": PATH}',
            },
        ),
        ("--download", {"type": _mapping, "default": {}, "metavar": "JSON", "help": "how clips are downloaded"}),
        _path("--store", "the shard to write, or to bring up to date"),
        _path("--ledger", "its ledger, likewise"),
        _path("--work", "folder for finished clips while the shard is packed"),
        _path("--request", "which failed clips to try again, as written by retry", optional=True),
        ("--threads", _THREADS | {"help": "clips decoded at once"}),
    ],
    ledger: [
        _path("--ledgers", "the shards' ledgers", many=True),
        _path("--manifest", "the manifest"),
        _json("--checks", "thresholds that a clip must meet"),
        _path("--duplicates", "list of duplicates to write"),
        _OUTPUT,
    ],
    coverage_table: [
        _DATA,
        ("--datasets", {"nargs": "+", "required": True, "metavar": "NAME", "help": "in the order of the table"}),
        _OUTPUT,
    ],
    retry: [
        _DATA,
        _text("--dataset", "the dataset"),
        (
            "--states",
            {
                "nargs": "+",
                "choices": ["unavailable", "rejected"],
                "default": ["unavailable"],
                "help": "which clips (default: unavailable)",
            },
        ),
        ("--reasons", {"nargs": "+", "default": [], "metavar": "WORD", "help": "only those with these reasons"}),
    ],
    coverage: [
        _path("--ledger", "the dataset's ledger"),
        _text("--dataset", "its name, for messages"),
        (
            "--minimum",
            {"type": float, "required": True, "metavar": "SHARE", "help": "stop below this stored share"},
        ),
        _OUTPUT,
    ],
    subset: [
        _path("--ledger", "the dataset's ledger"),
        _json("--settings", "how the subset is drawn"),
        _OUTPUT,
    ],
    labels: [_SUBSET, _json("--settings", "the label variant"), _OUTPUT],
    pseudo_labels: [
        _DATA,
        _text("--dataset", "the subset's dataset"),
        _SUBSET,
        _json("--settings", "the label variant"),
        _path("--labels", "the labels to write"),
        _path("--confidence", "the labels with the classifier's confidence, to write"),
        _path("--summary", "what kind of labels these are, to write"),
        _text("--device", "auto, cpu or cuda", "auto"),
        ("--cpu-threads", _THREADS | {"help": "threads of each computation"}),
    ],
    derived_labels: [
        _DATA,
        _text("--dataset", "the subset's dataset"),
        _SUBSET,
        _path("--checkpoints", "finished runs on this subset", many=True),
        _number("--seeds", "one a checkpoint", many=True),
        _json("--settings", "the label variant"),
        _path("--outputs", "label files to write, one a checkpoint", many=True),
        _path("--summaries", "what kind of labels these are, to write, likewise", many=True),
        _text("--device", "auto, cpu or cuda", "auto"),
        ("--cpu-threads", _THREADS | {"help": "threads of each computation"}),
    ],
    leaks: [
        _DATA,
        _text("--dataset", "the pretraining dataset"),
        _path("--subsets", "pretraining subsets", many=True),
        _TASKS,
        _OUTPUT,
    ],
    followed: [_path("--ledger", "the dataset's ledger"), _number("--clips", "how many"), _OUTPUT],
    statistics: [_DATA, _text("--dataset", "the subset's dataset"), _SUBSET, _FEATURES, _OUTPUT],
    pretrain: [
        _DATA,
        _SUBSET,
        _path("--labels", "labels or neighbours for pairing; leave out for methods that use none", optional=True),
        _path("--statistics", "the subset's mel statistics"),
        _json("--method", "the method's fields"),
        _json("--settings", "how to train"),
        _FEATURES,
        _json("--identity", "names of dataset, subset and labels"),
        (
            "--machine",
            {"type": _mapping, "default": {}, "metavar": "JSON", "help": "device, cache, … (JSON)"},
        ),
        _number("--seed", "seed of everything drawn"),
        _path("--follow", "clips to embed along training, written to dynamics.npz", optional=True),
        _path("--output", "the run's folder"),
    ],
    untrained: [
        _path("--statistics", "the subset's mel statistics"),
        _json("--settings", "how to train"),
        _FEATURES,
        _number("--seeds", "one a checkpoint", many=True),
        _path("--outputs", "the checkpoints to write", many=True),
    ],
    embed: [
        _DATA,
        _SUBSET,
        _path("--checkpoints", "finished runs", many=True),
        _path("--outputs", "one a checkpoint", many=True),
        _TASKS,
        _SWITCHES,
        _text("--device", "auto, cpu or cuda", "auto"),
        ("--cpu-threads", _THREADS | {"help": "threads of each computation"}),
    ],
    frozen: [
        _DATA,
        _path("--embeddings", "files written by embed", many=True),
        _number("--seeds", "one a file", many=True),
        _path("--outputs", "score files to write, one a file; predictions are written beside each", many=True),
        _TASKS,
        _json("--protocols", "settings of linear, knn and retrieval; those left out are not run"),
        _json("--identity", "names of method, subset and labels"),
        ("--cpu-threads", _THREADS | {"help": "threads of each computation"}),
    ],
    trained: [
        _DATA,
        _SUBSET,
        (
            "--protocol",
            {"required": True, "choices": ["linear-sgd", "finetune"], "help": "what is trained: a classifier, or all"},
        ),
        _path("--checkpoint", "a finished run"),
        _path("--output", "the score file to write; predictions are written beside it"),
        _TASKS,
        _SWITCHES,
        _json("--settings", "how to train"),
        _json("--identity", "names of method, subset and labels"),
        _number("--seed", "the run's"),
        _MACHINE,
    ],
    supervised: [
        _DATA,
        _path("--subset", "the pretraining subset; leave out to train on all clips", optional=True),
        _text("--subset-name", "the subset's name in the tables"),
        _json("--task", "one row of the table of tasks"),
        _SWITCHES,
        _json("--settings", "how to train"),
        _FEATURES,
        _number("--seeds", "one a score file", many=True),
        _path("--outputs", "score files to write; predictions are written beside each", many=True),
        _MACHINE,
    ],
    tables: [
        _path("--plan", "a JSON file of what the tables are made of"),
        _path("--output", "folder of the tables"),
    ],
    figures: [
        _path("--plan", "a JSON file with the inputs of each figure, by its name"),
        _path("--output", "folder of the figures"),
    ],
    verify: [
        ("results", {"type": Path, "metavar": "DIR", "help": "results/{experiment}"}),
        ("--deep", {"action": "store_true", "help": "compare contents too: scores, predictions, subsets, ledgers"}),
        _path("--json", "write what was found here as well", optional=True),
    ],
    crate: [
        ("results", {"type": Path, "metavar": "DIR", "help": "results/{experiment}"}),
        _path("--output", "a .zip file, or a new folder"),
        ("--licence", {"metavar": "TEXT", "help": "of tables and figures: an address, or words"}),
        ("--checkpoints", {"action": "store_true", "help": "take the models and their features too"}),
    ],
    models: [],
    summary: [("--results", {"type": Path, "required": True, "metavar": "DIR", "help": "results/{experiment}"})],
}


def parser() -> argparse.ArgumentParser:
    """Build the parser: a sub-command for each verb, named like its function with hyphens."""
    top = argparse.ArgumentParser(prog="avbench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    top.add_argument("--version", action="version", version=__version__)
    verbs = top.add_subparsers(title="verbs", metavar="VERB", required=True)
    for function, arguments in VERBS.items():
        text = function.__doc__ or ""
        verb = verbs.add_parser(function.__name__.replace("_", "-"), help=text, description=text)
        for name, options in arguments:
            verb.add_argument(name, **options)
        verb.set_defaults(run=function)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb; a mistake of the user's is one paragraph on stderr and status 2."""
    args = parser().parse_args(argv)
    # Libraries read these when they are first imported. Threads of sums that are split otherwise give other bytes.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(getattr(args, "cpu_threads", 1))
    try:
        args.run(args)
    except UserError as error:
        print(f"avbench {args.run.__name__.replace('_', '-')}: {error}", file=sys.stderr)
        return 2
    return 0
