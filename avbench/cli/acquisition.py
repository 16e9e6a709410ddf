"""Verbs that get a dataset: its lists, archives and clips, and the manifest of them."""

import argparse

from avbench.cli.arguments import (
    OUTPUT,
    SHARD,
    Verbs,
    json_argument,
    json_object,
    path_argument,
    text_argument,
)


def controlled_media(args: argparse.Namespace) -> None:
    """generate the media files of one shard of a controlled dataset, and list their true factors"""
    from avbench.datasets.controlled import ControlledSettings, generate, write_factors

    settings = ControlledSettings.from_mapping(args.settings)
    generate(settings, args.directory, args.shard, args.shards)
    write_factors(settings, args.output, args.shard, args.shards)


def controlled_manifest(args: argparse.Namespace) -> None:
    """write a controlled dataset's manifest"""
    from avbench.datasets.controlled import ControlledSettings, write_manifest_for

    write_manifest_for(ControlledSettings.from_mapping(args.settings), args.output)


def download_list(args: argparse.Namespace) -> None:
    """get a dataset's list of clips, whole and verified"""
    from avbench.datasets.acquire import get_list

    get_list(args.settings, args.output)


def download_archive(args: argparse.Namespace) -> None:
    """download, verify and unpack one archive, which holds a dataset"""
    from avbench.datasets.acquire import get_archive

    get_archive(args.settings, args.directory, args.output)


def zenodo(args: argparse.Namespace) -> None:
    """download, verify and unpack a dataset's archives; goes on where an interrupted job stopped"""
    from avbench.datasets.acquire import download_dataset

    download_dataset(args.kind, args.settings, args.access, args.directory, args.output)


def manifest(args: argparse.Namespace) -> None:
    """write the manifest of a dataset whose files are on disk"""
    from avbench.datasets import build_manifest

    given = {"listing": args.list, "labels": args.labels}
    build_manifest(args.kind, args.settings, {name: file for name, file in given.items() if file}, args.output)


def listed_clips(args: argparse.Namespace) -> None:
    """make a dataset of listed clips whose features were computed before: manifest, ledger, a store without media"""
    from avbench.config.checks import CheckSettings
    from avbench.config.settings import build
    from avbench.config.store import StoreSettings
    from avbench.datasets.listed_clips import ListedFiles, write_listed
    from avbench.features.given_features import GivenFeatures

    known = {path.name: GivenFeatures(path).clip_ids for path in args.features}
    files = ListedFiles(args.manifest, args.store, args.ledger, args.duplicates, args.recordings)
    checks = build(CheckSettings, args.checks, "checks")
    write_listed(args.list, known, build(StoreSettings, args.settings, "store"), checks, files)


def unpack(args: argparse.Namespace) -> None:
    """unpack the trimmed clips of an archive"""
    from avbench.core.files import write_json
    from avbench.data.download.losses import unpack_clips
    from avbench.data.packing.trimmed import accept

    write_json(args.output, unpack_clips(args.archive, args.directory, accept))


def hub(args: argparse.Namespace) -> None:
    """get the archives of trimmed clips of a repository on the Hugging Face Hub, and unpack them"""
    from avbench.config.hub import HubSettings
    from avbench.config.settings import build
    from avbench.core.files import write_json
    from avbench.data.download.hub import fetch_clips
    from avbench.data.packing.trimmed import accept

    write_json(args.output, fetch_clips(build(HubSettings, args.settings, "hub"), args.directory, accept))


VERBS: Verbs = {
    controlled_media: [
        json_argument("--settings", "the dataset's factors"),
        path_argument("--directory", "dataset folder"),
        *SHARD,
        OUTPUT,
    ],
    controlled_manifest: [json_argument("--settings", "the dataset's factors"), OUTPUT],
    download_list: [json_argument("--settings", "url or path, and sha256"), OUTPUT],
    download_archive: [
        json_argument("--settings", "url, and sha256"),
        path_argument("--directory", "where it is unpacked"),
        OUTPUT,
    ],
    zenodo: [
        text_argument("--kind", "tau_av or fsdnoisy18k"),
        json_argument("--settings", "record, if not the usual one, and media for tau_av"),
        ("--access", {"type": json_object, "default": {}, "metavar": "JSON", "help": "api, keep_archives (JSON)"}),
        path_argument("--directory", "where archives are kept and unpacked"),
        OUTPUT,
    ],
    manifest: [
        text_argument(
            "--kind", "vggsound, vggsounder, tau_av, fsdnoisy18k, esc50, ucf101, ave, kinetics_sounds, folder"
        ),
        json_argument("--settings", "the dataset's options"),
        path_argument("--list", "the dataset's list, for vggsound and vggsounder", optional=True),
        path_argument("--labels", "the labels of vggsounder", optional=True),
        OUTPUT,
    ],
    unpack: [
        path_argument("--archive", "zip or tar"),
        path_argument("--directory", "folder for the clips"),
        OUTPUT,
    ],
    hub: [
        json_argument("--settings", "repo, pattern and revision"),
        path_argument("--directory", "folder for clips, and for archives while they are unpacked"),
        OUTPUT,
    ],
    listed_clips: [
        path_argument("--list", "CSV with the columns clip_id, label and split"),
        path_argument("--features", "files of features", many=True),
        json_argument("--settings", "what is stored"),
        json_argument("--checks", "what to do about recordings that splits share"),
        *(
            path_argument(f"--{name}", "what to write")
            for name in ("manifest", "store", "ledger", "duplicates", "recordings")
        ),
    ],
}
