"""Getting clips: downloads by yt-dlp, and collections of clips that are trimmed already."""

from avbench.config.download import DownloadSettings
from avbench.data.download.downloader import Downloader, Fetched
from avbench.data.download.reasons import FetchError

__all__ = ["DownloadSettings", "Downloader", "FetchError", "Fetched"]
