"""The one unit of flow: an access unit, parsed once and never changed."""

from dataclasses import dataclass

from petstream.h264.parameter_sets import ParameterSets

__all__ = ["START_CODE", "AccessUnit"]

START_CODE = b"\x00\x00\x00\x01"


@dataclass(frozen=True, slots=True, eq=False)
class AccessUnit:
    """A canonical access unit (H.264 clause 7.4.1.2.3): what viewers and recordings are made of.

    Access unit delimiters and filler are gone, and an IDR access unit begins with its parameter
    sets. Slices, SEI and all else are the very bytes the camera wrote.

    Attributes:
        nal_units: NAL units without start codes, in stream order; views into the slot's copy.
        size: bytes of all NAL units together.
        is_idr: decoding can begin here: an IDR picture with its parameter sets in front.
        discontinuity: access units are missing before this one; only an IDR heals that.
        sequence: the reader's running number of the slot.
        frame_number: the daemon's own number.
        capture_ns: capture time, nanoseconds of CLOCK_MONOTONIC.
        read_ns: when it was copied out of shared memory, same clock.
        camera_id: which camera wrote it.
        parameter_sets: those that the picture refers to; None until any have been seen.
    """

    nal_units: tuple[memoryview, ...]
    size: int
    is_idr: bool
    discontinuity: bool
    sequence: int
    frame_number: int
    capture_ns: int
    read_ns: int
    camera_id: int
    parameter_sets: ParameterSets | None

    def annexb(self) -> bytes:
        """The access unit as an Annex B byte stream with four-byte start codes."""
        parts = [b""]
        parts.extend(bytes(nal_unit) for nal_unit in self.nal_units)
        return START_CODE.join(parts)
