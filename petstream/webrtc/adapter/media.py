"""Packets that are already made, protected in place and handed to the kernel, many in one call."""

import asyncio
import errno
import itertools
import socket
import struct
from collections.abc import Sequence
from typing import Any, Final

from aiortc.rtcdtlstransport import RTCDtlsTransport
from pylibsrtp import Error as SrtpError
from pylibsrtp._binding import ffi, lib

__all__ = [
    "BATCH_PACKETS_MAX",
    "REPLAY_WINDOW",
    "SOL_UDP",
    "UDP_SEGMENT",
    "MediaTransport",
    "SrtpBuffer",
]

SOL_UDP: Final = 17
UDP_SEGMENT: Final = 103  # linux/udp.h
BATCH_BYTES_MAX: Final = 60_000  # below the 65,507 bytes of the largest datagram
BATCH_PACKETS_MAX: Final = 48  # of 1,232 bytes; UDP_MAX_SEGMENTS of Linux before 6.x is 64
SEND_BUFFER_BYTES: Final = 1 << 20  # a large IDR for one viewer, if the kernel grants it
STRIDES_MAX: Final = 64  # sizes of packets that pointers are kept for
INT: Final = struct.Struct("i")
REPLAY_WINDOW: Final = 1024  # of aiortc's SRTP sessions; older packets are not protected again
TAG_SIZES: Final = {
    b"SRTP_AEAD_AES_256_GCM": 16,
    b"SRTP_AEAD_AES_128_GCM": 16,
    b"SRTP_AES128_CM_SHA1_80": 10,
}
# Segmentation offload refused: by the device (EIO), the kernel (EINVAL, EOPNOTSUPP) or the path's
# MTU (EMSGSIZE).
GSO_REFUSED: Final = {errno.EIO, errno.EINVAL, errno.EOPNOTSUPP, errno.EMSGSIZE}


class SrtpBuffer:
    """A buffer in which packets are protected in place; one serves all viewers in turn."""

    def __init__(self) -> None:
        self._data = ffi.new("char[]", BATCH_BYTES_MAX)
        self.view = memoryview(ffi.buffer(self._data))
        lengths = ffi.new("int[]", BATCH_PACKETS_MAX)
        self._lengths = memoryview(ffi.buffer(lengths))
        self._length_of = [lengths + packet for packet in range(BATCH_PACKETS_MAX)]
        # A pointer to each packet, by the bytes of one; full fragments are nearly all there is.
        self._pointers: dict[int, list[Any]] = {}
        # Of the newest layout, which the viewers of a round share.
        self._layout: tuple[Sequence[int], int] | None = None
        self._packets: list[Any] = []  # a pointer to each
        self._unprotected = b""  # the length of each, without tag, as an array of int

    def protect(self, session: Any, offsets: Sequence[int], tag_size: int) -> None:
        """Encrypt and sign RTP packets that lie back to back, each with room for its tag.

        Args:
            session: an SRTP session of pylibsrtp.
            offsets: where each packet begins, from 0, and one more for the end of the last; up to
                BATCH_PACKETS_MAX packets in BATCH_BYTES_MAX bytes (ValueError), all of one size
                but the last.
            tag_size: bytes of that room.
        """
        layout = self._layout
        if layout is None or layout[0] is not offsets or layout[1] != tag_size:
            self._lay_out(offsets, tag_size)
        self._lengths[: len(self._unprotected)] = self._unprotected
        # The innermost loop of the server, once for each packet and viewer, runs in map().
        srtp = itertools.repeat(session._srtp[0])
        codes = map(lib.srtp_protect, srtp, self._packets, self._length_of)
        code = next(filter(None, codes), 0)
        if code:
            raise SrtpError(f"srtp_protect failed with status {code}")

    def _lay_out(self, offsets: Sequence[int], tag_size: int) -> None:
        count = len(offsets) - 1
        if count > BATCH_PACKETS_MAX:
            raise ValueError(f"{count} packets in one call, maximum is {BATCH_PACKETS_MAX}")
        if offsets[-1] > BATCH_BYTES_MAX:
            raise ValueError(f"{offsets[-1]} bytes in one call, maximum is {BATCH_BYTES_MAX}")
        stride, last = offsets[1], offsets[-1] - offsets[-2]
        self._packets = self._pointers_at(stride)[:count] if count > 1 else [self._data]
        self._unprotected = INT.pack(stride - tag_size) * (count - 1) + INT.pack(last - tag_size)
        self._layout = offsets, tag_size

    def _pointers_at(self, stride: int) -> list[Any]:
        pointers = self._pointers.get(stride)
        if pointers is None:
            if len(self._pointers) >= STRIDES_MAX:
                self._pointers.clear()
            starts = range(0, BATCH_PACKETS_MAX * stride, stride)
            pointers = self._pointers[stride] = [self._data + start for start in starts]
        return pointers


