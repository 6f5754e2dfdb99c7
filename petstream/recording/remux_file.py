"""``petstream remux``: an MP4 file out of a recording.

Strategy: a raw recording with its sidecar goes the way of ``?format=mp4``, with its true times.
Whatever else there is (a raw file without a sidecar, a fragmented MP4) PyAV copies packet by
packet; raw files then get the frame rate that their SPS promises.
"""

import contextlib
import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import av

from petstream.errors import ConfigError, RecordingError
from petstream.recording.directory import reason_of
from petstream.recording.remux import RemuxedMedia, prepare
from petstream.recording.scan_raw import frame_interval
from petstream.recording.sidecar import SUFFIX
from petstream.recording.sidecar_file import SidecarFile, open_for_reading
from petstream.rtp.timeline import CLOCK_RATE

__all__ = ["REMUX_USAGE", "remux", "remux_command"]

REMUX_USAGE: Final = """\
usage: petstream remux FILE [-o OUT]

Make an MP4 of a recording, with the capture times that its sidecar FILE.times keeps.
OUT is FILE with .mp4 in place of its suffix unless given; nothing is overwritten.
"""


def remux_command(arguments: Sequence[str]) -> int:
    """Carry out the command line; the exit code. Raises ConfigError for one that makes no sense."""
    source, out = _parse(list(arguments))
    if not source.is_file():
        raise ConfigError(f"there is no file {source}")
    if out.exists():
        raise ConfigError(f"{out} exists; name another with -o")
    times = remux(source, out)
    print(f"{out}: {times}")
    return 0


def remux(source: Path, out: Path) -> str:
    """Make ``out``, a new file, of ``source``; says in words where the times come from.

    Raises:
        RecordingError: ``source`` cannot be read as a recording, or ``out`` not written.
    """
    part = out.with_name(f"{out.name}.part")
    try:
        times = _remux_by_sidecar(source, part) or _remux_by_pyav(source, part)
        part.rename(out)
    except (OSError, av.FFmpegError) as error:
        raise RecordingError(f"cannot remux {source}: {reason_of(error)}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
    return times


def _remux_by_sidecar(source: Path, part: Path) -> str | None:
    sidecar = SidecarFile.beside(source) if source.suffix == ".h264" else None
    if sidecar is None:
        return None
    fd = open_for_reading(source)
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, fd)
        pieces = sidecar.pieces(os.fstat(fd).st_size)
        media = RemuxedMedia(fd, prepare(fd, sidecar.header, pieces))
        with part.open("wb") as file:
            for chunk in media.chunks(0, media.size):
                file.write(chunk)
    return f"{len(pieces)} access units at their capture times"


def _remux_by_pyav(source: Path, part: Path) -> str:
    is_raw = source.suffix != ".mp4"
    count = interval = 0
    with (
        av.open(str(source), "r", format="h264" if is_raw else "mp4") as found,
        av.open(str(part), "w", format="mp4", options={"movflags": "faststart"}) as made,
    ):
        if not found.streams.video:
            raise RecordingError(f"{source} has no video in it")
        stream = made.add_stream_from_template(found.streams.video[0])
        for packet in found.demux(video=0):
            if not packet.size:
                continue
            if is_raw:
                interval = interval or frame_interval(bytes(packet))
                packet.time_base = Fraction(1, CLOCK_RATE)
                packet.pts = packet.dts = count * interval
                packet.duration = interval
            packet.stream = stream
            made.mux(packet)
            count += 1
    if is_raw:
        rate = f"{CLOCK_RATE / (interval or 1):.3g}"
        return f"{count} access units at {rate} fps, because {source.name}{SUFFIX} is not there"
    return f"{count} access units at the times of {source.name}"


def _parse(words: list[str]) -> tuple[Path, Path]:
    out: Path | None = None
    for flag in ("-o", "--o", "-out", "--out"):
        if flag in words[:-1]:
            place = words.index(flag)
            out = Path(words[place + 1])
            del words[place : place + 2]
    if len(words) != 1 or words[0].startswith("-"):
        raise ConfigError("usage: petstream remux FILE [-o OUT]")
    source = Path(words[0])
    if out is None:
        out = source.with_suffix(".mp4")
        if out == source:
            out = source.with_name(f"{source.stem}-remuxed.mp4")
    return source, out
