"""What a source hands on: one access unit, as it was captured."""

from dataclasses import dataclass

__all__ = ["Slot"]


@dataclass(frozen=True, slots=True)
class Slot:
    """One access unit as the camera wrote it.

    Attributes:
        sequence: running number over the life of the source; rises by one for each access unit
            that the camera claims, so that a gap in it is a gap in the stream.
        frame_number: the camera's own number; it may repeat or jump, and nothing is ordered by it.
        capture_ns: capture time, nanoseconds of CLOCK_MONOTONIC.
        read_ns: when it was copied out, nanoseconds of CLOCK_MONOTONIC.
        camera_id: which camera wrote it.
        width, height: picture size in pixels as the camera says it; 0 if it does not.
        data: the access unit in Annex B.
        discontinuity: access units are missing before this one; it may refer to pictures that
            nobody has.
    """

    sequence: int
    frame_number: int
    capture_ns: int
    read_ns: int
    camera_id: int
    width: int
    height: int
    data: bytes
    discontinuity: bool
