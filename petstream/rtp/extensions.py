"""RTP header extensions in the one-byte form (RFC 8285 section 4.2), those that players ask for.

Strategy: which ones a viewer gets is settled when it is negotiated, so that the size of the block
never changes and packets keep their equal sizes. Of its bytes only the capture time differs from
one access unit to the next.
"""

import struct
from collections.abc import Mapping
from typing import Final

__all__ = ["ABS_CAPTURE_TIME", "BLOCK_MAX", "PLAYOUT_DELAY", "HeaderExtensions"]

ABS_CAPTURE_TIME: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
PLAYOUT_DELAY: Final = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"

ONE_BYTE: Final = 0xBEDE
IDS: Final = range(1, 15)
CAPTURE: Final = struct.Struct(">BQq")  # NTP capture time, and how far that clock is from ours: 0
DELAY: Final = b"\x00\x00\x00"  # 12 bits each, in 10 ms: at least 0, at most 0
BLOCK_MAX: Final = 28  # bytes with both


class HeaderExtensions:
    """The extensions of one RTP stream.

    Attributes:
        size: bytes of the block in every packet; 0 if there is none.
    """

    def __init__(self, ids: Mapping[str, int]) -> None:
        """Take the negotiated ones.

        Args:
            ids: by URI; those that are unknown here, or whose id needs the two-byte form, are left
                out.
        """
        usable = {uri: number for uri, number in ids.items() if number in IDS}
        self._capture_id = usable.get(ABS_CAPTURE_TIME)
        body = b""
        if PLAYOUT_DELAY in usable:
            body += self._head(usable[PLAYOUT_DELAY], len(DELAY)) + DELAY
        size = len(body) + (CAPTURE.size if self._capture_id is not None else 0)
        words = -(-size // 4)
        self.size = 4 * (words + 1) if words else 0
        self._begin = struct.pack(">HH", ONE_BYTE, words)
        self._end = body.ljust(4 * words - (size - len(body)), b"\x00")

    def block(self, capture_ntp: int) -> bytes:
        """The block for an access unit; empty if nothing was negotiated.

        Args:
            capture_ntp: its capture time, 64-bit NTP.
        """
        if not self.size:
            return b""
        if self._capture_id is None:
            return self._begin + self._end
        head = self._capture_id << 4 | CAPTURE.size - 2
        return self._begin + CAPTURE.pack(head, capture_ntp, 0) + self._end

    @staticmethod
    def _head(number: int, size: int) -> bytes:
        return bytes((number << 4 | size - 1,))
