"""Verbs that make labels for pairing."""

import argparse

from avbench.cli.arguments import CLIP_LABEL, DEVICE, OUTPUT, SUBSET, Verbs, job_argument, json_argument


def labels(args: argparse.Namespace) -> None:
    """make the labels that pairing uses"""
    import pandas as pd

    from avbench.config.labels import LabelSettings
    from avbench.config.settings import build
    from avbench.core.files import read_csv, write_csv
    from avbench.labels.label_noise import make

    subset = pd.DataFrame(read_csv(args.subset, CLIP_LABEL))
    write_csv(args.output, make(subset, build(LabelSettings, args.settings, "labels")), sealed=True)


def pseudo_labels(args: argparse.Namespace) -> None:
    """make labels for pairing by an image classifier"""
    from avbench.labels.label_jobs import PseudoLabelJob

    job = PseudoLabelJob.from_mapping(args.job)

    from avbench.labels.pseudo import pseudo_labels as run

    run(job, args.device)


def derived_labels(args: argparse.Namespace) -> None:
    """make labels for pairing by models of a first round: clusters, neighbours, or noise by what they confuse"""
    from avbench.labels.label_jobs import DerivedLabelJob

    job = DerivedLabelJob.from_mapping(args.job)

    from avbench.labels.derived import derived_labels as run
    from avbench.provenance import record as provenance

    provenance.begin()
    run(job, args.device)
    for checkpoint, output in zip(job.checkpoints, job.outputs, strict=True):
        # results/{experiment}/labels/{dataset}/{subset}/{labels}/seed-{seed}.csv
        folder = provenance.folder_of(output, "labels", 4)
        record = folder / output.relative_to(folder.parent).with_suffix(".json")
        provenance.record(record, [checkpoint, job.subset], [output], args.job["settings"])


VERBS: Verbs = {
    labels: [SUBSET, json_argument("--settings", "the label variant"), OUTPUT],
    pseudo_labels: [job_argument("avbench.labels.label_jobs:PseudoLabelJob"), DEVICE],
    derived_labels: [job_argument("avbench.labels.label_jobs:DerivedLabelJob"), DEVICE],
}
