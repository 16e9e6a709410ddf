"""Getting clips: downloads by yt-dlp, and collections of clips that are trimmed already."""

from avbench.fetch.downloader import Downloader, DownloadSettings, Fetched
from avbench.fetch.reasons import FetchError

__all__ = ["DownloadSettings", "Downloader", "FetchError", "Fetched"]
