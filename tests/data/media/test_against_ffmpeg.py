"""Decoding against the ffmpeg program: the same frames at the same times, the same sound without lag, as long.

``python -m tests.data.media.test_against_ffmpeg FOLDER [FILE …]`` prints the table: of the zoo, which is made in the
folder, and all real clips, unless files are given. The test takes a sample of the large sets of real clips.
"""

import itertools
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest

from avbench.config.store import StoreSettings
from avbench.data.media.clip import MediaError
from avbench.data.media.decode import decode
from tests.support import media_files as files
from tests.support.paths import SHARED

try:
    from imageio_ffmpeg import get_ffmpeg_exe
except ImportError:
    get_ffmpeg_exe = None

SIZE, RATE, SAMPLE_RATE = 64, 8, 16000
LAG_S = 0.005  # or a frame
DIFFERENCE = 2.0  # of 255, on average over a frame: another chroma filter
LONGER_S = 0.06  # what encoders add at both ends: one keeps it, the other does not

# Test pictures and noise; (file, options of the ffmpeg program). Times of frames and sound are the containers'.
VIDEO = {
    "x264": "-c:v libx264 -bf 2 -g 20",
    "x264-ll": "-c:v libx264 -tune zerolatency -g 15",
    "x264-open": "-c:v libx264 -x264-params open-gop=1:keyint=15:bframes=3",
    "x264-10": "-c:v libx264 -pix_fmt yuv420p10le",
    "x264-444": "-c:v libx264 -pix_fmt yuv444p -g 12",
    "x264-422": "-c:v libx264 -pix_fmt yuv422p",
    "x265": "-c:v libx265 -x265-params log-level=none:keyint=20",
    "vp8": "-c:v libvpx -cpu-used 8 -b:v 1M",
    "vp9": "-c:v libvpx-vp9 -cpu-used 8 -b:v 1M",
    "mpeg1": "-c:v mpeg1video -b:v 2M -bf 2",
    "mpeg2": "-c:v mpeg2video -b:v 2M -bf 2",
    "mpeg4": "-c:v mpeg4 -b:v 2M -bf 2",
    "mjpeg": "-c:v mjpeg -q:v 3 -pix_fmt yuvj420p",
    "wmv2": "-c:v wmv2 -b:v 2M",
    "flv1": "-c:v flv -b:v 2M",
    "ffv1": "-c:v ffv1",
    "prores": "-c:v prores_ks",
}
AUDIO = {
    "aac": "-c:a aac",
    "aac22": "-c:a aac -ar 22050 -ac 1",
    "mp3": "-c:a libmp3lame",
    "mp2": "-c:a mp2",
    "ac3": "-c:a ac3",
    "opus": "-c:a libopus",
    "vorbis": "-c:a libvorbis",
    "flac": "-c:a flac",
    "pcm": "-c:a pcm_s16le",
    "wma": "-c:a wmav2",
}
HOUSES = {  # what a container takes
    "mp4": ((*tuple(VIDEO)[:7], "mpeg4"), ("aac", "mp3", "ac3")),
    "mkv": (("x264", "x264-444", "x265", "vp8", "mpeg2", "ffv1", "mjpeg"), ("aac", "opus", "flac", "pcm", "ac3")),
    "webm": (("vp8", "vp9"), ("opus", "vorbis")),
    "mov": (("x264", "prores", "mjpeg"), ("aac22", "pcm")),
    "ts": (("x264", "x264-open", "x264-444", "x265", "mpeg2"), ("aac", "mp2", "ac3", "opus")),
    "mpg": (("mpeg1", "mpeg2"), ("mp2", "ac3")),
    "avi": (("x264", "x264-ll", "x264-open", "mpeg4", "mpeg2", "mjpeg"), ("mp3", "pcm", "ac3")),
    "asf": (("wmv2",), ("wma", "mp3")),
    "flv": (("flv1", "x264"), ("mp3", "aac")),
    "nut": (("x264", "mpeg4"), ("opus", "aac")),
}
SOUNDS = (
    *(("aac", f"-c:a aac -ar {rate}") for rate in (8000, 22050, 44100, 48000)),
    *(("mp3", f"-c:a libmp3lame {how}") for how in ("-q:a 4", "-q:a 4 -write_xing 0", "-b:a 64k -ar 22050", "-ac 1")),
    *(("opus", f"-c:a libopus {how}") for how in ("", "-frame_duration 60", "-ac 1")),
    *(("ogg", "-c:a libvorbis"), ("flac", "-c:a flac"), ("caf", "-c:a alac"), ("wv", "-c:a wavpack")),
    *(("wav", f"-c:a {codec}") for codec in ("pcm_s16le", "pcm_u8", "pcm_f32le", "pcm_s24le", "adpcm_ima_wav")),
    *((end, f"-c:a {codec}") for end, codec in (("ac3", "ac3"), ("mp2", "mp2"), ("mka", "libopus"), ("m4a", "alac"))),
    ("wma", "-c:a wmav2"),
)
TWISTS = (  # of times and pictures
    *((end, f"{VIDEO['x264']} {AUDIO['aac']} -output_ts_offset 7") for end in ("mp4", "mkv", "ts")),
    *(("mp4", f"{VIDEO['x264']} {AUDIO['aac']} -movflags {how}") for how in ("frag_keyframe+empty_moov", "faststart")),
    *(("mp4", f"{VIDEO['x264']} {AUDIO['aac']} -vf fps={rate}") for rate in ("12", "24000/1001", "50")),
    ("mp4", f"{VIDEO['x264']} {AUDIO['aac']} -vf select='not(eq(mod(n\\,5)\\,3))' -fps_mode vfr"),
    ("ts", f"{VIDEO['x264']} {AUDIO['aac']} -output_ts_offset 95440"),  # wraps at 95,443.7 s
    ("ts", f"{VIDEO['mpeg2']} {AUDIO['mp2']} -output_ts_offset 95442"),
    ("mkv", f"{VIDEO['mpeg4']} {AUDIO['mp3']} -avoid_negative_ts disabled"),
    ("mp4", f"{VIDEO['x264']} {AUDIO['aac']} -ac 6"),
    ("mkv", f"{VIDEO['x264']} -c:a flac -ac 1 -ar 32000"),
)


