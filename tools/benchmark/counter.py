"""The C counter of RTP packets (``counter.c``), compiled when a benchmark begins."""

import ctypes
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["CAPACITY", "PacketCounter", "ReceivedUnit", "compile_counter"]

CAPACITY: Final = 120_000  # access units: more than an hour of 30 fps
SOURCE: Final = Path(__file__).with_name("counter.c")
DATAGRAM_MAX: Final = 2048
OTHERS_MAX: Final = 64
FULL: Final = -1
FAILED: Final = -2


class _Unit(ctypes.Structure):
    _fields_ = (
        ("timestamp", ctypes.c_uint32),
        ("packets", ctypes.c_uint32),
        ("first", ctypes.c_int64),
        ("last", ctypes.c_int64),
        ("complete_ns", ctypes.c_int64),
    )


class _Viewer(ctypes.Structure):
    _fields_ = (
        ("highest", ctypes.c_int64),
        ("count", ctypes.c_int64),
        ("capacity", ctypes.c_int64),
        ("units", ctypes.POINTER(_Unit)),
    )


class _Other(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_uint8 * DATAGRAM_MAX),
        ("size", ctypes.c_uint32),
        ("address", ctypes.c_uint32),
        ("port", ctypes.c_uint16),
    )


@dataclass(frozen=True, slots=True)
class ReceivedUnit:
    """What came of an access unit: all packets with one RTP timestamp.

    Attributes:
        timestamp: 32 bits.
        first, last: lowest and highest sequence number, not cut to 16 bits.
        packets: how many came.
        complete_ns: when the packet with the marker came; 0 if it did not.
    """

    timestamp: int
    first: int
    last: int
    packets: int
    complete_ns: int


def compile_counter(directory: Path) -> Path:
    """Compile the counter; the library's path."""
    library = directory / "counter.so"
    options = ("-O2", "-Wall", "-Werror", "-shared", "-fPIC")
    subprocess.run(["cc", *options, "-o", str(library), str(SOURCE)], check=True)
    return library


class PacketCounter:
    """Counts what comes for one viewer."""

    _others = (_Other * OTHERS_MAX)()  # one for all: between two calls nothing is kept in it

    def __init__(self, library: Path) -> None:
        self._drain: Any = ctypes.CDLL(str(library), use_errno=True).drain
        self._units = (_Unit * CAPACITY)()
        self._viewer = _Viewer(highest=-1, capacity=CAPACITY, units=self._units)
        self._reference = ctypes.byref(self._viewer)

    def drain(self, descriptor: int) -> Iterator[tuple[bytes, tuple[str, int]]]:
        """Empty a socket, and give each datagram that is not RTP with its sender's address.

        Raises:
            OverflowError: there have been too many access units.
            ConnectionError: the socket cannot be read.
        """
        found = self._drain(descriptor, self._reference, self._others)
        if found == FULL:
            raise OverflowError(f"more than {CAPACITY} access units came")
        if found == FAILED:
            raise ConnectionError(
                f"cannot read socket {descriptor}: {os.strerror(ctypes.get_errno())}"
            )
        for other in self._others[:found] if found else ():
            address = socket.inet_ntoa(struct.pack("=I", other.address))
            yield bytes(other.data[: other.size]), (address, other.port)

    def units(self) -> list[ReceivedUnit]:
        """What came so far, in the order of its coming."""
        return [
            ReceivedUnit(u.timestamp, u.first, u.last, u.packets, u.complete_ns)
            for u in self._units[: self._viewer.count]
        ]
