"""Access units from a real encoder, a recorder on a thread of its own, and ffmpeg as the judge."""

import contextlib
import functools
import itertools
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
from av.video.codeccontext import VideoCodecContext

from petstream.flow import BoundedQueue
from petstream.h264.access_unit import AccessUnit
from petstream.h264.processor import Processor
from petstream.recording import Recorder, Source
from petstream.recording.engine import Engine
from petstream.recording.limits import NO_LIMITS, Limits
from petstream.recording.pre_roll import PreRoll
from petstream.recording.sidecar import SUFFIX
from petstream.recording.syscalls import SYSCALLS, Syscalls
from petstream.slot import Slot

__all__ = [
    "FRAME_NS",
    "FRAME_RATES",
    "access_units",
    "annexb",
    "decode_errors",
    "decoded_frames",
    "encode",
    "new_engine",
    "new_source",
    "open_fds",
    "packet_times",
    "probe",
    "put_all",
    "recordings",
    "running",
    "small_disk",
    "wait_until",
]

FRAME_NS = 33_333_333
# Intervals between captures, over and over.
FRAME_RATES = {
    "12 fps": (83_333_333,),
    "25 fps": (40_000_000,),
    "30 fps": (FRAME_NS,),
    "variable": (20_000_000, 45_000_000, 33_000_000, 180_000_000, 12_345_678),
}
WAIT_S = 20.0


@functools.cache
def encode(
    frames: int, *, gop: int = 10, width: int = 160, height: int = 128, fps: int = 30
) -> tuple[bytes, ...]:
    """Constrained baseline access units in Annex B, as a hardware encoder makes them."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, fps), Fraction(fps)
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": "baseline",
        "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0:threads=1",
    }
    packets = []
    for number in range(frames):
        frame = av.VideoFrame(width, height, "yuv420p")
        for plane in frame.planes:
            texture = bytes((7 * i * i + 5 * number) % 256 for i in range(plane.line_size))
            plane.update(texture * plane.height)
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return tuple(bytes(packet) for packet in packets)


def access_units(
    data: Sequence[bytes],
    *,
    intervals_ns: Iterable[int] = (FRAME_NS,),
    begin_ns: int | None = None,
    processor: Processor | None = None,
    first: int = 0,
    lost: Sequence[int] = (),
) -> list[AccessUnit]:
    """Access units as the pipeline makes them.

    Args:
        intervals_ns: between one capture and the next, over and over.
        begin_ns: capture time of the first; a minute ago unless given.
        processor: to go on with a stream begun before.
        first: running number of the first.
        lost: places in ``data`` that never arrive.
    """
    processor = processor or Processor()
    capture_ns = time.monotonic_ns() - 60 * 10**9 if begin_ns is None else begin_ns
    units = []
    for place, (annexb_bytes, interval_ns) in enumerate(zip(data, itertools.cycle(intervals_ns))):
        if place not in lost:
            slot = Slot(
                sequence=first + place,
                frame_number=first + place,
                capture_ns=capture_ns,
                read_ns=capture_ns + 1_000_000,
                camera_id=0,
                width=0,
                height=0,
                data=annexb_bytes,
                discontinuity=place - 1 in lost,
            )
            units.append(processor.process(slot))
        capture_ns += interval_ns
    return units


def annexb(units: Iterable[AccessUnit]) -> bytes:
    """The canonical byte stream."""
    return b"".join(unit.annexb() for unit in units)


def new_source() -> BoundedQueue[AccessUnit]:
    """The queue in front of a recorder; large, so that a test says itself what is lost."""
    return BoundedQueue(max_items=100_000, max_bytes=2**40)


def put_all(source: BoundedQueue[AccessUnit], units: Iterable[AccessUnit]) -> None:
    """Hand access units to the recorder."""
    for unit in units:
        assert source.put(unit, unit.size)


@contextlib.contextmanager
def running(recorder: Recorder, source: Source) -> Iterator[threading.Thread]:
    """The recorder's loop on a thread, ended on the way out."""
    stop = threading.Event()
    thread = threading.Thread(target=recorder.run, args=(source, stop), name="recorder")
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        source.wake()
        thread.join(WAIT_S)
        assert not thread.is_alive()


def new_engine(
    directory: Path,
    *,
    clock_step_ns: int,
    pre_roll_ns: int = 0,
    limits: Limits = NO_LIMITS,
    no_room: Callable[[], str | None] = lambda: None,
    utc_now: Callable[[], datetime] = lambda: datetime.now(UTC),
    syscalls: Syscalls = SYSCALLS,
) -> Engine:
    """An engine to be driven by the test's own thread, whose clock moves with each look at it."""
    now_ns = itertools.count(0, clock_step_ns)
    return Engine(
        directory,
        PreRoll(max_ns=pre_roll_ns, max_bytes=2**30),
        min_free_bytes=1,
        limits=limits,
        no_room=no_room,
        clock=lambda: next(now_ns),
        utc_now=utc_now,
        syscalls=syscalls,
    )


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that has to happen soon."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def probe(path: Path) -> dict[str, str]:
    """What ffprobe, which decodes every frame, says of the video stream."""
    output = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", path],
        check=True,
        capture_output=True,
        timeout=60,
    ).stdout
    (stream,) = json.loads(output)["streams"]
    assert isinstance(stream, dict)
    return stream


def packet_times(path: Path) -> list[float]:
    """Presentation times of all samples in seconds."""
    with av.open(str(path)) as container:
        return [
            float(packet.pts * packet.time_base)
            for packet in container.demux()
            if packet.size and packet.pts is not None
        ]


def decoded_frames(path: Path) -> int:
    """How many pictures a decoder that puts up with nothing makes of the file."""
    form = "mp4" if path.suffix == ".mp4" else "h264"
    with av.open(str(path), format=form, options={"err_detect": "explode"}) as container:
        container.streams.video[0].codec_context.options = {"err_detect": "explode"}
        return sum(1 for _ in container.decode(video=0))


def decode_errors(path: Path) -> str:
    """What ffmpeg complains of when it decodes the file; nothing if all is well."""
    # Raw video has no times that the time base of an output could round together.
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-xerror",
        "-i",
        str(path),
        "-f",
        "rawvideo",
        "-y",
        "/dev/null",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stderr + (f"exit code {done.returncode}" if done.returncode else "")


def recordings(directory: Path) -> list[Path]:
    """The recordings in a directory, without their sidecars."""
    return sorted(path for path in directory.iterdir() if path.suffix != SUFFIX)


@contextlib.contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A file system of a few megabytes; whoever runs the tests has the right to mount."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    subprocess.run(command, check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def open_fds() -> set[str]:
    """The descriptors of this process and what they lead to."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(f"{link.name} {link.readlink()}")
    return found
