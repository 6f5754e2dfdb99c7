"""A ring whose daemon the test is, one step at a time."""

import contextlib
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from petstream.shm.layout import (
    FORMAT_H264,
    FRAME_SIZE,
    RING_HEADER_SIZE,
    RING_SIZE,
    RING_SLOTS,
    Frame,
    Ring,
    Semaphore,
)
from petstream.shm.ring import RingReader
from petstream.slot import Slot

__all__ = ["StepRing", "access_unit", "attached", "count_of", "open_descriptors", "read_all"]

VALUE_OFFSET = Ring.new_frame_sem.offset + Semaphore.value.offset
WAITERS_OFFSET = Ring.new_frame_sem.offset + Semaphore.waiters.offset


def access_unit(count: int) -> bytes:
    """Bytes that say which count they were written as, several times over."""
    return b"au:%d;" % count * 40


def count_of(slot: Slot) -> int:
    """The count a slot was written as, having checked that every byte of it is there."""
    count = int(slot.data[3 : slot.data.index(b";")])
    assert slot.data == access_unit(count), f"slot of count {count} is torn"
    return count


def read_all(reader: RingReader) -> list[Slot]:
    """Everything that is ready, without waiting."""
    slots: list[Slot] = []
    while batch := reader.read(0):
        slots += batch
    return slots


def open_descriptors() -> int:
    """How many file descriptors this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


class StepRing:
    """A new segment, written with the daemon's steps: claim, copy, post."""

    def __init__(self, name: str, *, index: int = 0, value: int = 0) -> None:
        self.path = Path("/dev/shm") / name[1:]
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.ftruncate(fd, RING_SIZE)
            self._map = mmap.mmap(fd, RING_SIZE)
        finally:
            os.close(fd)
        self.index = index
        self.value = value

    @property
    def index(self) -> int:
        """``write_index``."""
        return self._get(Ring.write_index.offset)

    @index.setter
    def index(self, index: int) -> None:
        self._put(Ring.write_index.offset, "<I", index % 2**32)

    @property
    def value(self) -> int:
        """The semaphore's value."""
        return self._get(VALUE_OFFSET)

    @value.setter
    def value(self, value: int) -> None:
        self._put(VALUE_OFFSET, "<I", value)

    def set_waiters(self, waiters: int) -> None:
        """Somebody waits on the semaphore, or nobody does any more."""
        self._put(WAITERS_OFFSET, "<I", waiters)

    def set_interval(self, interval_ms: int) -> None:
        """Ask the camera for another frame interval."""
        self._put(Ring.frame_interval_ms.offset, "<I", interval_ms)

    def claim(self) -> int:
        """Take the next count; nothing is written yet."""
        count = self.index
        self.index = count + 1
        return count

    def copy(self, count: int, data: bytes | None = None, **header: int) -> None:
        """Write a whole frame into the count's slot; ``header`` as for ``put_header``."""
        data = access_unit(count) if data is None else data
        self.put_header(count, **{"frame_number": count, "data_size": len(data)} | header)
        at = self._slot(count) + Frame.data.offset
        self._map[at : at + len(data)] = data

    def tear(self, count: int, data: bytes | None = None) -> None:
        """Write the first half of a frame into the count's slot, and leave the rest as it was."""
        data = access_unit(count) if data is None else data
        self.put_header(count, frame_number=count, data_size=len(data))
        at = self._slot(count) + Frame.data.offset
        half = len(data) // 2
        self._map[at : at + half] = data[:half]

    def put_header(
        self,
        count: int,
        *,
        frame_number: int = 0,
        capture_ns: int = 1_000_000_000,
        camera_id: int = 0,
        width: int = 1920,
        height: int = 1080,
        format: int = FORMAT_H264,
        data_size: int = 100,
    ) -> None:
        """Write a slot's 48 bytes in front of the data."""
        header = struct.pack(
            "<QqqiiiiQ",
            frame_number,
            *divmod(capture_ns, 1_000_000_000),
            camera_id,
            width,
            height,
            format,
            data_size,
        )
        at = self._slot(count)
        self._map[at : at + len(header)] = header

    def post(self) -> None:
        """The copy is finished."""
        self.value += 1

    def write(self, frames: int = 1) -> int:
        """Write whole frames; returns the count of the last."""
        count = -1
        for _ in range(frames):
            count = self.claim()
            self.copy(count)
            self.post()
        return count

    def write_read(self, reader: RingReader, frames: int = 1) -> list[Slot]:
        """Write frames as a slow camera would: the reader looks during and after each copy."""
        slots = []
        for _ in range(frames):
            count = self.claim()
            slots += read_all(reader)
            self.copy(count)
            self.post()
            slots += read_all(reader)
        return slots

    def publish(self, data: bytes, **header: int) -> int:
        """Write an access unit as a whole frame; returns its count."""
        count = self.claim()
        self.copy(count, data, **header)
        self.post()
        return count

    def truncate(self, size: int) -> None:
        """Cut the segment; from now on only the reader may touch it."""
        os.truncate(self.path, size)

    def unlink(self) -> None:
        """Take the name away."""
        self.path.unlink()

    def close(self) -> None:
        """Unmap, and unlink if nobody did."""
        self._map.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _slot(self, count: int) -> int:
        return RING_HEADER_SIZE + count % RING_SLOTS * FRAME_SIZE

    def _get(self, offset: int) -> int:
        value: int = struct.unpack_from("<I", self._map, offset)[0]
        return value

    def _put(self, offset: int, form: str, value: int) -> None:
        struct.pack_into(form, self._map, offset, value)


@contextlib.contextmanager
def attached(name: str, **ring: int) -> Iterator[tuple[StepRing, RingReader]]:
    """A ring and a reader that has just attached to it and has read what was there."""
    with StepRing(name, **ring) as steps, RingReader(name) as reader:
        read_all(reader)
        assert reader.attached
        yield steps, reader
