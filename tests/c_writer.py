"""The camera daemon in C, tests/shm/c/writer.c, as a process, and the check of what it wrote.

Strategy: only C is fast enough to tear a slot as the real daemon does. Each access unit says as
which count it was written and has checksums over every byte, so that whoever gets one can tell.
"""

import struct
import subprocess
import time
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from petstream.shm.ring import RingReader

__all__ = ["CWriter", "Tally", "read_until", "written_count"]

_HEAD: Final = struct.Struct("<IQI")  # crc of the next 12 bytes, count, crc of the body


class CWriter:
    """The C program on one segment; its options by their names in the program's own parser.

    Attributes:
        posts: the time of each post by its count, CLOCK_MONOTONIC; complete after ``wait``, and
            empty without the option ``log``.
    """

    def __init__(self, programs: Path, segment: str, **options: int | bool) -> None:
        self.posts: dict[int, int] = {}
        self._segment = Path("/dev/shm") / segment[1:]
        command = [str(programs / "writer"), "--name", segment]
        for name, value in options.items():
            flag = "--" + name.replace("_", "-")
            command += [flag] if value is True else [flag, str(value)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def wait(self, timeout_s: float = 60) -> int:
        """Wait for its end; its exit code, negative for a signal."""
        output, _ = self.process.communicate(timeout=timeout_s)
        for line in output.splitlines():
            count, posted_ns = map(int, line.split())
            self.posts[count] = posted_ns
        return self.process.returncode

    def kill(self) -> None:
        """End it with kill -9; the segment stays."""
        self.process.kill()
        self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Kill it, and take the segment away."""
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.kill()
        self._segment.unlink(missing_ok=True)


def written_count(data: bytes) -> int | None:
    """The count an access unit was written as; None if any byte of it is not the writer's."""
    if len(data) < _HEAD.size:
        return None
    head_crc, count, body_crc = _HEAD.unpack_from(data)
    if zlib.crc32(data[4 : _HEAD.size]) != head_crc or zlib.crc32(data[_HEAD.size :]) != body_crc:
        return None
    return int(count)


class Tally:
    """What came of the access units that a reader took.

    Attributes:
        counts: of the sound ones, in the order in which they came.
        corrupt: those with bytes of another one.
        disordered: those that came after one with a later count, or twice.
    """

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.corrupt = 0
        self.disordered = 0

    @property
    def units(self) -> int:
        """How many came, sound or not."""
        return len(self.counts) + self.corrupt

    def take(self, access_units: Iterable[bytes]) -> None:
        """Check access units."""
        for data in access_units:
            count = written_count(data)
            if count is None:
                self.corrupt += 1
                continue
            if self.counts and not 0 < (count - self.counts[-1]) % 2**32 < 2**31:
                self.disordered += 1
            self.counts.append(count)


def read_until(reader: RingReader, tally: Tally, units: int, timeout_s: float = 60) -> None:
    """Read until so many access units came in all."""
    deadline = time.monotonic() + timeout_s
    while tally.units < units:
        tally.take(slot.data for slot in reader.read(0.25))
        assert time.monotonic() < deadline, f"{tally.units} of {units} access units came"
