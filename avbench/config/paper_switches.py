"""The published protocol's oddities as named switches.

Imported while the Snakefile is parsed, so it needs nothing but the standard library.
"""

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from avbench.core.errors import UserError


@dataclass(frozen=True)
class PaperSwitches:
    """What S. Wang et al., arXiv:2402.02899, ran that a reader of the paper would not expect.

    Every switch reproduces one of their choices; the defaults, which are the preset ``corrected``, do what a careful
    reader would expect. The first five act in pretraining, the others in evaluation.

    Attributes:
        flip_each_frame: each frame of a video window is mirrored or not on its own, so that a window's frames
            disagree. Corrected: a window is mirrored as a whole, if the settings ask for flips.
        fixed_batches: batches of one class come in the same order, with the same members, every epoch. Corrected:
            they are drawn anew.
        batch_norm_groups: the number of GPUs that shared a batch without synchronising batch norm: each normalised
            its part by that part's statistics. 4 as published. Corrected: 1, the statistics of the whole batch.
        ordered_classes: the clips of a one-per-class batch stand in the order of their classes. Where such a batch is
            normalised in groups, the first of which updates the running statistics, these know of the first classes
            alone: of 0 to 77 among 309 in 4 groups. Corrected: a batch's clips are shuffled.
        partner_at_anchor_time: the time of the windows is drawn within the anchor alone, so that a shorter partner
            may have ended by then; its last picture stands still. Corrected: drawn within the shorter of both.
        train_mode_probe: while only a classifier is trained on it, the encoder stays in training mode: batch norm
            normalises by the batch and goes on updating its running statistics. Corrected: the encoder is frozen.
        task_mel_bands: a task may be evaluated with another number of mel bands than the encoder was pretrained
            with (TAU with 64, FSDnoisy18k with 96 instead of 128). Corrected: the number stays.
        probe_on_pretraining_clips: where a task trains on the pretraining subset, its validation clips are also
            taken from there. Corrected: they are the dataset's validation clips.

    Raises:
        UserError: a value is of another kind than its default, or ``batch_norm_groups`` is below 1.
    """

    flip_each_frame: bool = False
    fixed_batches: bool = False
    batch_norm_groups: int = 1
    ordered_classes: bool = False
    partner_at_anchor_time: bool = False
    train_mode_probe: bool = False
    task_mel_bands: bool = False
    probe_on_pretraining_clips: bool = False

    def __post_init__(self) -> None:
        """Check the values."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if type(value) is not field.type:  # not isinstance(): True would pass for a number of groups
                wanted = "true or false" if field.type is bool else "a whole number"
                raise UserError(f"protocol.{field.name}: {value!r} is not allowed; it must be {wanted}.")
        if self.batch_norm_groups < 1:
            raise UserError(f"protocol.batch_norm_groups: {self.batch_norm_groups} is not allowed; it is at least 1.")

    def pretraining(self) -> dict[str, Any]:
        """Return the pretraining settings that the switches decide, to be laid over the others.

        ``flip`` is among them only if each frame is flipped; otherwise the configured one stands.
        """
        decided = {
            "batch_order": "fixed" if self.fixed_batches else "fresh",
            "batch_norm_groups": self.batch_norm_groups,
            "batch_members": "by-class" if self.ordered_classes else "shuffled",
            "partner_time": "anchor" if self.partner_at_anchor_time else "fits",
        }
        return decided | ({"flip": "frame"} if self.flip_each_frame else {})

    def evaluation(self) -> dict[str, bool]:
        """Return the switches that act in evaluation, by name."""
        names = ("train_mode_probe", "task_mel_bands", "probe_on_pretraining_clips")
        return {name: getattr(self, name) for name in names}


PRESETS = {
    "published": PaperSwitches(
        flip_each_frame=True,
        fixed_batches=True,
        batch_norm_groups=4,
        ordered_classes=True,
        partner_at_anchor_time=True,
        train_mode_probe=True,
        task_mel_bands=True,
        probe_on_pretraining_clips=True,
    ),
    "corrected": PaperSwitches(),
}


def parse(value: str | Mapping[str, Any]) -> PaperSwitches:
    """Read the config's ``protocol``.

    Args:
        value: the name of a preset, or a mapping of switches that change the preset named by its key ``preset``
            (``corrected``, if there is none).

    Raises:
        UserError: there is no such preset or switch, or a switch's value is not allowed.
    """
    if isinstance(value, str):
        value = {"preset": value}
    if not isinstance(value, Mapping):
        raise UserError(f"protocol: {value!r} is not allowed; write {' or '.join(PRESETS)}, or a mapping of switches.")
    switches = dict(value)
    preset = switches.pop("preset", "corrected")
    if preset not in PRESETS:
        raise UserError(f"protocol: there is no preset {preset!r}. Presets are {', '.join(PRESETS)}.")
    names = [field.name for field in dataclasses.fields(PaperSwitches)]
    if unknown := [name for name in switches if name not in names]:
        near = difflib.get_close_matches(str(unknown[0]), names, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise UserError(f"protocol: unknown switch {unknown[0]!r}{hint}. Allowed are preset, {', '.join(names)}.")
    return dataclasses.replace(PRESETS[preset], **switches)
