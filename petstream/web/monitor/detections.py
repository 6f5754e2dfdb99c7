"""Detections as JSON for the page: one event for each change of the segment.

Strategy: the reader is asked a few times per picture, which costs microseconds; pixels and capture
time go out as the daemon wrote them, and the page does the rest, for it alone knows which picture
it shows.
"""

import json
from typing import Final

from petstream.shm.detections import DetectionsReader, DetectionsSnapshot

__all__ = ["DETECTIONS_EVERY_S", "DetectionsSource"]

DETECTIONS_EVERY_S: Final = 0.008


class DetectionsSource:
    """What an EventStream asks for; one thread uses it."""

    def __init__(self, segment: str) -> None:
        """Make it; the segment need not exist."""
        self._reader = DetectionsReader(segment)

    def __call__(self) -> str | None:
        """The newest detections if they are news."""
        snapshot = self._reader.read()
        return None if snapshot is None else _to_json(snapshot)

    def close(self) -> None:
        """Let go of the segment."""
        self._reader.close()


def _to_json(snapshot: DetectionsSnapshot) -> str:
    boxes = [
        {
            "class_name": box.class_name,
            "confidence": round(box.confidence, 4),
            "x": box.x,
            "y": box.y,
            "w": box.width,
            "h": box.height,
        }
        for box in snapshot.detections
    ]
    return json.dumps(
        {
            "frame_number": snapshot.frame_number,
            "capture_ns": snapshot.capture_ns,
            "version": snapshot.version,
            "detections": boxes,
        }
    )
