"""Verbs of the data: from the manifest to the store, its ledger and subsets."""

import argparse

from avbench.cli.arguments import (
    CLIP_LABEL,
    DATA,
    LEDGERED,
    NEEDS,
    OUTPUT,
    SHARD,
    TASKS,
    THREADS,
    Verbs,
    json_argument,
    json_object,
    path_argument,
    text_argument,
)


def pack_shard(args: argparse.Namespace) -> None:
    """fetch, decode, measure and pack one shard of a manifest into the store and its ledger"""
    from avbench.config.settings import build
    from avbench.config.store import StoreSettings
    from avbench.data.download import DownloadSettings
    from avbench.data.packing.shard import PackJob
    from avbench.data.packing.shard import pack_shard as run

    names = ("manifest", "shard", "shards", "store", "ledger", "work", "request", "threads")
    given = {name: getattr(args, name) for name in names}
    settings = build(StoreSettings, args.settings.get("store", {}), "store")
    download = build(DownloadSettings, args.download, "download")
    sources = args.settings.get("sources", ["files"])
    run(PackJob(**given, settings=settings, sources=sources, download=download))


def retry(args: argparse.Namespace) -> None:
    """have the failed clips of a dataset tried again by the next run, and no others"""
    from avbench.data.packing.retry import retry as mark

    chosen = mark(args.data / args.dataset, args.states, args.reasons)
    listed = ", ".join(f"{count} {reason}" for reason, count in chosen.most_common()) or "none"
    print(f"{chosen.total()} clips of {args.dataset} will be tried again by the next run: {listed}")


def ledger(args: argparse.Namespace) -> None:
    """merge the shards' ledgers, apply the checks, audit recordings and duplicates: one row a listed clip"""
    from avbench.config.checks import CheckSettings
    from avbench.config.settings import build
    from avbench.data.accounts import AccountFiles, account

    files = AccountFiles(args.manifest, args.ledgers, args.output, args.duplicates, args.recordings, args.shards)
    account(files, build(CheckSettings, args.checks, "checks"))


def coverage(args: argparse.Namespace) -> None:
    """count what is stored; stop below the required share, and say what tasks lack"""
    from avbench.core.errors import UserError
    from avbench.core.files import write_json
    from avbench.data import ledger as ledgers
    from avbench.data.label_sets import require_sets
    from avbench.evaluation.needs import Needs, require_of_dataset

    table = ledgers.read(args.ledger, ["clip_id", "label", "split", "state", "reason"])
    if args.multi_label:
        require_sets(dict(zip(table["clip_id"], table["label"], strict=True)), str(args.ledger))
    ledgers.require_coverage(table, args.minimum, args.dataset, ledgers.read_checks(args.ledger))
    try:
        require_of_dataset(table, Needs.from_mapping(args.needs))
    except UserError as lacking:
        print(f"Nothing can be evaluated: {lacking}")
    write_json(args.output, ledgers.coverage(table, ledgers.read_left_out(args.ledger)), sealed=True)
    write_json(args.stored, ledgers.stored_state(table, ledgers.read_content(args.ledger)), sealed=True)


def coverage_table(args: argparse.Namespace) -> None:
    """count what became of the listed clips of every dataset, by split, class and reason"""
    from avbench.core.files import write_csv
    from avbench.data import ledger as ledgers
    from avbench.data.coverage import table
    from avbench.provenance import record as provenance

    provenance.begin()
    columns = ["clip_id", "label", "split", "state", "reason"]
    read = {name: ledgers.read(args.data / name / "ledger.parquet", columns) for name in args.datasets}
    write_csv(args.output, table(read))
    inputs = [args.data / name / file for name in args.datasets for file in ("clips.csv", "ledger.parquet")]
    provenance.record(provenance.folder_of(args.output, "tables") / "coverage.json", inputs, [args.output])


def subset(args: argparse.Namespace) -> None:
    """draw a pretraining subset from the stored training clips; stop where tasks cannot train on it"""
    from avbench.config.settings import build
    from avbench.config.subsets import SubsetSettings
    from avbench.core.files import write_csv
    from avbench.data import ledger as ledgers
    from avbench.data.subsets import draw
    from avbench.evaluation.needs import Needs, require_of_dataset, require_of_subset

    accounted, needs = ledgers.read(args.ledger, LEDGERED), Needs.from_mapping(args.needs)
    require_of_dataset(accounted, needs)
    pool = ledgers.stored(accounted, "train")
    drawn = draw(pool, build(SubsetSettings, args.settings, "subset"))
    require_of_subset(args.ledger.parents[1], drawn, needs)
    write_csv(args.output, drawn, sealed=True)


