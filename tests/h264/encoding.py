"""Streams from a real encoder, libx264 by way of PyAV, and the decoder to judge them by."""

import random
from collections.abc import Iterable, Mapping
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext

__all__ = ["decode", "encode"]


def encode(
    width: int,
    height: int,
    *,
    frames: int = 2,
    pixel_format: str = "yuv420p",
    rate: Fraction = Fraction(30),
    options: Mapping[str, str] | None = None,
) -> list[bytes]:
    """Encode grey noise that drifts.

    Args:
        options: libx264's own, such as profile and x264-params.

    Returns:
        Access units in Annex B, in decoding order.
    """
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, pixel_format
    encoder.time_base, encoder.framerate = 1 / rate, rate
    encoder.options = dict(options or {})
    packets = []
    for number in range(frames):
        packets += encoder.encode(_picture(width, height, pixel_format, number))
    packets += encoder.encode(None)
    return [bytes(packet) for packet in packets]


def decode(access_units: Iterable[bytes]) -> tuple[VideoCodecContext, list[av.VideoFrame]]:
    """Decode access units; the decoder that comes back knows the stream's size and profile."""
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.thread_count = 1
    frames: list[av.VideoFrame] = []
    for data in access_units:
        frames += decoder.decode(av.Packet(data))
    frames += decoder.decode(None)
    return decoder, frames


def _picture(width: int, height: int, pixel_format: str, number: int) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, pixel_format)
    noise = random.Random(width)
    deep = pixel_format.endswith("10le")
    # Samples from the middle of the range: of one byte, or of two with the low byte first.
    shades = [b"\x00\x01", b"\x00\x02", b"\x00\x03"] if deep else [b"\x40", b"\x80", b"\xc0"]
    row = b"".join(noise.choice(shades) for _ in range(64))
    for plane in frame.planes:
        size = plane.buffer_size
        # Every picture is the one before, moved on by a sample: work for motion estimation.
        start = number * len(shades[0])
        plane.update((row * (size // len(row) + 2 + start // len(row)))[start : start + size])
    frame.pts = number
    return frame
