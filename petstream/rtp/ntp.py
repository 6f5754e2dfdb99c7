"""Wall-clock time as RTP and RTCP carry it: 64-bit NTP timestamps (RFC 5905 section 6)."""

from typing import Final

__all__ = ["middle", "ntp_from_unix_ns"]

UNIX_EPOCH_S: Final = 2_208_988_800  # seconds from 1900 to 1970
SECOND_NS: Final = 1_000_000_000


def ntp_from_unix_ns(unix_ns: int) -> int:
    """Nanoseconds since 1970 as an NTP timestamp: seconds since 1900 in 32.32 bits."""
    seconds, rest = divmod(unix_ns, SECOND_NS)
    return ((seconds + UNIX_EPOCH_S) << 32 | (rest << 32) // SECOND_NS) & (1 << 64) - 1


def middle(ntp: int) -> int:
    """The middle 32 bits, in units of 1/65,536 s, by which reports refer to each other."""
    return ntp >> 16 & 0xFFFFFFFF
