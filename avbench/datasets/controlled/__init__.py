"""The controlled dataset: clips with known generative factors, written as real media files."""

from avbench.datasets.controlled.classes import clip_list, manifest, write_factors, write_manifest_for
from avbench.datasets.controlled.generation import generate
from avbench.datasets.controlled.options import CONDITIONS, Conditions, ControlledSettings
from avbench.datasets.controlled.render import render

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
