"""Why a download failed: yt-dlp's messages as reasons of the ledger.

The table below is the one place that knows messages. What is no fault of the clip is ``BLOCKED``: the downloads pause
and the clip is asked for again. A message belongs there as soon as a host gives it to a machine that it refuses.
"""

import re

# On these hosts, statuses with which the player and the watch page refuse a machine; those of media are the clip's own.
PAGES = re.compile(r"https?://([a-z0-9-]+\.)*(youtube(-nocookie)?\.com|youtubei\.googleapis\.com)(:\d+)?/", re.I)
REFUSALS = (402, 403, 429)

# Not faults of the clip: the host refuses everything for a while, or this machine's disk refuses the file.
BLOCKED = "blocked"
CANNOT_WRITE = "cannot-write"

_MAX_DETAIL = 200

# The first pattern that occurs decides. An address is not looked at: it says what it likes. Then come blocks, whatever
# the status that they are told with, and then statuses of HTTP: what a server adds to one is its own text.
_PATTERNS = [
    ("not-media", r"^unsupported url|not a valid url|no suitable extractor|any data blocks|downloaded file is empty"),
    (BLOCKED, r"confirm (that )?you.{0,2}re not a (ro)?bot|unusual traffic|captcha challenge|recaptcha"),
    (BLOCKED, r"rate-limited by youtube|ip is likely being blocked|too many requests|http error 429"),
    ("http", r"http error (\d{3})"),
    (BLOCKED, r"(content|video) (isn't|is not) available[.,]? (please )?try again later"),
    (BLOCKED, r"an (unknown )?error (has )?occurred|something went wrong|the page needs to be reloaded"),
    (BLOCKED, r"failed to extract any player response|player response is missing"),
    ("account-terminated", r"account (associated with this video )?has been (terminated|closed|suspended)"),
    ("account-terminated", r"closed their youtube account"),
    ("copyright", r"copyright"),
    ("private", r"private video|(video|content) is private"),
    ("members-only", r"members-only|channel's members|join this channel"),
    ("paid", r"requires payment|requires a purchase"),
    ("age-restricted", r"confirm your age|age.restricted|inappropriate for some users"),
    ("geo-blocked", r"in your (country|region|location)|from your (country|region|location)|geo.?restrict"),
    ("live", r"live event|live ?stream|premieres? (in|will)|not currently live|waiting for premiere"),
    ("removed", r"has been removed|removed by|video removed|been deleted|no longer available|available anymore"),
    ("removed", r"(video|content) (does not|doesn't|no longer) exist"),
    ("no-format", r"requested format|no video formats|drm"),
    (CANNOT_WRITE, r"unable to (open|write|append|rename|remove)\b|no space left"),
    ("unavailable", r"no connection adapters|url scheme"),
    ("network", r"content-length contained multiple"),
    ("timeout", r"timed out|timeout"),
    ("network", r"connection|bytes read|expected \d+ bytes|network|resolve|resolution|ssl|certificate|proxy|broken"),
]
_APOSTROPHES = str.maketrans(dict.fromkeys("’‘ʼ＇`´", "'"))
_TABLE = [(reason, re.compile(pattern)) for reason, pattern in _PATTERNS]

# What yt-dlp adds for users of its command line, and what holds no information.
_NOISE = re.compile(
    r"\x1b\[[0-9;]*[A-Za-z]"
    r"|^\s*ERROR:\s*"
    r"|^\s*\[download\] Got error:\s*"
    r"|[;,.]? *please report this issue on .*"
    r"| \(caused by .*"
    r"|\. *Use --(cookies|list-formats).*"
    r"|\n?You might want to use a VPN.*"
    r"|\. It is recommended to use `-t sleep`.*",
    re.DOTALL | re.IGNORECASE,
)


class FetchError(Exception):
    """A clip that cannot be had, as a row of the ledger with the state ``unavailable``.

    Attributes:
        reason: a word such as ``private``, ``http-404`` or ``timeout``.
        detail: one line for a human.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


def classify(message: str) -> str:
    """Return the reason that a message of yt-dlp gives; ``unavailable`` if it gives none that is known.

    The patterns follow the texts of YouTube and of yt-dlp as of 2026, in English. :data:`BLOCKED` and
    :data:`CANNOT_WRITE` are no reasons of a clip.
    """
    text = one_line(message, None).lower().translate(_APOSTROPHES)
    for reason, pattern in _TABLE:
        if found := pattern.search(text):
            return f"http-{found[1]}" if reason == "http" else reason
    return "unavailable"


def is_passing(reason: str) -> bool:
    """Return whether a failure may have gone a moment later."""
    return reason in ("timeout", "network", "http-408") or reason.startswith("http-5")


def one_line(message: str, length: int | None = _MAX_DETAIL) -> str:
    """Return a message as one line of at most ``length`` characters, without colours, advice and control characters."""
    while (text := _NOISE.sub("", message)) != message:
        message = text
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if length is None or len(text) <= length else text[: length - 1] + "…"
