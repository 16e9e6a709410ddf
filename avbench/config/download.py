"""How clips are downloaded."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any

from pydantic import Field

from avbench.config.fields import NotNegative, Positive, Text, Whole, meaning
from avbench.config.settings import settings

# One file with both streams over plain HTTP, which takes fewest requests; else a file each; else whatever there is.
FORMAT = "b[height>=240][protocol^=http]/bv+ba/b"


@settings("download")
class DownloadSettings:
    """How clips are downloaded; none of this changes what a clip is."""

    concurrent: Annotated[
        int,
        Field(ge=1, le=64),
        meaning(
            "downloads at a time in one job; `--resources downloads=N` limits all jobs together (8 in the default "
            "profile)"
        ),
    ] = 4
    rate_limit: Annotated[Positive | None, meaning("bytes a second of each download; no limit unless given")] = None
    retries: Annotated[Whole, meaning("further attempts after a failure that may pass, with growing pauses")] = 3
    timeout_s: Annotated[Positive, meaning("seconds without an answer")] = 30.0
    max_mb: Annotated[Positive, meaning("larger files are refused; in units of 10⁶ bytes")] = 2000
    # Formats that are joined by + become separate files: nothing is merged.
    format: Annotated[
        Text, meaning("yt-dlp's selection of formats; by default the lowest resolution of at least 240 lines")
    ] = FORMAT
    cookies: Annotated[Text | None, meaning("a cookies.txt of your browser; read, never written")] = None
    pause_s: Annotated[NotNegative, meaning("seconds of the first pause when the host blocks; pauses double")] = 60
    max_pause_s: Annotated[
        NotNegative, meaning("what a job's pauses may add up to without a success before it gives up, in seconds")
    ] = 3600
    options: Annotated[
        Mapping[str, Any], meaning("further options of `yt_dlp.YoutubeDL`, which win over the above")
    ] = field(default_factory=dict)
