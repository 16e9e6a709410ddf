"""What makes a clip unusable: the thresholds of the configuration."""

from typing import Annotated, Literal

from pydantic import Field

from avbench.config.fields import AS_GIVEN, NotNegative, meaning
from avbench.config.settings import settings


@settings("checks")
class CheckSettings:
    """What a clip must be."""

    min_duration_s: Annotated[NotNegative, meaning("its streams must last this many seconds")]
    silence_dbfs: Annotated[
        Annotated[float, Field(le=0), AS_GIVEN],
        meaning("its loudest sample must reach this level (dB relative to full scale)"),
    ] = -60.0
    # A photograph encoded as H.264 stays below 0.5 up to a constant rate factor of 38 even with sensor noise; the
    # calmest of eight VGGSound clips, a canary before a static camera, has 3.0. Between neighbouring frames slow motion
    # and coding noise look alike (0.5 and 0.3 on the same material).
    still_difference: Annotated[
        NotNegative, meaning("frames one second apart must differ by this much on average (0 to 255)")
    ] = 0.5
    max_excess_s: Annotated[
        NotNegative,
        meaning(
            "a file that should hold the trimmed clip may last this much longer than the clip; one that lasts longer "
            "is another recording, or was never trimmed"
        ),
    ] = 2.0
    duplicates: Annotated[
        Literal["list", "exclude"],
        meaning(
            "clips in two splits that look and sound alike: `list` them in `data/{dataset}/duplicates.csv`, or "
            "`exclude` them from training too"
        ),
    ] = "list"
    recordings: Annotated[
        Literal["list", "exclude"],
        meaning(
            "clips in two splits that are of one recording (the manifest's column `recording`, or else its source): "
            "`list` them in `data/{dataset}/recordings.csv`, or `exclude` them from training too"
        ),
    ] = "list"
