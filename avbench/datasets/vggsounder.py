"""VGGSounder (Zverev et al. 2025): the test clips of VGGSound, each with all that is heard and seen in it."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from avbench.core.errors import UserError
from avbench.data.label_sets import joined
from avbench.datasets import vggsound
from avbench.datasets.lists import read_rows, require_known_labels
from avbench.datasets.splits import falls_below

COLUMNS = ("video_id", "label", "modality")
# What is asked for → the marks of labels that it takes: audible, visible, or both.
PERCEIVED = {"audible": {"A", "AV"}, "visible": {"V", "AV"}, "both": {"AV"}, "any": {"A", "V", "AV"}}


@dataclass(frozen=True)
class VggSounderSettings(vggsound.VGGSoundSettings):
    """How VGGSound's list and VGGSounder's labels become clips.

    Attributes:
        perceived: which labels count: those that are ``audible``, ``visible``, ``both`` at once, or ``any``.
        training_share: share of VGGSound's training videos that is taken, by a hash of the YouTube id; the probe is
            trained on these, each of which has VGGSound's one label.
    """

    perceived: str = "any"
    training_share: float = 0.2

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        if self.perceived not in PERCEIVED:
            raise UserError(f"options.perceived: {self.perceived!r} is unknown. Allowed are {', '.join(PERCEIVED)}.")


def manifest(settings: VggSounderSettings, path: Path, listing: Path, labels: Path) -> pd.DataFrame:
    """Return the manifest: test clips with their sets of labels, and training clips with the one that VGGSound gives.

    Test clips without a label that counts are left out, and clips that VGGSound's list has not; both are counted.

    Args:
        settings: the dataset's options.
        path: where the manifest will be.
        listing: VGGSound's list.
        labels: VGGSounder's, a CSV file with a header: ``video_id`` (YouTube id and start second, as our clip ids),
            ``label``, ``modality`` (A, V or AV) and what it says besides. A clip is in several rows.

    Raises:
        UserError: a file is missing or breaks a rule, or no test clip has a label.
    """
    sets = _sets(labels, settings.perceived)
    made = vggsound.manifest(settings, path, listing)
    tested = made.split == "test"
    taken = [falls_below(settings.training_share, settings.seed + 1, video) for video in made.recording]
    kept = made.clip_id.isin(list(sets)).where(tested, pd.Series(taken, made.index))
    unlisted = len(set(sets) - set(made.clip_id[tested]))
    print(
        f"{labels}: {int((kept & tested).sum())} of {int(tested.sum())} test clips have a label "
        f"({settings.perceived}); {unlisted} clips that it has are no test clips of {listing}"
    )
    made = made[kept].reset_index(drop=True)
    made["label"] = [
        sets[c] if s == "test" else label for c, s, label in zip(made.clip_id, made.split, made.label, strict=True)
    ]
    if not (made.split == "test").any():
        raise UserError(f"{labels}: no clip of it is a test clip of {listing}. Are both what options name?")
    require_known_labels(made, dict.fromkeys(made.clip_id, str(labels)), several=True)
    return made


def _sets(path: Path, perceived: str) -> dict[str, str]:
    """Return the labels of each clip that has some, as one text."""
    found: dict[str, list[str]] = defaultdict(list)
    for row, cells in read_rows(path, COLUMNS):
        if cells["modality"] not in PERCEIVED["any"]:
            raise UserError(f"{path}, row {row}: the modality is {cells['modality']!r}; it must be A, V or AV.")
        if cells["modality"] in PERCEIVED[perceived]:
            found[cells["video_id"]].append(cells["label"])
    return {clip_id: joined(names) for clip_id, names in found.items()}
