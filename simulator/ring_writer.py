"""The writing end of the shared-memory ring, as the camera daemon does it.

Strategy: one private ``Frame`` is filled for each access unit and published in three steps, in
the daemon's own order. Each step is a method, so that something can be made to happen between
two of them:

    claim()   add 1 to write_index: from here on readers see the slot named
    copy()    move the whole 3.1 MB Frame into the slot
    post()    sem_post: the copy is finished

On a segment that was there before, index and semaphore go on from where they stand, as after a
restart of the daemon: readers count on both.

One thread uses a writer, and a segment has one writer: ``claim`` is a load and a store.
"""

import ctypes
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from petstream.errors import SegmentError
from petstream.shm.layout import (
    DATA_SIZE_MAX,
    FORMAT_H264,
    FRAME_SIZE,
    RING_SIZE,
    RING_SLOTS,
    Frame,
    Ring,
)
from petstream.shm.segment import SHM_DIRECTORY
from simulator.segment import WritableSegment
from simulator.semaphore import init_semaphore, post_semaphore, try_semaphore

__all__ = ["DEFAULT_SEGMENT", "RingWriter"]

DEFAULT_SEGMENT: Final = "/pet_camera_stream"

_INDEX_MODULUS: Final = 2**32
_NS_PER_S: Final = 1_000_000_000


class RingWriter:
    """Creates the ring, or attaches to it, and publishes access units in it.

    Attributes:
        name: the segment's name, with its leading slash.
        created: the segment was made here, so ``close`` unlinks it.
        frame: what the next ``copy`` moves; ``fill`` sets it.
    """

    def __init__(
        self,
        name: str = DEFAULT_SEGMENT,
        *,
        directory: Path = SHM_DIRECTORY,
        take_over: bool = False,
    ) -> None:
        """Open the segment, and make it if there is none; arguments as ``WritableSegment``.

        Raises:
            SegmentError: as ``WritableSegment``.
            ConfigError: likewise.
        """
        self.name = name
        self.frame = Frame(format=FORMAT_H264)
        self._segment = WritableSegment(name, RING_SIZE, directory=directory, take_over=take_over)
        self.created = self._segment.created
        self._ring: Ring | None = Ring.from_buffer(self._segment.map)
        if self.created and not take_over:
            self.init_semaphore()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def write_index(self) -> int:
        """Slots claimed so far, modulo 2^32."""
        return int(self._mapped.write_index)

    @write_index.setter
    def write_index(self, count: int) -> None:
        self._mapped.write_index = count % _INDEX_MODULUS

    @property
    def frame_interval_ms(self) -> int:
        """What somebody asked the camera to slow down to; 0 for its own rate."""
        return int(self._mapped.frame_interval_ms)

    @property
    def semaphore_value(self) -> int:
        """Finished copies that nobody has waited for."""
        return int(self._mapped.new_frame_sem.value)

    def fill(
        self,
        access_unit: bytes,
        *,
        frame_number: int,
        capture_ns: int,
        camera_id: int = 0,
        width: int = 0,
        height: int = 0,
    ) -> None:
        """Put one access unit into the private ``frame``.

        Args:
            access_unit: Annex B bytes, at most ``DATA_SIZE_MAX``.
            frame_number: the camera's own number for it.
            capture_ns: nanoseconds of CLOCK_MONOTONIC.
            camera_id: which camera saw it.
            width: of the picture, in pixels.
            height: of the picture, in pixels.

        Raises:
            SegmentError: the access unit is larger than a slot.
        """
        size = len(access_unit)
        if size > DATA_SIZE_MAX:
            raise SegmentError(
                "too_big", f"access unit has {size} bytes, a slot holds {DATA_SIZE_MAX}"
            )
        frame = self.frame
        frame.frame_number = frame_number
        frame.timestamp.tv_sec, frame.timestamp.tv_nsec = divmod(capture_ns, _NS_PER_S)
        frame.camera_id = camera_id
        frame.width = width
        frame.height = height
        frame.format = FORMAT_H264
        frame.data_size = size
        ctypes.memmove(frame.data, access_unit, size)

    def claim(self) -> int:
        """Step 1: add 1 to ``write_index``; the number of the slot that is now ours."""
        ring = self._mapped
        count = int(ring.write_index)
        ring.write_index = (count + 1) % _INDEX_MODULUS
        return count % RING_SLOTS

    def copy(self, slot: int, start: int = 0, end: int = FRAME_SIZE) -> None:
        """Step 2: move the whole ``frame`` into ``slot``, or the bytes from start to end of it."""
        if not 0 <= slot < RING_SLOTS or not 0 <= start <= end <= FRAME_SIZE:
            raise IndexError(f"slot {slot} of {RING_SLOTS}, bytes {start} to {end} of {FRAME_SIZE}")
        destination = ctypes.byref(self._mapped, Ring.frames.offset + slot * FRAME_SIZE + start)
        ctypes.memmove(destination, ctypes.byref(self.frame, start), end - start)

    def post(self) -> None:
        """Step 3: tell readers that the copy is finished."""
        post_semaphore(self._mapped, Ring.new_frame_sem.offset)

    def init_semaphore(self, value: int = 0) -> None:
        """Initialise the semaphore, as a daemon does that makes the segment."""
        init_semaphore(self._mapped, Ring.new_frame_sem.offset, value)

    def try_wait(self) -> bool:
        """Take one post away, as another program does; False if there is none."""
        return try_semaphore(self._mapped, Ring.new_frame_sem.offset)

    def write(
        self,
        access_unit: bytes,
        *,
        frame_number: int,
        capture_ns: int,
        camera_id: int = 0,
        width: int = 0,
        height: int = 0,
    ) -> int:
        """Publish one access unit: ``fill`` and the three steps; the number of its slot."""
        self.fill(
            access_unit,
            frame_number=frame_number,
            capture_ns=capture_ns,
            camera_id=camera_id,
            width=width,
            height=height,
        )
        slot = self.claim()
        self.copy(slot)
        self.post()
        return slot

    def close(self, *, leave: bool = False) -> None:
        """Unmap the segment, and unlink it if it was made here; a second call does nothing.

        Args:
            leave: do not unlink it, as when the daemon is killed.
        """
        self._ring = None
        self._segment.close(leave=leave)

    @property
    def _mapped(self) -> Ring:
        if self._ring is None:
            raise ValueError(f"ring writer of {self.name} is closed")
        return self._ring