def program():
    if get_ffmpeg_exe is None:
        pytest.skip("no ffmpeg program")
    return get_ffmpeg_exe()


def make_zoo(folder):
    """Write at least a hundred files with the ffmpeg program, and return them."""
    source = folder / "source.nut"
    lavfi = ["-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=3", "-f", "lavfi"]
    swelling = "volume='0.4+0.3*sin(9*t)':eval=frame"
    lavfi += ["-i", f"anoisesrc=duration=3:sample_rate=48000:amplitude=0.3:seed=1:color=pink,{swelling}"]
    run([*lavfi, "-c:v", "ffv1", "-c:a", "pcm_s16le", "-ac", "2", str(source)])
    made = []
    for end, (pictures, sounds) in HOUSES.items():
        for picture, sound in itertools.product(pictures, sounds):
            made.append((f"{end}-{picture}-{sound}.{end}", f"{VIDEO[picture]} {AUDIO[sound]}"))
    made += [(f"sound-{number}.{end}", f"-vn {options}") for number, (end, options) in enumerate(SOUNDS)]
    made += [(f"twist-{number}.{end}", options) for number, (end, options) in enumerate(TWISTS)]
    written = []
    for name, options in made:
        path = folder / name
        rate = ["-ar", "44100"] if path.suffix in (".flv", ".avi") else []
        if path.exists() or run(["-i", str(source), *rate, *options.split(), "-threads", "1", str(path)], check=False):
            written.append(path)
    return written


def run(arguments, check=True):
    done = subprocess.run([program(), "-v", "error", "-nostdin", "-y", *arguments], capture_output=True, text=True)
    assert not check or done.returncode == 0, done.stderr
    return done.returncode == 0


