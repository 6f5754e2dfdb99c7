"""One source's RTP packets, made once for all viewers whose packets have the same header.

Strategy: each viewer has an RTP session of its own, and an SSRC has to be unique within its session
only (RFC 3550 section 8.1). So the source has one SSRC and one time offset in all of them, and the
packets of viewers that negotiated the same payload type and extensions differ in nothing but their
sequence numbers. They are joined with their header for the first of these viewers; the others take
a copy and write their numbers into it. A source is the event loop's; its headers are for whoever
holds the sender's lock.
"""

import secrets
import struct
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from petstream.rtp.extensions import HeaderExtensions
from petstream.rtp.packets import Span

__all__ = ["MARKER", "RtpHeaders", "RtpSource"]

HEADER_SIZE: Final = 12  # of the fixed part
HEADER_FORMAT: Final = ">BBHII"  # RFC 3550 section 5.1
VERSION_2: Final = 0x80
EXTENSION: Final = 0x10
MARKER: Final = 0x80
TIMESTAMP_MASK: Final = (1 << 32) - 1


class RtpHeaders:
    """The headers of every stream with one SSRC, payload type, time offset and set of extensions.

    Attributes:
        size: bytes of one, extensions included.
    """

    def __init__(
        self, ssrc: int, payload_type: int, offset: int, extensions: HeaderExtensions
    ) -> None:
        """Make them.

        Args:
            ssrc, payload_type, extensions: as negotiated.
            offset: the RTP timestamp of tick 0.
        """
        self.size = HEADER_SIZE + extensions.size
        self._ssrc = ssrc
        self._payload_type = payload_type
        self._offset = offset
        self._extensions = extensions
        self._format = struct.Struct(f"{HEADER_FORMAT}{extensions.size}s")
        self._first_byte = VERSION_2 | (EXTENSION if extensions.size else 0)
        # The newest of each, which the viewers of a round share.
        self._unit: tuple[int, int] | None = None  # its ticks and capture time
        self._header = b""
        self._joined: tuple[bytes, Span] | None = None
        self._packets = bytearray()

    def timestamp(self, ticks: int) -> int:
        """The 32-bit RTP timestamp of ``ticks`` on the shared timeline."""
        return (self._offset + ticks) & TIMESTAMP_MASK

    def header(self, ticks: int, capture_ntp: int) -> bytes:
        """The header of an access unit's packets, without sequence number and marker.

        Args:
            ticks: on the shared timeline.
            capture_ntp: when it was captured, 64-bit NTP.
        """
        if self._unit != (ticks, capture_ntp):
            self._unit = ticks, capture_ntp
            self._header = self._format.pack(
                self._first_byte,
                self._payload_type,
                0,
                self.timestamp(ticks),
                self._ssrc,
                self._extensions.block(capture_ntp),
            )
        return self._header

    def packets(self, header: bytes, span: Span) -> bytearray:
        """Packets back to back, with ``header`` in front of each; only their numbers are missing.

        They are the caller's to read until the next call.
        """
        joined = self._joined
        if joined is None or joined[1] is not span or joined[0] != header:
            self._packets = bytearray(header.join(span.parts))
            if span.ends_unit:
                self._packets[span.offsets[-2] + 1] |= MARKER
            self._joined = header, span
        return self._packets


@dataclass(frozen=True, slots=True)
class RtpSource:
    """The stream's synchronization source (RFC 3550 section 3), the same for every viewer.

    Attributes:
        ssrc, rtx_ssrc: of the stream, and of what is retransmitted beside it (RFC 4588).
        offset: 32 random bits, the RTP timestamp of tick 0.
    """

    ssrc: int
    rtx_ssrc: int
    offset: int
    _headers: "weakref.WeakValueDictionary[tuple[object, ...], RtpHeaders]" = field(
        default_factory=weakref.WeakValueDictionary, repr=False, compare=False
    )

    @classmethod
    def random(cls) -> Self:
        """A new one."""
        ssrc = secrets.randbits(32)
        return cls(ssrc, ssrc ^ (1 + secrets.randbelow(TIMESTAMP_MASK)), secrets.randbits(32))

    def headers(self, payload_type: int, extensions: Mapping[str, int]) -> RtpHeaders:
        """The headers of those who negotiated this; kept as long as somebody uses them.

        Args:
            payload_type: as negotiated.
            extensions: likewise, id by URI.
        """
        key = payload_type, *sorted(extensions.items())
        headers = self._headers.get(key)
        if headers is None:
            made = HeaderExtensions(extensions)
            headers = RtpHeaders(self.ssrc, payload_type, self.offset, made)
            self._headers[key] = headers
        return headers
