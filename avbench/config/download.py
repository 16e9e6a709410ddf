"""How clips are downloaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# One file with both streams over plain HTTP, which takes fewest requests; else a file each; else whatever there is.
FORMAT = "b[height>=240][protocol^=http]/bv+ba/b"


@dataclass(frozen=True)
class DownloadSettings:
    """How clips are downloaded; none of this changes what a clip is.

    Attributes:
        concurrent: downloads at a time in one shard.
        rate_limit: bytes a second of each download; None for no limit.
        retries: further attempts after a failure that may pass, with exponential backoff and jitter.
        timeout_s: seconds without an answer.
        max_mb: a file that is larger, in megabytes (10⁶ bytes), is refused.
        format: yt-dlp's format selection. Formats that are joined by ``+`` become separate files: nothing is merged.
        cookies: a cookies.txt in Netscape's format; read, never written.
        pause_s: seconds of the first pause when the host blocks; pauses double.
        max_pause_s: what the pauses of a shard may add up to without a success, in seconds.
        options: further options of ``yt_dlp.YoutubeDL``, which win over all of the above.
    """

    concurrent: int = 4
    rate_limit: float | None = None
    retries: int = 3
    timeout_s: float = 30.0
    max_mb: float = 2000
    format: str = FORMAT
    cookies: str | None = None
    pause_s: float = 60
    max_pause_s: float = 3600
    options: Mapping[str, Any] = field(default_factory=dict)