def sizes(args: argparse.Namespace) -> None:
    """list the balanced subsets that a dataset's stored training clips allow, and the classes that limit them"""
    import textwrap

    from avbench.data import ledger as ledgers
    from avbench.data.subsets import possible

    pool = ledgers.stored(ledgers.read(args.data / args.dataset / "ledger.parquet", LEDGERED), "train")
    rows = possible(pool["label"].value_counts().to_dict())
    shown = rows if args.all else rows.head(20)
    print("clips per class  classes     clips  limited by")
    for row in shown.itertuples():
        limits = textwrap.shorten(row.limited_by, 60, placeholder=" …")
        print(f"{row.clips_per_class:>15,}  {row.classes:>7,}  {row.clips:>8,}  {limits}")
    if len(shown) < len(rows):
        print(f"and {len(rows) - len(shown)} larger ones of fewer classes; --all lists them.")


def leaks(args: argparse.Namespace) -> None:
    """check that no pretraining subset holds a test clip of any task; stop if one does"""
    from avbench.config.tasks import read_tasks
    from avbench.core.files import read_csv
    from avbench.data.leaks import leaks as run
    from avbench.provenance import record as provenance

    provenance.begin()
    subsets = {path.stem: read_csv(path, CLIP_LABEL)["clip_id"] for path in args.subsets}
    run(args.data, args.dataset, subsets, read_tasks(args.tasks), args.output)
    provenance.record(provenance.folder_of(args.output, "tables") / "leaks.json", args.subsets, [args.output])


VERBS: Verbs = {
    pack_shard: [
        path_argument("--manifest", "the dataset's manifest"),
        *SHARD,
        json_argument(
            "--settings", "store: what is kept of each clip; sources: where clips are looked for, in this order"
        ),
        ("--download", {"type": json_object, "default": {}, "metavar": "JSON", "help": "how clips are downloaded"}),
        path_argument("--store", "the shard to write, or to bring up to date"),
        path_argument("--ledger", "its ledger, likewise"),
        path_argument("--work", "folder for finished clips while the shard is packed"),
        path_argument("--request", "which failed clips to try again, as written by retry", optional=True),
        ("--threads", THREADS | {"help": "clips decoded at once"}),
    ],
    ledger: [
        path_argument("--ledgers", "the shards' ledgers", many=True),
        path_argument("--manifest", "the manifest"),
        json_argument("--checks", "thresholds that a clip must meet"),
        path_argument("--duplicates", "list of duplicates to write"),
        path_argument("--recordings", "list of recordings that splits share, to write"),
        path_argument("--shards", "list of the dataset's shards, to write beside them"),
        OUTPUT,
    ],
    coverage_table: [
        DATA,
        ("--datasets", {"nargs": "+", "required": True, "metavar": "NAME", "help": "in the order of the table"}),
        OUTPUT,
    ],
    retry: [
        DATA,
        text_argument("--dataset", "the dataset"),
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
        path_argument("--ledger", "the dataset's ledger"),
        text_argument("--dataset", "its name, for messages"),
        (
            "--minimum",
            {"type": float, "required": True, "metavar": "SHARE", "help": "stop below this stored share"},
        ),
        NEEDS,
        path_argument("--stored", "what is stored, for all that depends on it: to write"),
        ("--multi-label", {"action": "store_true", "help": "check that labels are written as sets of labels"}),
        OUTPUT,
    ],
    subset: [
        path_argument("--ledger", "the dataset's ledger"),
        json_argument("--settings", "how the subset is drawn"),
        NEEDS,
        OUTPUT,
    ],
    sizes: [
        ("dataset", {"help": "its name"}),
        DATA,
        ("--all", {"action": "store_true", "help": "every size, not the first twenty"}),
    ],
    leaks: [
        DATA,
        text_argument("--dataset", "the pretraining dataset"),
        path_argument("--subsets", "pretraining subsets", many=True),
        TASKS,
        OUTPUT,
    ],
}
