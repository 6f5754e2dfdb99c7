"""Where access units begin, against an independent parser: FFmpeg's, by way of PyAV."""

from collections.abc import Iterator
from functools import cache

import av
from av.video.codeccontext import VideoCodecContext
from hypothesis import given
from hypothesis import strategies as st

from petstream.h264.access_units import split_access_units
from petstream.h264.nal import NalUnitType, nal_unit_type, split_annexb
from tests.h264.builders import AUD, SEI
from tests.h264.encoding import encode

STREAMS: dict[str, dict[str, str]] = {
    "one slice": {"profile": "baseline"},
    "four slices": {"profile": "baseline", "x264-params": "slices=4"},
    "b-frames": {"profile": "main", "x264-params": "bframes=2:b-adapt=0"},
    "short gops": {"x264-params": "keyint=2:repeat-headers=1"},
    "delimiters": {"x264-params": "aud=1:slices=2"},
}


@cache
def stream(name: str) -> tuple[tuple[bytes, ...], ...]:
    """The NAL units of an encoded stream, by access unit."""
    units = encode(64, 64, frames=7, options={"preset": "ultrafast", **STREAMS[name]})
    return tuple(tuple(map(bytes, split_annexb(unit))) for unit in units)


def parsed(data: bytes, step: int) -> Iterator[bytes]:
    """What FFmpeg's parser takes for access units, fed a few bytes at a time."""
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)
    for at in range(0, len(data), step):
        for packet in decoder.parse(data[at : at + step]):
            yield bytes(packet)
    for packet in decoder.parse(None):
        yield bytes(packet)


def nal_units(unit: bytes) -> list[bytes]:
    """Without start codes, on which two parsers may differ by a zero byte."""
    return [bytes(nal) for nal in split_annexb(unit)]


@given(
    st.sampled_from(sorted(STREAMS)),
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(3, 4)), min_size=7, max_size=7),
    st.integers(1, 2000),
)
def test_access_units_begin_where_ffmpeg_says(
    name: str, extras: list[tuple[bool, bool, int]], step: int
) -> None:
    """Whatever the slices, delimiters, messages and start codes, both cut at the same places."""
    data = b""
    for units, (aud, sei, size) in zip(stream(name), extras, strict=True):
        has_aud = nal_unit_type(units[0]) == NalUnitType.ACCESS_UNIT_DELIMITER
        front = [AUD] if aud and not has_aud else []
        # A delimiter is the first NAL unit of an access unit (7.4.1.2.3).
        messages = [SEI] if sei and not has_aud else []
        for nal in [*front, *messages, *units]:
            data += b"\0" * (size - 1) + b"\1" + nal
    found = [nal_units(unit) for unit in split_access_units(data)]
    assert found == [nal_units(unit) for unit in parsed(data, step)]
    assert len(found) == 7
