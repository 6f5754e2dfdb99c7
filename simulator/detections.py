"""The writing end of the detections segment, as the detector beside the camera does it.

Strategy: an update is made in a private structure and moved over in one copy; ``version`` is
raised after it and the semaphore posted last, so that a reader that sees a new version sees the
boxes that belong to it.

On a segment that was there before, ``version`` and semaphore go on from where they stand. One
thread uses a writer, and a segment has one writer.
"""

import ctypes
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from petstream.errors import SegmentError
from petstream.shm.detections import Detection
from petstream.shm.layout import DETECTIONS_MAX, DETECTIONS_SIZE, Detections
from petstream.shm.segment import SHM_DIRECTORY
from simulator.fixture import Fixture
from simulator.segment import WritableSegment
from simulator.semaphore import init_semaphore, post_semaphore

__all__ = ["DEFAULT_DETECTIONS", "DetectionsWriter", "detections_in"]

DEFAULT_DETECTIONS: Final = "/pet_camera_detections"

_VERSION_MODULUS: Final = 2**32
_NS_PER_S: Final = 1_000_000_000
_NAME_BYTES: Final = 31  # of 32, for C wants a zero at the end


class DetectionsWriter:
    """Creates the segment, or attaches to it, and publishes detections in it.

    Attributes:
        name: the segment's name, with its leading slash.
        created: the segment was made here, so ``close`` unlinks it.
    """

    def __init__(self, name: str = DEFAULT_DETECTIONS, *, directory: Path = SHM_DIRECTORY) -> None:
        """Open the segment, and make it if there is none.

        Raises:
            SegmentError: as ``WritableSegment``.
            ConfigError: likewise.
        """
        self.name = name
        self._update = Detections()
        self._segment = WritableSegment(name, DETECTIONS_SIZE, directory=directory)
        self.created = self._segment.created
        self._mapped: Detections | None = Detections.from_buffer(self._segment.map)
        if self.created:
            init_semaphore(self._mapped, Detections.update_sem.offset)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, detections: Sequence[Detection], *, frame_number: int, capture_ns: int) -> int:
        """Publish the detections of one picture; the version they got.

        Args:
            detections: at most ``DETECTIONS_MAX``.
            frame_number: the camera's number of the picture.
            capture_ns: nanoseconds of CLOCK_MONOTONIC.

        Raises:
            SegmentError: there are more than the segment holds.
        """
        mapped = self._mapped
        if mapped is None:
            raise ValueError(f"detections writer of {self.name} is closed")
        if len(detections) > DETECTIONS_MAX:
            raise SegmentError(
                "too_big", f"{len(detections)} detections, the segment holds {DETECTIONS_MAX}"
            )
        update = self._update
        update.frame_number = frame_number
        update.timestamp.tv_sec, update.timestamp.tv_nsec = divmod(capture_ns, _NS_PER_S)
        update.num_detections = len(detections)
        for place, detection in zip(update.detections, detections, strict=False):
            _fill(place, detection)
        size = Detections.version.offset
        ctypes.memmove(ctypes.byref(mapped), ctypes.byref(update), size)
        mapped.version = (mapped.version + 1) % _VERSION_MODULUS
        post_semaphore(mapped, Detections.update_sem.offset)
        return int(mapped.version)

    def close(self) -> None:
        """Unmap the segment, and unlink it if it was made here; a second call does nothing."""
        self._mapped = None
        self._segment.close()


def detections_in(fixture: Fixture, position: int) -> list[Detection]:
    """What a good detector would find in a picture of a clip; nothing if nobody knows."""
    if not fixture.boxes:
        return []
    box = fixture.boxes[position % len(fixture.boxes)]
    # A detector is never quite sure, nor equally sure twice.
    confidence = 0.9 + (position * 7 % 10) / 100
    return [Detection(fixture.object or "object", confidence, *box)]


def _fill(place: "ctypes.Structure", detection: Detection) -> None:
    place.class_name = detection.class_name.encode()[:_NAME_BYTES]
    place.confidence = detection.confidence
    place.x, place.y = detection.x, detection.y
    place.w, place.h = detection.width, detection.height
