"""The controlled dataset: clips with known generative factors, written as real media files."""

from avbench.controlled.catalogue import clip_list, manifest, write_factors, write_manifest_for
from avbench.controlled.clip import render
from avbench.controlled.generation import generate
from avbench.controlled.settings import CONDITIONS, Conditions, ControlledSettings

__all__ = [
    "CONDITIONS",
    "Conditions",
    "ControlledSettings",
    "clip_list",
    "generate",
    "manifest",
    "render",
    "write_factors",
    "write_manifest_for",
]