@dataclass(frozen=True)
class Comparison:
    """How our decoding of a file and ffmpeg's part."""

    name: str
    kind: str = ""  # what it stands for in the summary
    streams: int = 0
    seconds: float = float("nan")
    longer_s: float = float("nan")
    lag_s: float = float("nan")
    alike: float = float("nan")  # correlation of the sounds at the best lag
    difference: float = float("nan")  # the worst frame's, on average over it
    frame_s: float = 0.0  # of video
    reason: str = ""

    def faults(self):
        """Return what is wrong."""
        wrong = [self.reason] if self.reason else []
        if abs(self.longer_s) > max(LONGER_S, self.frame_s):
            wrong.append("duration")
        if abs(self.lag_s) > max(LAG_S, self.frame_s) or self.alike < 0.95:
            wrong.append("sound")
        if self.difference > DIFFERENCE:
            wrong.append("picture")
        return wrong

    def __str__(self):
        return (
            f"{self.name:34} {self.seconds:7.3f} s {1000 * self.longer_s:+8.1f} ms {1000 * self.lag_s:+7.2f} ms "
            f"{self.alike:6.3f} {self.difference:7.2f} {' '.join(self.faults())}"
        )


def compare(path, work):
    """Decode the first ten seconds of a file in both ways and compare."""
    with av.open(str(path)) as container:
        has = {stream.type for stream in container.streams if stream.codec_context is not None}
        rate = next((s.average_rate for s in container.streams.video), None)
    target = work / "theirs.nut"
    arguments = ["-i", str(path), "-t", "10.5", "-enc_time_base:v", "1:90000"]
    if "video" in has:
        scaling = f"scale={SIZE}:{SIZE}:flags=bilinear+accurate_rnd+full_chroma_int,format=rgb24"
        arguments += ["-fps_mode", "passthrough", "-vf", scaling, "-c:v", "rawvideo"]
    if "audio" in has:
        arguments += [
            "-af",
            f"aresample={SAMPLE_RATE}:async=1:min_hard_comp=0.02:first_pts=0",
            "-ac",
            "1",
            "-c:a",
            "pcm_s16le",
        ]
    about = {"kind": kind_of(path), "streams": len(has & {"video", "audio"})}
    if not run([*arguments, str(target)], check=False):
        return Comparison(path.name, **about, reason="ffmpeg")
    times, pictures, samples = theirs(target)
    wanted = {"video": "video" in has, "audio": "audio" in has}
    settings = StoreSettings(RATE, SIZE, SIZE, SAMPLE_RATE, untagged_hd="bt601", **wanted)
    try:
        clip = decode(path, settings, 0.0, 10.0)
    except MediaError as error:
        return Comparison(path.name, **about, reason=error.reason)
    frame = float(1 / rate) if rate else 0.0
    ends = [times[-1] + frame] if pictures else []
    ends += [len(samples) / SAMPLE_RATE] if len(samples) else []
    found = about | {"seconds": clip.duration_s, "longer_s": clip.duration_s - min([10.0, *ends]), "frame_s": frame}
    late = 0.0
    if len(samples):
        found["lag_s"], found["alike"] = lag(clip.audio, samples)
        late = found["lag_s"] if abs(found["lag_s"]) <= frame else 0.0  # the picture must be as late as the sound
    if pictures:
        found["difference"] = max(
            min(distance(ours, pictures[n]) for n in nearest(times, k / RATE - late))
            for k, ours in enumerate(clip.frames)
        )
    return Comparison(path.name, **found)


def kind_of(path):
    """Return what a file stands for: of the zoo its container, of real clips their set."""
    if SHARED in path.parents:
        return path.relative_to(SHARED).parts[1]
    what = "sound alone" if path.name.startswith("sound") else "times and pictures"
    return path.name.split("-")[0] if path.name.split("-")[0] in HOUSES else what


