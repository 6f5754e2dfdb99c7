"""One viewer's RTP stream: sequence numbers, counts and the history for NACK.

Strategy: what is the same for all viewers (payloads and headers) is shared and only referred to;
what is a viewer's own is a few integers. A lost packet is found again by its sequence number in a
short list of access units, so that a history of several large IDRs costs no copies.
"""

import secrets
import struct
from collections import deque
from typing import Final, NamedTuple

from petstream.rtp.headers import MARKER, RtpHeaders
from petstream.rtp.packets import PacketImage, Span

__all__ = ["RtpStream", "RtxStream", "SentUnit"]

SEQUENCE_MOD: Final = 1 << 16
# Two IDRs of 1 MB, and two seconds at 8 Mbit/s: what is asked for later has been played or skipped.
HISTORY_PACKETS: Final = 2048
LOW_BYTES: Final = bytes(range(256)) * 2  # 256 of them from any on


class SentUnit(NamedTuple):
    """An access unit as this viewer got it.

    Attributes:
        first: sequence number of its first packet, not cut to 16 bits.
        header: that of all its packets, extensions included, without sequence number and marker.
        image: its payloads.
    """

    first: int
    header: bytes
    image: PacketImage


class RtpStream:
    """The numbers of one outgoing RTP stream (RFC 3550).

    Attributes:
        headers: those of its packets.
        packets, octets: sent so far, and of payload in them, without retransmissions (section
            6.4.1).
    """

    def __init__(self, headers: RtpHeaders) -> None:
        self.headers = headers
        self.packets = 0
        self.octets = 0
        self._next = _first_sequence_number()
        self._history: deque[SentUnit] = deque()

    def begin(self, image: PacketImage, ticks: int, capture_ntp: int) -> SentUnit:
        """Take sequence numbers for an access unit, and remember it for retransmission.

        Args:
            image: laid out for the size of its headers.
            ticks: on the shared timeline.
            capture_ntp: when it was captured, 64-bit NTP.
        """
        unit = SentUnit(self._next, self.headers.header(ticks, capture_ntp), image)
        self._next += len(image)
        self._history.append(unit)
        while self._next - self._history[0].first > HISTORY_PACKETS and len(self._history) > 1:
            self._history.popleft()
        return unit

    def write(self, unit: SentUnit, span: Span, buffer: memoryview) -> None:
        """Write packets of ``unit`` to the beginning of ``buffer``, back to back.

        Args:
            span: which ones, of the unit's image; up to 256.
        """
        size = span.offsets[-1]
        buffer[:size] = self.headers.packets(unit.header, span)
        # All but the last have one size, so that a stride finds the same byte of each header.
        count, stride = span.end - span.first, span.segment
        high, low = divmod(unit.first + span.first, 256)
        before_carry = 256 - low
        highs = bytes((high & 0xFF,)) * min(count, before_carry)
        if count > before_carry:
            highs += bytes((high + 1 & 0xFF,)) * (count - before_carry)
        buffer[2:size:stride] = highs
        buffer[3:size:stride] = LOW_BYTES[low : low + count]

    def count_sent(self, unit: SentUnit, first: int, end: int) -> None:
        """Enter packets ``first`` to ``end`` into the sender's statistics."""
        image = unit.image
        count = end - first
        overhead = count * (image.header_size + image.tag_size)
        self.packets += count
        self.octets += image.offsets[end] - image.offsets[first] - overhead

    def find(self, sequence_number: int) -> tuple[SentUnit, int] | None:
        """The access unit and packet that went out under a 16-bit sequence number, if kept."""
        behind = (self._next - sequence_number) % SEQUENCE_MOD
        wanted = self._next - behind
        for unit in reversed(self._history):
            if unit.first <= wanted:
                packet = wanted - unit.first
                return (unit, packet) if packet < len(unit.image) else None
        return None

    def age(self, unit: SentUnit, packet: int) -> int:
        """How many packets ago a packet was given its number, itself included."""
        return self._next - unit.first - packet


class RtxStream:
    """The retransmission stream beside an RTP stream (RFC 4588, SSRC-multiplexed)."""

    def __init__(self, ssrc: int, payload_type: int) -> None:
        self.ssrc = ssrc
        self.payload_type = payload_type
        self._next = _first_sequence_number()

    def write(self, unit: SentUnit, packet: int, buffer: memoryview) -> int:
        """Write the retransmission of a packet, without a tag, into ``buffer``; its size."""
        payload = unit.image.payload(packet)
        size = len(unit.header)
        buffer[:size] = unit.header
        marker = MARKER if packet == len(unit.image) - 1 else 0
        struct.pack_into(">BH", buffer, 1, self.payload_type | marker, self._next % SEQUENCE_MOD)
        struct.pack_into(">I", buffer, 8, self.ssrc)
        struct.pack_into(">H", buffer, size, (unit.first + packet) % SEQUENCE_MOD)
        self._next += 1
        start = size + 2
        buffer[start : start + len(payload)] = payload
        return start + len(payload)


def _first_sequence_number() -> int:
    # In the lower half, so that a packet lost early is not taken for a wrap by SRTP
    # (RFC 3711 section 3.3.1).
    return secrets.randbelow(SEQUENCE_MOD // 2)
