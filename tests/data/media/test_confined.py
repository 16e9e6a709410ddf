"""What reads foreign files has a process of its own: a limit of memory, and nothing that it does ends another."""

import contextlib
import os
import sys
import time

import pytest

from avbench.data.media.clip import MediaError
from avbench.data.media.confined import Confined
from avbench.data.media.decode import decode
from tests.support import media_files as files
from tests.support.decoding import AUDIO


def take(count):
    return len(bytes(count))


def end(code):
    os._exit(code)


def fail(reason):
    raise MediaError(reason, "why") if reason else ZeroDivisionError("odd")


@pytest.fixture
def confined():
    process = Confined(200_000_000)
    yield process
    process.close()


def reason(confined, patience_s, function, *arguments):
    with pytest.raises(MediaError) as caught:
        confined.call(patience_s, function, *arguments)
    assert caught.value.detail
    return caught.value.reason


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what is mapped")
def test_memory_is_bounded(confined):
    assert confined.call(60, take, 100_000_000) == 100_000_000
    # Far more than other tests may have left free in the heap that the process inherits.
    assert reason(confined, 60, take, 3_000_000_000) == "large"
    assert confined.call(60, take, 100_000_000) == 100_000_000
    assert take(3_000_000_000) == 3_000_000_000  # this process has no limit


def test_a_call_that_ends_badly_costs_itself_alone(confined):
    assert reason(confined, 60, end, 3) == "corrupt"
    assert reason(confined, 60, fail, "no-audio") == "no-audio"
    assert reason(confined, 60, fail, "") == "corrupt"
    assert reason(confined, 0.2, time.sleep, 60) == "timeout"
    assert confined.call(60, take, 10) == 10


def test_processes_end(confined):
    place = confined.call(60, os.getpid)
    assert place != os.getpid()
    confined.close()
    with pytest.raises(ProcessLookupError):
        os.kill(place, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what is mapped")
@pytest.mark.parametrize("name", ["a.mp3", "a.ac3", "a.aac"])
def test_what_never_becomes_a_frame_is_refused_within_the_limit(tmp_path, name):
    # A frame, and then nothing but zeros, which parsers gather.
    codec = {"a.mp3": "libmp3lame", "a.ac3": "ac3", "a.aac": "aac"}[name]
    path = files.write_media(tmp_path / name, audio=files.noise(0.3, 48000), sample_rate=48000, audio_codec=codec)
    with path.open("ab") as stream:
        stream.truncate(100_000_000)
    confined = Confined(50_000_000)
    before = confined.call(60, most_held)
    with contextlib.suppress(MediaError):
        assert confined.call(120, decode, path, AUDIO, 0.0, 10.0).duration_s < 1
    assert confined.call(60, most_held) < before + 60_000_000
    confined.close()


def most_held():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