def summary(rows):
    """Return a line of the worst of each kind, as absolute values."""
    lines = [f"{'kind':20} files streams  lag/ms  frame/255  duration/ms  faults"]
    for kind in dict.fromkeys(row.kind for row in rows):
        mine = [row for row in rows if row.kind == kind]
        values = np.array([(row.lag_s, row.difference, row.longer_s) for row in mine])
        late, apart, longer = np.nan_to_num(np.abs(values)).max(0)
        lines.append(
            f"{kind:20} {len(mine):5} {sum(row.streams for row in mine):7} {1000 * late:7.2f} {apart:10.2f} "
            f"{1000 * longer:12.1f} {sum(bool(row.faults()) for row in mine):7}"
        )
    return lines


def nearest(times, at):
    """Return the frames that are nearest to a time: two where either will do."""
    apart = np.abs(times - at)
    return np.flatnonzero(apart < apart.min() + 0.0021)  # stamps of Matroska are rounded


def distance(ours, theirs):
    return float(np.abs(ours.astype(int) - theirs).mean())


def theirs(path):
    times, pictures, samples = [], [], []
    with av.open(str(path)) as container:
        for packet in container.demux():
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    times.append(frame.time)
                    pictures.append(frame.to_ndarray(format="rgb24"))
                else:
                    samples.append(frame.to_ndarray().reshape(-1))
    return np.array(times), pictures, np.concatenate(samples) if samples else np.empty(0, np.int16)


def lag(ours, expected):
    """Return by how many seconds a sound is late, and the correlation there."""
    count = min(len(ours), len(expected))
    a, b = ours[:count].astype(float), expected[:count].astype(float)
    size = 2 ** int(np.ceil(np.log2(2 * count)))
    product = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
    norm = np.sqrt((a @ a) * (b @ b))
    best = int(product.argmax())
    return (best if best < size / 2 else best - size) / SAMPLE_RATE, float(product[best] / norm) if norm else 1.0


def real_files(every=1):
    """Return the real clips, of the large sets each 20th or so if ``every`` is 20."""
    steps = {"real-clips/*/*": 1, "real-av/esc10/*/*": every, "real-av/grid-words/*/*": 6 * every if every > 1 else 1}
    found = [sorted(SHARED.glob(pattern))[::step] for pattern, step in steps.items()]
    return [path for path in itertools.chain(*found) if path.suffix in (".mp4", ".mkv", ".opus", ".ogg", ".webm")]


@pytest.mark.slow
def test_decoding_agrees_with_the_ffmpeg_program(tmp_path):
    zoo = make_zoo(tmp_path)
    assert len(zoo) >= 100
    table = [compare(path, tmp_path) for path in [*zoo, *real_files(every=20)]]
    assert [str(row) for row in table if row.faults()] == []


def test_the_comparison_sees_what_is_wrong(tmp_path):
    # A sound that is late by 20 ms, and a file that lasts a second longer.
    late = np.random.default_rng(0).normal(0, 3000, 32000)
    assert lag(late[:-320], late[320:])[0] == pytest.approx(0.02)
    assert Comparison("x", lag_s=0.02, alike=1.0).faults() == ["sound"]
    assert Comparison("x", longer_s=1.0, difference=3.0).faults() == ["duration", "picture"]
    path = files.ordinary(tmp_path / "a.mp4")
    assert compare(path, tmp_path).faults() == []


def test_the_summary_tells_the_worst_of_each_kind():
    rows = [
        Comparison("a", "mkv", 2, lag_s=-0.02, longer_s=0.01, difference=0.5),
        Comparison("b", "mkv", 2, lag_s=0.001, longer_s=0.0, difference=1.5),
        Comparison("c", "avi", 1, reason="corrupt"),
    ]
    assert [line.split() for line in summary(rows)[1:]] == [
        ["mkv", "2", "4", "20.00", "1.50", "10.0", "1"],
        ["avi", "1", "1", "0.00", "0.00", "0.0", "1"],
    ]


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir(exist_ok=True)
    rows = []
    for path in map(Path, sys.argv[2:]) if len(sys.argv) > 2 else [*make_zoo(place), *real_files()]:
        rows.append(compare(path, place))
        print(rows[-1], flush=True)
    print(*summary(rows), sep="\n")
