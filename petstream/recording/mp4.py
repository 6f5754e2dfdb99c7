"""MP4 recordings: fragments that play without anything written at the end.

Strategy: PyAV's muxer (stream copy; ISO/IEC 14496-12 clause 8.8 movie fragments) writes into
memory, and we append whole fragments to the file ourselves. So errors of the disk are met in our
own code, a fragment is in the file whole or not at all, and a crash costs the one being collected.
The muxer hands a fragment out when it is given the first access unit behind it, and thereby knows
how long the last sample of the fragment is shown.
"""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import av

from petstream.errors import RecordingError
from petstream.h264.access_unit import AccessUnit
from petstream.h264.parameter_sets import ParameterSets
from petstream.recording.recording_file import RecordingFile
from petstream.recording.sidecar import Flags
from petstream.recording.writer import SampleTime
from petstream.rtp.timeline import CLOCK_RATE

__all__ = ["FRAGMENT_US", "Mp4Writer"]

FRAGMENT_US: Final = 250_000  # how much a crash costs, against 100 bytes a fragment
TIME_BASE: Final = Fraction(1, CLOCK_RATE)
OPTIONS: Final = {
    "movflags": "empty_moov+default_base_moof+frag_keyframe",
    "frag_duration": str(FRAGMENT_US),
    "flush_packets": "1",  # a finished fragment is handed out at once
}


class Mp4Writer:
    """Writes ``.mp4``; a ``writer.Writer``. One file has one SPS, which stands in its header."""

    def __init__(self, file: RecordingFile) -> None:
        self._file = file
        self._muxer: _Muxer | None = None  # made when the first IDR brings the parameter sets
        self._taken = 0  # access units given to the muxer
        self._last = SampleTime(0, 0)  # the time of the newest of them
        self._begin = 0  # ticks of the first that the file has not got yet
        self.frame_count = 0
        self.end_ticks = 0

    @property
    def bytes_written(self) -> int:
        """Size of the file."""
        return self._file.size

    def fits(self, access_unit: AccessUnit) -> bool:
        """Unless it begins a coded video sequence with another SPS."""
        if self._muxer is None or not access_unit.is_idr:
            return True
        return _required_sets(access_unit).sps == self._muxer.sets.sps

    def write(self, access_unit: AccessUnit, time: SampleTime) -> None:
        """Take the access unit; the file gets it with the rest of its fragment."""
        with _refusals():
            if self._muxer is None:
                self._muxer = _Muxer(_required_sets(access_unit), origin=time.ticks)
                self._begin = time.ticks
            fragment = self._muxer.mux(access_unit, time)
        taken_before = self._taken
        self._taken += 1
        self._last = time
        if fragment:
            self._append(fragment, taken_before, time.ticks)
            self.end_ticks = time.ticks if taken_before else 0

    def sync(self) -> None:
        """Put the fragments that are in the file on the disk."""
        self._file.sync()

    def finish(self) -> None:
        """Append the last fragment and the index, and put all on the disk."""
        if self._muxer is not None:
            with _refusals():
                rest = self._muxer.finish()
            self._append(rest, self._taken, self._last.end)
            self.end_ticks = self._last.end
        self._file.finish()

    def close(self) -> None:
        """Close the file as it is."""
        self._file.close()

    def _append(self, fragment: bytes, frames: int, end_ticks: int) -> None:
        self._file.append(
            fragment, ticks=self._begin, end_ticks=end_ticks, frames=frames, flags=Flags.NONE
        )
        self.frame_count = frames
        self._begin = end_ticks


class _Muxer:
    """Access units to bytes of MP4; touches no file."""

    def __init__(self, sets: ParameterSets, *, origin: int) -> None:
        self.sets = sets
        self._origin = origin  # ticks of the first sample, which is at 0 in this file
        self._sink = _Sink()
        self._container = av.open(self._sink, mode="w", format="mp4", options=OPTIONS)
        self._stream = self._container.add_mux_stream(
            "h264", width=sets.parsed.width, height=sets.parsed.height, time_base=TIME_BASE
        )
        self._has_header = False

    def mux(self, access_unit: AccessUnit, time: SampleTime) -> bytes:
        """Add a sample; returns the header with the first, and fragments as they are complete."""
        packet = av.Packet(access_unit.annexb())
        packet.stream = self._stream
        packet.time_base = TIME_BASE
        packet.pts = packet.dts = time.ticks - self._origin
        packet.duration = time.interval
        packet.is_keyframe = access_unit.is_idr
        self._container.mux(packet)
        out = self._sink.take()
        if not self._has_header:
            # The muxer takes avcC from the first sample; without it no player could decode.
            if self.sets.sps[0] not in out:
                raise RecordingError("MP4 header lacks the parameter sets; PyAV 18 is needed")
            self._has_header = True
        return out

    def finish(self) -> bytes:
        """The last fragment, and the index of fragments."""
        self._container.close()
        return self._sink.take()


class _Sink:
    """The file that PyAV believes it writes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Turn what PyAV raises into a RecordingError."""
    try:
        yield
    except av.FFmpegError as error:
        raise RecordingError(f"the MP4 muxer refuses: {error}") from error


def _required_sets(access_unit: AccessUnit) -> ParameterSets:
    if access_unit.parameter_sets is None:
        raise RecordingError("an IDR without parameter sets cannot begin an MP4")
    return access_unit.parameter_sets
