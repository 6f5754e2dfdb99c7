"""The byte layout of the camera daemon's shared memory: the one description of it.

Strategy: ctypes structures, because ctypes lays them out by the rules of the native C ABI.
The reader and the simulator take offsets and sizes from here, and ``shm.header`` writes the C
header for daemon authors from the same structures; nothing else types the layout out.

64-bit Linux, little endian.
"""

import ctypes
from collections.abc import Sequence
from typing import Any, Final

__all__ = [
    "DATA_SIZE_MAX",
    "DETECTIONS_MAX",
    "DETECTIONS_SIZE",
    "FORMAT_H264",
    "FORMAT_JPEG",
    "FORMAT_NV12",
    "FORMAT_RGB",
    "FRAME_HEADER_SIZE",
    "FRAME_SIZE",
    "RING_HEADER_SIZE",
    "RING_SIZE",
    "RING_SLOTS",
    "SEM_VALUE_MAX",
    "Detection",
    "Detections",
    "Frame",
    "Ring",
    "Semaphore",
    "Timespec",
    "struct_format",
]

RING_SLOTS: Final = 30
DATA_SIZE_MAX: Final = 3_110_400  # one 1920x1080 NV12 picture, the largest thing a slot holds
DETECTIONS_MAX: Final = 10
SEM_VALUE_MAX: Final = 2**31 - 1

FORMAT_JPEG: Final = 0
FORMAT_NV12: Final = 1
FORMAT_RGB: Final = 2
FORMAT_H264: Final = 3


class Timespec(ctypes.Structure):
    """``struct timespec`` of CLOCK_MONOTONIC."""

    _fields_ = (("tv_sec", ctypes.c_int64), ("tv_nsec", ctypes.c_int64))


class Semaphore(ctypes.Structure):
    """``sem_t``, process-shared: the value is the low 32 bits of its first word (glibc, musl)."""

    _fields_ = (
        ("value", ctypes.c_uint32),
        ("waiters", ctypes.c_uint32),
        ("opaque", ctypes.c_uint64 * 3),
    )


class Frame(ctypes.Structure):
    """One ring slot: one access unit in Annex B, and when it was captured."""

    _fields_ = (
        ("frame_number", ctypes.c_uint64),
        ("timestamp", Timespec),
        ("camera_id", ctypes.c_int32),
        ("width", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("format", ctypes.c_int32),
        ("data_size", ctypes.c_uint64),
        ("data", ctypes.c_uint8 * DATA_SIZE_MAX),
    )


class Ring(ctypes.Structure):
    """The whole segment of the stream."""

    _fields_ = (
        ("write_index", ctypes.c_uint32),
        ("frame_interval_ms", ctypes.c_uint32),
        ("new_frame_sem", Semaphore),
        ("frames", Frame * RING_SLOTS),
    )


class Detection(ctypes.Structure):
    """One bounding box, in pixels of the stream."""

    _fields_ = (
        ("class_name", ctypes.c_char * 32),
        ("confidence", ctypes.c_float),
        ("x", ctypes.c_int32),
        ("y", ctypes.c_int32),
        ("w", ctypes.c_int32),
        ("h", ctypes.c_int32),
    )


class Detections(ctypes.Structure):
    """The whole detections segment."""

    _fields_ = (
        ("frame_number", ctypes.c_uint64),
        ("timestamp", Timespec),
        ("num_detections", ctypes.c_int32),
        ("detections", Detection * DETECTIONS_MAX),
        ("version", ctypes.c_uint32),
        ("update_sem", Semaphore),
    )


def struct_format(fields: Sequence[tuple[Any, ...]]) -> str:
    """The same fields for ``struct``, native and aligned: integers, and structures of such."""
    return "".join(
        struct_format(kind._fields_) if issubclass(kind, ctypes.Structure) else kind._type_
        for _, kind, *_ in fields
    )


FRAME_HEADER_SIZE: Final = Frame.data.offset
FRAME_SIZE: Final = ctypes.sizeof(Frame)
RING_HEADER_SIZE: Final = Ring.frames.offset
RING_SIZE: Final = ctypes.sizeof(Ring)
DETECTIONS_SIZE: Final = ctypes.sizeof(Detections)
