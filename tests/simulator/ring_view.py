"""A look at a ring segment from outside: pread and the layout, none of the simulator's code."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from petstream.shm.layout import FRAME_HEADER_SIZE, FRAME_SIZE, Frame, Ring

__all__ = ["RingView", "SeenFrame", "segment_path"]


def segment_path(name: str) -> Path:
    """Where the segment is a file."""
    return Path("/dev/shm") / name.removeprefix("/")


@dataclass(frozen=True)
class SeenFrame:
    """One slot as it stands in the segment."""

    frame_number: int
    capture_ns: int
    camera_id: int
    width: int
    height: int
    format: int
    data: bytes


@dataclass(frozen=True)
class RingView:
    """An open segment."""

    fd: int

    @classmethod
    @contextmanager
    def of(cls, name: str) -> "Iterator[RingView]":
        """Open a segment for as long as the ``with`` lasts."""
        fd = os.open(segment_path(name), os.O_RDWR)
        try:
            yield cls(fd)
        finally:
            os.close(fd)

    @property
    def write_index(self) -> int:
        """Slots claimed."""
        return self._u32(Ring.write_index.offset)

    @property
    def semaphore_value(self) -> int:
        """Posts that nobody has waited for."""
        return self._u32(Ring.new_frame_sem.offset)

    def ask_for_interval(self, interval_ms: int) -> None:
        """Slow the camera down, as others do."""
        os.pwrite(self.fd, interval_ms.to_bytes(4, "little"), Ring.frame_interval_ms.offset)

    def frame(self, slot: int) -> SeenFrame:
        """Read one slot."""
        offset = Ring.frames.offset + slot * FRAME_SIZE
        size = int.from_bytes(os.pread(self.fd, 8, offset + Frame.data_size.offset), "little")
        raw = os.pread(self.fd, FRAME_HEADER_SIZE + size, offset)
        head = Frame.from_buffer_copy(raw.ljust(FRAME_SIZE, b"\0"))
        return SeenFrame(
            head.frame_number,
            head.timestamp.tv_sec * 1_000_000_000 + head.timestamp.tv_nsec,
            head.camera_id,
            head.width,
            head.height,
            head.format,
            raw[FRAME_HEADER_SIZE:],
        )

    def _u32(self, offset: int) -> int:
        return int.from_bytes(os.pread(self.fd, 4, offset), "little")
