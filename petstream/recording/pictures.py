"""Still pictures: one IDR decoded and encoded as JPEG, when somebody asks.

Strategy: PyAV decodes a single access unit with one thread of its own codec context, kept for
nothing else; nobody's stream is touched. The caller says which thread does it.
"""

from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange

from petstream.errors import NoPictureError

__all__ = ["THUMBNAIL_WIDTH", "first_picture", "jpeg_of_access_unit"]

THUMBNAIL_WIDTH: Final = 320
QUALITY: Final = "4"  # mjpeg's quantiser: 2 is best, 31 worst


def jpeg_of_access_unit(annexb: bytes) -> bytes:
    """The picture of an IDR access unit in its full size; raises NoPictureError."""
    try:
        decoder = av.CodecContext.create("h264", "r")
        decoder.thread_count = 1
        frames = [*decoder.decode(av.Packet(annexb)), *decoder.decode(None)]
    except av.FFmpegError as error:
        raise NoPictureError(f"the newest IDR cannot be decoded: {error}") from error
    pictures = [frame for frame in frames if isinstance(frame, av.VideoFrame)]
    if not pictures:
        raise NoPictureError("the newest IDR has no picture in it")
    return _jpeg(pictures[0], pictures[0].width)


def first_picture(path: Path, format: str) -> bytes:
    """The first picture of a file, no wider than a thumbnail; raises NoPictureError, OSError."""
    try:
        with av.open(str(path), format=format) as container:
            container.streams.video[0].codec_context.thread_count = 1
            frame = next(container.decode(video=0))
            return _jpeg(frame, min(THUMBNAIL_WIDTH, frame.width))
    except (av.FFmpegError, IndexError, StopIteration) as error:
        raise NoPictureError(f"{path.name} has no picture yet that can be decoded") from error


def _jpeg(frame: av.VideoFrame, width: int) -> bytes:
    height = max(2, round(frame.height * width / frame.width))
    picture = frame.reformat(
        width=width, height=height, format="yuvj420p", dst_color_range=ColorRange.JPEG
    )
    picture.pts = 0
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1)
    encoder.thread_count = 1
    encoder.options = {"qmin": QUALITY, "qmax": QUALITY}
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
