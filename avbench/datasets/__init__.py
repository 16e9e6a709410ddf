"""Datasets: each module turns the files of one dataset, or of one layout, into a manifest."""

from collections.abc import Mapping
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from avbench.config.settings import build
from avbench.core.errors import UserError

# kind → (module, its settings); modules are imported when they are used.
KINDS = {
    "vggsound": ("avbench.datasets.vggsound", "VGGSoundSettings"),
    "vggsounder": ("avbench.datasets.vggsounder", "VggSounderSettings"),
    "tau_av": ("avbench.datasets.tau_av", "TauAvSettings"),
    "fsdnoisy18k": ("avbench.datasets.fsdnoisy18k", "FSDnoisy18kSettings"),
    "esc50": ("avbench.datasets.esc50", "Esc50Settings"),
    "ucf101": ("avbench.datasets.ucf101", "Ucf101Settings"),
    "ave": ("avbench.datasets.ave", "AveSettings"),
    "kinetics_sounds": ("avbench.datasets.kinetics_sounds", "KineticsSoundsSettings"),
    "folder": ("avbench.datasets.folder", "FolderSettings"),
}


def build_manifest(kind: str, settings: Mapping[str, Any], inputs: Mapping[str, Path], path: str | Path) -> None:
    """Write the manifest of a dataset whose files are on disk.

    A listed clip without a file stays in the manifest, with the path where it would be, and so ends in the
    ledger.

    Args:
        kind: a key of ``KINDS``.
        settings: the dataset's options; relative paths count from the working directory.
        inputs: files that other rules made, by the name under which the dataset's module knows them.
        path: the manifest to write. Sources are relative to its folder where the options' paths are.

    Raises:
        UserError: an option, a file or one of its rows is wrong; names file, row and remedy.
    """
    if kind not in KINDS:
        raise UserError(f"kind: {kind!r} is unknown. Allowed are {', '.join(KINDS)}.")
    module_name, class_name = KINDS[kind]
    module = import_module(module_name)
    chosen = build(getattr(module, class_name), settings, f"options of {kind}")
    if wrong := set(inputs) ^ set(list(signature(module.manifest).parameters)[2:]):
        name = min(wrong)
        raise UserError(f"inputs of {kind}: {name} is {'not one of them' if name in inputs else 'missing'}.")

    from avbench.core.files import write_json
    from avbench.data.manifest import LEFT_OUT, SPLITS, write_manifest

    clips = module.manifest(chosen, Path(path), **inputs)
    write_manifest(path, clips)
    # Beside the manifest, which lists clips alone: the ledger tells of them too.
    beside = Path(path).with_name(LEFT_OUT)
    beside.unlink(missing_ok=True)
    if left_out := clips.attrs.get("left_out"):
        write_json(beside, left_out)
    counts = ", ".join(f"{int((clips.split == split).sum())} {split}" for split in SPLITS)
    print(f"{path}: {counts} clips, {clips.label.nunique()} labels")
