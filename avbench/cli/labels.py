"""Verbs that make labels for pairing."""

import argparse

from avbench.cli.arguments import (
    CLIP_LABEL,
    DATA,
    OUTPUT,
    SUBSET,
    THREADS,
    Verbs,
    json_argument,
    number_argument,
    path_argument,
    text_argument,
)


def labels(args: argparse.Namespace) -> None:
    """make the labels that pairing uses"""
    import pandas as pd

    from avbench.config.labels import LabelSettings
    from avbench.config.settings import build
    from avbench.core.files import read_csv, write_csv
    from avbench.labels.label_noise import make

    subset = pd.DataFrame(read_csv(args.subset, CLIP_LABEL))
    write_csv(args.output, make(subset, build(LabelSettings, args.settings, "labels")))


def pseudo_labels(args: argparse.Namespace) -> None:
    """make labels for pairing by an image classifier"""
    from avbench.config.labels import PseudoLabelSettings
    from avbench.config.settings import build
    from avbench.core.files import read_csv
    from avbench.labels.pseudo import pseudo_labels as run

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
    from avbench.core.files import read_csv
    from avbench.labels.derived import derived_labels as run
    from avbench.provenance import record as provenance

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


VERBS: Verbs = {
    labels: [SUBSET, json_argument("--settings", "the label variant"), OUTPUT],
    pseudo_labels: [
        DATA,
        text_argument("--dataset", "the subset's dataset"),
        SUBSET,
        json_argument("--settings", "the label variant"),
        path_argument("--labels", "the labels to write"),
        path_argument("--confidence", "the labels with the classifier's confidence, to write"),
        path_argument("--summary", "what kind of labels these are, to write"),
        text_argument("--device", "auto, cpu or cuda", "auto"),
        ("--cpu-threads", THREADS | {"help": "threads of each computation"}),
    ],
    derived_labels: [
        DATA,
        text_argument("--dataset", "the subset's dataset"),
        SUBSET,
        path_argument("--checkpoints", "finished runs on this subset", many=True),
        number_argument("--seeds", "one a checkpoint", many=True),
        json_argument("--settings", "the label variant"),
        path_argument("--outputs", "label files to write, one a checkpoint", many=True),
        path_argument("--summaries", "what kind of labels these are, to write, likewise", many=True),
        text_argument("--device", "auto, cpu or cuda", "auto"),
        ("--cpu-threads", THREADS | {"help": "threads of each computation"}),
    ],
}
