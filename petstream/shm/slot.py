"""What the ring reader hands on: one slot, copied out of shared memory."""

from dataclasses import dataclass

__all__ = ["Slot"]


@dataclass(frozen=True, slots=True)
class Slot:
    """One access unit as the daemon wrote it.

    Attributes:
        sequence: running number over the life of the reader; rises by one for each slot the
            daemon claimed, so that a gap in it is a gap in the stream.
        frame_number: the daemon's own number; it may repeat or jump, and nothing is ordered by it.
        capture_ns: capture time, nanoseconds of CLOCK_MONOTONIC.
        read_ns: when the slot was copied out, nanoseconds of CLOCK_MONOTONIC.
        camera_id: which camera wrote it.
        width, height: picture size in pixels as the daemon says it.
        data: the access unit in Annex B.
        discontinuity: slots are missing before this one; it may refer to pictures nobody has.
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
