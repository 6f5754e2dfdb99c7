"""Whether access units decode, asked of the few that a power cut may have garbled.

Strategy: nothing is shown or kept; PyAV's decoder is told to put up with no error, and the first it
meets ends the count.
"""

from collections.abc import Iterable
from typing import Final

import av
from av.video.codeccontext import VideoCodecContext

__all__ = ["DOUBTFUL_TICKS", "count_decodable", "strict"]

# What was written so shortly before the end may not have been synced; five times the interval.
DOUBTFUL_TICKS: Final = 5 * 90_000


def strict(context: VideoCodecContext) -> VideoCodecContext:
    """A decoder that raises for what others conceal, with one thread."""
    context.options = {"err_detect": "explode"}
    context.thread_count = 1
    return context


def count_decodable(access_units: Iterable[bytes]) -> int:
    """How many of these, an IDR first, come before the first that does not decode."""
    decoder = strict(av.CodecContext.create("h264", "r"))
    count = 0
    try:
        for access_unit in access_units:
            if not decoder.decode(av.Packet(access_unit)):
                break
            count += 1
    except av.FFmpegError:
        pass  # here it ends
    return count
