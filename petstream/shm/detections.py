"""The reader of the detections segment: the newest bounding boxes, once each.

Strategy: the daemon raises ``version`` after each update, so an unchanged version means nothing to
do. The 584 bytes are taken in one pread, twice: two copies that agree were not being written in
between. Like the ring's reader it opens read-only and survives whatever happens to the segment.
"""

import math
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from petstream.errors import SegmentError

from .layout import DETECTIONS_MAX, DETECTIONS_SIZE
from .layout import Detections as DetectionsLayout
from .segment import Segment, check_segment_name

__all__ = ["Detection", "DetectionsReader", "DetectionsSnapshot"]

_TRIES: Final = 4
_RETRY_NS: Final = 500_000_000
_CHECK_NS: Final = 500_000_000


@dataclass(frozen=True, slots=True)
class Detection:
    """One bounding box.

    Attributes:
        class_name: what was seen.
        confidence: as the detector says it, usually 0 to 1; always finite.
        x, y, width, height: pixels of the stream.
    """

    class_name: str
    confidence: float
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class DetectionsSnapshot:
    """All bounding boxes of one picture.

    Attributes:
        frame_number: the daemon's number of the picture.
        capture_ns: as the daemon gives it, nanoseconds of CLOCK_MONOTONIC.
        version: the daemon's count of updates, modulo 2^32.
        detections: the boxes; those with a confidence that is no finite number are left out.
    """

    frame_number: int
    capture_ns: int
    version: int
    detections: tuple[Detection, ...]


class DetectionsReader:
    """Reads the detections segment. One thread uses it.

    Attributes:
        name: the segment, such as ``/pet_camera_detections``.
        fault: why nothing can be read, None while attached.
    """

    def __init__(self, name: str) -> None:
        """Make a reader; the segment need not exist.

        Raises:
            ConfigError: the name is no segment name.
        """
        check_segment_name(name)
        self.name = name
        self.fault: SegmentError | None = None
        self._segment: Segment | None = None
        self._version: int | None = None
        self._retry_ns = self._check_ns = 0

    @property
    def attached(self) -> bool:
        """Whether the segment is open."""
        return self._segment is not None

    def read(self) -> DetectionsSnapshot | None:
        """Return the newest detections, or None if they are the ones returned before.

        None also if there is no segment (see ``fault``), if nothing was ever written to it, or if
        the daemon is writing just now. Never waits; a few calls per picture are cheap.
        """
        now_ns = time.monotonic_ns()
        try:
            segment = self._segment or self._attach(now_ns)
            if segment is None:
                return None
            if now_ns >= self._check_ns:
                self._check_ns = now_ns + _CHECK_NS
                segment.check_identity()
            return self._snapshot(segment)
        except SegmentError as error:
            self._detach()
            self.fault = error
            self._retry_ns = now_ns if error.reason == "replaced" else now_ns + _RETRY_NS
            return None

    def close(self) -> None:
        """Let go of the segment; more than once does no harm."""
        self._detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _attach(self, now_ns: int) -> Segment | None:
        if now_ns < self._retry_ns:
            return None
        self._segment = Segment(self.name, DETECTIONS_SIZE)
        self._version = self.fault = None
        self._check_ns = now_ns + _CHECK_NS
        return self._segment

    def _detach(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _snapshot(self, segment: Segment) -> DetectionsSnapshot | None:
        raw = segment.pread(DETECTIONS_SIZE, 0)
        content = DetectionsLayout.from_buffer_copy(raw)
        last = self._version or 0  # version 0 is a segment that nobody has written to yet
        if content.version == last:
            return None
        for _ in range(_TRIES):
            again = segment.pread(DETECTIONS_SIZE, 0)
            if again == raw:
                self._version = content.version
                return _unpack(content)
            raw = again
            content = DetectionsLayout.from_buffer_copy(raw)
        return None


def _unpack(content: Any) -> DetectionsSnapshot:
    """Make Python values of the structure, believing none of its numbers."""
    count = min(max(content.num_detections, 0), DETECTIONS_MAX)
    return DetectionsSnapshot(
        frame_number=content.frame_number,
        capture_ns=content.timestamp.tv_sec * 1_000_000_000 + content.timestamp.tv_nsec,
        version=content.version,
        detections=tuple(
            Detection(
                class_name=box.class_name.decode("utf-8", "replace"),
                confidence=box.confidence,
                x=box.x,
                y=box.y,
                width=box.w,
                height=box.h,
            )
            for box in content.detections[:count]
            if math.isfinite(box.confidence)
        ),
    )
