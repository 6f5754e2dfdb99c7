"""RTCP extended reports (RFC 3611): how a viewer that sends nothing learns the round-trip time.

Strategy: the viewer tells its clock (section 4.4), and is told for how long that had been known
when the answer left (section 4.5). Chromium needs it to place our capture times on its own clock.
Everything else in a compound packet is stepped over by its length.
"""

import struct
from typing import Final, NamedTuple

__all__ = ["ReferenceTime", "delay_since", "reference_times"]

HEADER: Final = struct.Struct(">BBHI")  # version and count, type, length in words - 1, SSRC
BLOCK: Final = struct.Struct(">BBH")  # block type, specific, length in words
EXTENDED_REPORT: Final = 207
VERSION_2: Final = 0x80
REFERENCE_TIME: Final = 4
DELAY_SINCE: Final = 5
SUB_BLOCK: Final = struct.Struct(">III")  # SSRC, middle of its clock, delay in 1/65,536 s


class ReferenceTime(NamedTuple):
    """What a viewer's clock says.

    Attributes:
        ssrc: of the viewer.
        ntp: 64-bit NTP.
    """

    ssrc: int
    ntp: int


def reference_times(compound: bytes) -> list[ReferenceTime]:
    """The receiver reference times in a compound RTCP packet; what is cut off is passed over."""
    found = []
    position = 0
    while len(compound) - position >= HEADER.size:
        first, kind, words, ssrc = HEADER.unpack_from(compound, position)
        end = position + 4 * (words + 1)
        if first & 0xC0 != VERSION_2 or end > len(compound):
            break
        if kind == EXTENDED_REPORT:
            body = compound[position + HEADER.size : end]
            found += [ReferenceTime(ssrc, ntp) for ntp in _reference_blocks(body)]
        position = end
    return found


def _reference_blocks(body: bytes) -> list[int]:
    found = []
    while len(body) >= BLOCK.size:
        kind, _, words = BLOCK.unpack_from(body)
        content, body = body[BLOCK.size : 4 * (words + 1)], body[4 * (words + 1) :]
        if kind == REFERENCE_TIME and len(content) == 8:
            found.append(int.from_bytes(content, "big"))
    return found


def delay_since(ssrc: int, viewer_ssrc: int, last: int, delay: int) -> bytes:
    """An extended report with one DLRR block.

    Args:
        ssrc: ours.
        viewer_ssrc: of the reference time.
        last: its middle 32 bits.
        delay: since it came, in units of 1/65,536 s.
    """
    block = BLOCK.pack(DELAY_SINCE, 0, SUB_BLOCK.size // 4)
    block += SUB_BLOCK.pack(viewer_ssrc, last, min(delay, 0xFFFFFFFF))
    words = (HEADER.size + len(block)) // 4 - 1
    return HEADER.pack(VERSION_2, EXTENDED_REPORT, words, ssrc) + block
