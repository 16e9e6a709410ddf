"""What makes a clip unusable: the thresholds of the configuration."""

from dataclasses import dataclass

from avbench.core.errors import UserError

DUPLICATES = ("list", "exclude")


@dataclass(frozen=True)
class CheckSettings:
    """What a clip must be.

    Attributes:
        min_duration_s: seconds for which all its streams last.
        silence_dbfs: its loudest sample must reach this level, in decibels relative to full scale.
        still_difference: frames about a second apart must differ by this much (see :func:`motion`). A photograph
            encoded as H.264 stays below 0.5 up to a constant rate factor of 38 even with sensor noise; the calmest of
            eight VGGSound clips, a canary before a static camera, has 3.0. Between neighbouring frames slow motion and
            coding noise look alike (0.5 and 0.3 on the same material).
        max_excess_s: a file that should hold the trimmed clip may last this many seconds longer than the clip; one
            that lasts longer is another recording or was never trimmed.
        duplicates: ``list`` clips that are also in another split, or ``exclude`` them from training as well.
    """

    min_duration_s: float
    silence_dbfs: float = -60.0
    still_difference: float = 0.5
    max_excess_s: float = 2.0
    duplicates: str = "list"

    def __post_init__(self) -> None:
        """Check the choice."""
        if self.duplicates not in DUPLICATES:
            raise UserError(f"checks.duplicates: {self.duplicates!r} is unknown. Allowed are {', '.join(DUPLICATES)}.")
