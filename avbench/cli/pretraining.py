"""Verbs of pretraining."""

import argparse

from avbench.cli.arguments import (
    CLIP_LABEL,
    DATA,
    FEATURES,
    LEDGERED,
    OUTPUT,
    SUBSET,
    Verbs,
    json_argument,
    json_object,
    number_argument,
    path_argument,
    text_argument,
)


def followed(args: argparse.Namespace) -> None:
    """choose the validation clips that training is watched on; their labels are left out"""
    import pandas as pd

    from avbench.core.files import write_csv
    from avbench.data import ledger as ledgers
    from avbench.pretraining.dynamics_clips import choose

    validation = ledgers.stored(ledgers.read(args.ledger, LEDGERED), "validation")
    write_csv(args.output, pd.DataFrame({"clip_id": choose(validation, args.clips)}))


def statistics(args: argparse.Namespace) -> None:
    """measure the mean and deviation of each mel band over a pretraining subset"""
    from avbench.config.features import FeatureSettings
    from avbench.config.settings import build
    from avbench.core.files import read_csv, write_json
    from avbench.data.store import open_store
    from avbench.features.statistics import subset_statistics

    features = build(FeatureSettings, args.features, "features")
    ids = read_csv(args.subset, CLIP_LABEL)["clip_id"]
    write_json(args.output, subset_statistics(open_store(args.data, args.dataset), ids, features))


def pretrain(args: argparse.Namespace) -> None:
    """pretrain one method on one subset with one seed; goes on where an interrupted run stopped"""
    from avbench.config.features import FeatureSettings
    from avbench.config.methods import Method
    from avbench.config.pretraining import MachineSettings, PretrainSettings
    from avbench.config.settings import build
    from avbench.core.files import read_csv, read_json
    from avbench.data.store import open_store
    from avbench.methods.pairing_labels import read_pairing
    from avbench.pretraining.run import pretrain as run
    from avbench.provenance import record as provenance

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
    from avbench.config.features import FeatureSettings
    from avbench.config.pretraining import PretrainSettings
    from avbench.config.settings import build
    from avbench.core.files import read_json
    from avbench.pretraining.run import write_untrained

    settings = build(PretrainSettings, args.settings, "pretraining")
    features = build(FeatureSettings, args.features, "features")
    for seed, output in zip(args.seeds, args.outputs, strict=True):
        write_untrained(settings, features, read_json(args.statistics), seed, output)


def models(args: argparse.Namespace) -> None:
    """print each model preset's parameters and GFLOP a clip"""
    from avbench.models.summary import table

    print(table())


VERBS: Verbs = {
    followed: [path_argument("--ledger", "the dataset's ledger"), number_argument("--clips", "how many"), OUTPUT],
    statistics: [DATA, text_argument("--dataset", "the subset's dataset"), SUBSET, FEATURES, OUTPUT],
    pretrain: [
        DATA,
        SUBSET,
        path_argument(
            "--labels", "labels or neighbours for pairing; leave out for methods that use none", optional=True
        ),
        path_argument("--statistics", "the subset's mel statistics"),
        json_argument("--method", "the method's fields"),
        json_argument("--settings", "how to train"),
        FEATURES,
        json_argument("--identity", "names of dataset, subset and labels"),
        (
            "--machine",
            {"type": json_object, "default": {}, "metavar": "JSON", "help": "device, cache, … (JSON)"},
        ),
        number_argument("--seed", "seed of everything drawn"),
        path_argument("--follow", "clips to embed along training, written to dynamics.npz", optional=True),
        path_argument("--output", "the run's folder"),
    ],
    untrained: [
        path_argument("--statistics", "the subset's mel statistics"),
        json_argument("--settings", "how to train"),
        FEATURES,
        number_argument("--seeds", "one a checkpoint", many=True),
        path_argument("--outputs", "the checkpoints to write", many=True),
    ],
    models: [],
}
