"""Reading the messages of YouTube and of yt-dlp, as they are."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.data.download.reasons import BLOCKED, CANNOT_WRITE, FetchError, classify, is_passing, one_line

LOGIN = (
    " Use --cookies-from-browser or --cookies for the authentication. See "
    " https://github.com/yt-dlp/yt-dlp/wiki/FAQ#how-do-i-pass-cookies-to-yt-dlp  for how to manually pass cookies."
    " Also see  https://github.com/yt-dlp/yt-dlp/wiki/Extractors#exporting-youtube-cookies"
    "  for tips on effectively exporting YouTube cookies"
)
BUG = (
    "; please report this issue on  https://github.com/yt-dlp/yt-dlp/issues?q= , filling out the appropriate issue"
    " template. Confirm you are on the latest version using  yt-dlp -U"
)
GONE = "Video unavailable. This video is no longer available because the "
MESSAGES = [
    ("private", "Private video. Sign in if you've been granted access to this video." + LOGIN),
    ("private", "Video unavailable. This video is private"),
    ("removed", "Video unavailable. This video has been removed by the uploader"),
    ("removed", "Video unavailable. This video isn't available anymore"),
    ("removed", "This video has been removed for violating YouTube's policy on hate speech."),
    ("removed", "This video has been removed for violating YouTube's Terms of Service"),
    ("account-terminated", GONE + "YouTube account associated with this video has been terminated."),
    ("account-terminated", GONE + "YouTube account associated with this video has been closed."),
    (
        "account-terminated",
        GONE + "YouTube account associated with this video has been terminated due to multiple third-party "
        "notifications of copyright infringement.",
    ),
    ("account-terminated", GONE + "uploader has closed their YouTube account."),
    ("age-restricted", "Sign in to confirm your age. This video may be inappropriate for some users." + LOGIN),
    ("geo-blocked", "The uploader has not made this video available in your country"),
    ("geo-blocked", "Video unavailable. This video is not available in your country."),
    ("geo-blocked", "This video is not available from your location due to geo restriction"),
    (
        "members-only",
        "Join this channel to get access to members-only content like this video, and other exclusive perks.",
    ),
    (
        "members-only",
        "This video is available to this channel's members on level: Fan (or any higher level). Join this channel to "
        "get access to members-only content and other exclusive perks.",
    ),
    (
        "copyright",
        "Video unavailable. This video contains content from SME, who has blocked it in your country on copyright "
        "grounds",
    ),
    ("copyright", "Video unavailable. This video contains content from UMG, who has blocked it on copyright grounds"),
    ("copyright", "Video unavailable. This video is no longer available due to a copyright claim by a third party"),
    ("live", "This live event will begin in 3 hours."),
    ("live", "This live event has ended."),
    ("live", "Premieres in 21 hours"),
    ("live", "Premiere will begin shortly"),
    ("live", "This live stream recording is not available."),
    ("live", "The channel is not currently live"),
    ("paid", "This video requires payment to watch."),
    ("no-format", "Requested format is not available. Use --list-formats for a list of available formats"),
    ("no-format", "No video formats found!" + BUG),
    ("no-format", "This video is DRM protected"),
    ("not-media", "Unsupported URL: http://example.org/sign-in-to-confirm-youre-not-a-bot"),
    ("not-media", "\r[download] Got error: Did not get any data blocks"),
    ("unavailable", "Video unavailable. This content isn’t available."),
    ("unavailable", "Video unavailable"),
    ("unavailable", "Something that nobody has ever seen" + BUG),
    ("http-404", "Unable to download webpage: HTTP Error 404: Not Found (caused by <HTTPError 404: Not Found>)"),
    ("http-403", "HTTP Error 403: Forbidden"),
    ("http-403", "Got HTTP Error 403 caused by Cloudflare anti-bot challenge; try again with ..."),
    ("http-500", "\r[download] Got error: HTTP Error 500: Internal Server Error. Giving up after 3 retries"),
    ("http-404", "HTTP Error 404: This video is private"),
    ("timeout", "HTTPSConnectionPool(host='x', port=443): Read timed out. (read timeout=30.0)"),
    ("timeout", "<urlopen error timed out>"),
    ("network", "\r[download] Got error: 1000 bytes read, 24 more expected"),
    ("network", "\r[download] Got error: Downloaded 1000 bytes, expected 1024 bytes"),
    ("network", "('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))"),
    ("network", "Failed to establish a new connection: [Errno 111] Connection refused"),
    ("network", "Failed to resolve 'www.youtube.com' ([Errno -3] Temporary failure in name resolution)"),
    ("network", "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"),
    (BLOCKED, "Sign in to confirm you’re not a bot." + LOGIN),
    (BLOCKED, "Sign in to confirm you're not a bot. This helps protect our community. Learn more"),
    (BLOCKED, "Sign in to confirm you\ufffdre not a bot."),
    (
        BLOCKED,
        "Video unavailable. This content isn't available, try again later. The current session has been rate-limited "
        "by YouTube for up to an hour. It is recommended to use `-t sleep` to add a delay between video requests",
    ),
    (BLOCKED, "Video unavailable. YouTube is requiring a captcha challenge before playback"),
    (BLOCKED, "All player responses are invalid. Your IP is likely being blocked by Youtube"),
    (BLOCKED, "HTTP Error 404: Sign in to confirm you're not a bot"),
    (BLOCKED, "HTTP Error 403: Sign in to confirm that you‘re not a robot"),
    (BLOCKED, "Video unavailable. This content isn’t available, try again later."),
    (BLOCKED, "This content isn't available, try again later"),
    (BLOCKED, "This video is not available. Please try again later"),
    (BLOCKED, "An error occurred. Please try again later. (Playback ID: AbC-1_2)"),
    (BLOCKED, "An unknown error occurred"),
    (BLOCKED, "Something went wrong. Refresh or try again later."),
    (BLOCKED, "The page needs to be reloaded."),
    (BLOCKED, "Failed to extract any player response" + BUG),
    (BLOCKED, "Our systems have detected unusual traffic from your computer network"),
    (BLOCKED, "Unable to download API page: HTTP Error 429: Too Many Requests"),
    (CANNOT_WRITE, "unable to open for writing: [Errno 2] No such file or directory: 'x.part'"),
    (CANNOT_WRITE, "unable to write data: [Errno 28] No space left on device"),
]


@pytest.mark.parametrize(("reason", "message"), MESSAGES)
@pytest.mark.parametrize("prefix", ["", "\x1b[0;31mERROR:\x1b[0m ", "ERROR: "])
def test_messages_have_their_reason(reason, message, prefix):
    assert classify(prefix + message) == reason


def test_advice_for_the_command_line_is_left_out():
    assert one_line("\x1b[0;31mERROR:\x1b[0m Private video.\n Sign in if you can." + LOGIN) == (
        "Private video. Sign in if you can"
    )
    assert one_line("No video formats found!" + BUG) == "No video formats found!"
    assert one_line("Unable: HTTP Error 404: Not Found (caused by <HTTPError 404: Not Found>)") == (
        "Unable: HTTP Error 404: Not Found"
    )
    assert one_line("\r[download] Got error: Did not get any data blocks") == "Did not get any data blocks"


@given(st.text(st.sampled_from(string.printable + "\x1b[0;31mé’\u2028\u202e") | st.characters(), max_size=400))
def test_a_detail_is_one_short_printable_line(message):
    line = one_line(message)
    assert len(line) <= 200
    assert line.isprintable()
    assert line == line.strip()
    assert one_line(line) == line
    assert "please report" not in one_line(message + BUG) or "please report" in message


def test_only_what_may_pass_is_tried_again():
    assert all(is_passing(reason) for reason in ("timeout", "network", "http-500", "http-503", "http-408"))
    assert not any(is_passing(reason) for reason, _ in MESSAGES if reason[:4] not in ("time", "netw", "http"))
    assert not any(is_passing(reason) for reason in ("http-403", "http-404", "http-410", "too-slow", "too-large"))


def test_a_fetch_error_says_both():
    error = FetchError("private", "Private video")
    assert (error.reason, error.detail, str(error)) == ("private", "Private video", "private: Private video")