class MediaTransport:
    """Sends protected packets over the pair that ICE nominated; one thread at a time uses it."""

    def __init__(self, dtls: RTCDtlsTransport, loop: asyncio.AbstractEventLoop) -> None:
        """Take over the media path of a DTLS transport that is connected.

        Args:
            loop: the one that the transport lives on.
        """
        self._loop = loop
        self._session = dtls._tx_srtp
        self._ice = dtls.transport._connection
        ssl: Any = dtls._ssl
        self.tag_size = TAG_SIZES[ssl.get_selected_srtp_profile()]
        self.segmentation = True  # until the kernel or the path refuses it
        self._pair: Any = None
        self._socket: socket.socket | None = None  # None: through a TURN relay
        self._address: tuple[str, int] = ("", 0)

    def send(self, buffer: SrtpBuffer, offsets: Sequence[int], segment: int) -> int:
        """Protect packets laid out in ``buffer`` and send them.

        Args:
            buffer: packets back to back, each with room for its tag.
            offsets: where each packet begins, from 0, and one more for the end.
            segment: bytes of each packet but the last.

        Returns:
            How many were sent: all, or the first ones if the socket filled up.

        Raises:
            BlockingIOError: the socket is full; nothing was sent.
            OSError: the network refused it.
        """
        buffer.protect(self._session, offsets, self.tag_size)
        self._select()
        if self._socket is not None and self.segmentation and len(offsets) > 2:
            try:
                self._socket.sendmsg(
                    [buffer.view[: offsets[-1]]],
                    [(SOL_UDP, UDP_SEGMENT, struct.pack("H", segment))],
                    0,
                    self._address,
                )
            except OSError as exc:
                if exc.errno not in GSO_REFUSED:
                    raise
                self.segmentation = False
            else:
                return len(offsets) - 1
        for sent, (start, end) in enumerate(itertools.pairwise(offsets)):
            try:
                self._send_one(buffer.view[start:end])
            except BlockingIOError:
                if sent == 0:
                    raise
                return sent
        return len(offsets) - 1

    def send_rtcp(self, packet: bytes) -> None:
        """Protect one compound RTCP packet and send it."""
        self._select()
        self._send_one(memoryview(self._session.protect_rtcp(packet)))

    def close(self) -> None:
        """Let go of the socket."""
        self._pair = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send_one(self, datagram: memoryview) -> None:
        if self._socket is not None:
            self._socket.sendto(datagram, self._address)
        else:
            # A TURN relay is asyncio's business, and so the loop's.
            relay = self._pair.protocol.transport.sendto
            self._loop.call_soon_threadsafe(relay, bytes(datagram), self._address)

    def _select(self) -> None:
        """Follow the nominated pair, which a browser may change."""
        pair = self._ice._nominated.get(1)
        if pair is None:
            raise ConnectionError("ice has no nominated pair any more")
        if pair is self._pair:
            return
        self.close()
        self._pair, self._address = pair, pair.remote_addr
        if pair.local_candidate.type != "relay":
            self._socket = pair.protocol.transport.get_extra_info("socket").dup()
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
