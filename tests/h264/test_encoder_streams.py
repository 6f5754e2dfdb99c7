"""Whole streams of a real encoder through the processor, judged by a real decoder."""

import random

import pytest

from petstream.h264.access_unit import AccessUnit
from petstream.h264.gop import GopCache
from petstream.h264.nal import is_random_access, nal_unit_type, split_annexb
from petstream.h264.processor import Processor
from tests.h264.builders import AUD, FILLER, annexb, make_slot
from tests.h264.encoding import decode, encode

# An IDR every five pictures, and nowhere else.
GOPS = {"g": "5", "sc_threshold": "0"}
BASELINE = {"profile": "baseline", **GOPS}
STREAMS = {
    "one slice": BASELINE,
    "four slices": {**BASELINE, "slices": "4"},
    "slices of 200 bytes": {**BASELINE, "x264-params": "slice-max-size=200"},
    "delimiters": {**BASELINE, "x264-params": "aud=1"},
    "constant bit rate with filler": {
        **BASELINE,
        "x264-params": "nal-hrd=cbr:filler=1:bitrate=2000:vbv-maxrate=2000:vbv-bufsize=2000",
    },
    "main profile": {"profile": "main", "bf": "0", **GOPS},
    "high profile, interlaced": {"profile": "high", "bf": "0", **GOPS, "x264-params": "tff=1"},
    "zero latency": {"tune": "zerolatency", **GOPS},
}


@pytest.fixture(scope="module")
def streams() -> dict[str, list[bytes]]:
    return {name: encode(128, 96, frames=12, options=o) for name, o in STREAMS.items()}


def process(stream: list[bytes], processor: Processor | None = None) -> list[AccessUnit]:
    processor = processor or Processor()
    return [processor.process(make_slot(data=d, sequence=i)) for i, d in enumerate(stream)]


def pictures(stream: list[bytes]) -> list[bytes]:
    return [bytes(frame.planes[0]) for frame in decode(stream)[1]]


@pytest.mark.parametrize("name", STREAMS)
def test_canonical_stream_decodes_to_the_same_pictures(
    streams: dict[str, list[bytes]], name: str
) -> None:
    """Leaving out delimiters and filler changes no sample of any picture."""
    units = process(streams[name])
    assert [unit.is_idr for unit in units] == [number % 5 == 0 for number in range(12)]
    assert not any(unit.discontinuity for unit in units)
    original = pictures(streams[name])
    assert len(original) == 12
    assert pictures([unit.annexb() for unit in units]) == original


@pytest.mark.parametrize("name", STREAMS)
def test_every_nal_unit_but_delimiters_and_filler_goes_on(
    streams: dict[str, list[bytes]], name: str
) -> None:
    """What the encoder wrote into an access unit is what comes out, byte for byte."""
    for data, unit in zip(streams[name], process(streams[name]), strict=True):
        written = [bytes(n) for n in split_annexb(data) if nal_unit_type(n) not in (9, 12)]
        assert list(map(bytes, unit.nal_units)) == written


def test_encoder_did_what_the_names_of_the_streams_say(streams: dict[str, list[bytes]]) -> None:
    """Slices, delimiters and filler are really there, so that the tests above mean something."""
    kinds = {n: [nal_unit_type(u) for d in s for u in split_annexb(d)] for n, s in streams.items()}
    assert kinds["four slices"].count(5) == 4 * 3
    assert kinds["slices of 200 bytes"].count(5) > 2 * 3
    assert kinds["delimiters"].count(9) == 12
    assert 12 in kinds["constant bit rate with filler"]


@pytest.mark.parametrize("name", STREAMS)
def test_newcomer_decodes_from_any_idr_without_its_headers(
    streams: dict[str, list[bytes]], name: str
) -> None:
    """An encoder that sends parameter sets once still lets anybody join at any IDR."""
    stream = [
        annexb(*(n for n in split_annexb(data) if number == 0 or nal_unit_type(n) not in (7, 8)))
        for number, data in enumerate(streams[name])
    ]
    units = process(stream)
    original = pictures(streams[name])
    for start in (0, 5, 10):
        assert units[start].is_idr
        assert pictures([u.annexb() for u in units[start:]]) == original[start:]


@pytest.mark.parametrize("seed", range(10))
def test_gop_cache_decodes_at_every_phase(streams: dict[str, list[bytes]], seed: int) -> None:
    """Whoever joins, at any access unit, decodes the cached GOP from its first picture."""
    units = process(streams["four slices"])
    cache: GopCache[AccessUnit] = GopCache()
    join = random.Random(seed).randrange(12)
    for unit in units[: join + 1]:
        cache.add(unit)
    joined = pictures([unit.annexb() for unit in cache.units()])
    original = pictures(streams["four slices"])
    assert joined == original[join - join % 5 : join + 1]


def test_b_frames_of_a_real_encoder_are_flagged() -> None:
    """B slices are seen in the stream that has them, and in no other."""
    options = {"profile": "main", "bf": "2", "b_strategy": "0", "sc_threshold": "0"}
    processor = Processor()
    process(encode(64, 48, frames=8, options=options), processor)
    assert processor.b_frames_seen
    assert processor.may_have_b_frames
    processor = Processor()
    process(encode(64, 48, frames=8, options={**options, "bf": "0"}), processor)
    assert not processor.b_frames_seen
    assert not processor.may_have_b_frames


def test_random_access_is_where_the_encoder_put_its_idr(streams: dict[str, list[bytes]]) -> None:
    """Delimiters and messages in front of the IDR slice do not hide it."""
    for stream in streams.values():
        assert [is_random_access(data) for data in stream] == [n % 5 == 0 for n in range(12)]


def test_what_a_camera_might_add_changes_no_picture(streams: dict[str, list[bytes]]) -> None:
    """Short start codes, padding, empty NAL units, filler and damage leave the stream whole."""
    padded = []
    for data in streams["four slices"]:
        units = [AUD, *split_annexb(data), FILLER, b"\x7e\x99", b"\xff\x99"]
        padded.append(b"\x00\x00\x01".join([b"", b"", *(bytes(u) + b"\x00\x00" for u in units)]))
    assert pictures([unit.annexb() for unit in process(padded)]) == pictures(streams["four slices"])
