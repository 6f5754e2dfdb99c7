"""RELIABILITY A8 to A11: numbers in a slot's header that cannot be true."""

import os
import random
import struct
import tracemalloc

import pytest

from petstream.rtp.timeline import Timeline
from petstream.shm.frame_header import parse_header
from petstream.shm.layout import DATA_SIZE_MAX, FORMAT_H264
from tests.shm.ring_steps import attached, count_of, read_all

DATA_SIZES = (0, 1, DATA_SIZE_MAX, DATA_SIZE_MAX + 1, 2**31, 2**32, 2**63, 2**64 - 1)
SEQUENCES = 100_000
BATCH = 20  # slots that wait in the ring
TIMELINES = 100_000

SECOND_NS = 1_000_000_000
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
PASSED_NS = (0, 1, 33_333_333, SECOND_NS)
MOVES = ((0, 33_333_333), (0, 0), (-1, 0), (3600, 0), (-3600, 0), (0, -1))
ODD_NSEC = (SECOND_NS, 2**62, -1, INT64_MIN, INT64_MAX)
ODD_TIMES = ((0, 0), (1_790_000_000, 5), (-1, 0), (INT64_MIN, INT64_MIN), (INT64_MAX, INT64_MAX))
HEADER = struct.Struct("<QqqiiiiQ")

NONSENSE = [
    *[("format", {"format": value}) for value in (0, 1, 2, 4, -1, 2**31 - 1, -(2**31))],
    *[("picture_size", {"width": value}) for value in (0, -1, 15, 4097, 2**31 - 1, -(2**31))],
    *[("picture_size", {"height": value}) for value in (0, -1, 15, 4097, 2**31 - 1, -(2**31))],
    *[("camera_id", {"camera_id": value}) for value in (-1, 256, 2**31 - 1, -(2**31))],
]


def test_a08_data_size(segment_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes from 0 to 2^64 - 1 are judged before a byte is allocated: never over 3,110,400."""
    asked: list[int] = []
    pread = os.pread

    def counted_pread(fd: int, length: int, offset: int) -> bytes:
        asked.append(length)
        return pread(fd, length, offset)

    with attached(segment_name) as (ring, reader):
        ring.write_read(reader, 2)
        monkeypatch.setattr(os, "pread", counted_pread)
        tracemalloc.start()
        for data_size in DATA_SIZES:
            count = ring.claim()
            ring.put_header(count, data_size=data_size)
            ring.post()
            sizes = [len(slot.data) for slot in read_all(reader)]
            assert sizes == ([data_size] if 1 <= data_size <= DATA_SIZE_MAX else [])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert reader.stats.rejected == {"data_size": len(DATA_SIZES) - 2}
    assert max(asked) == DATA_SIZE_MAX
    assert peak < 2 * DATA_SIZE_MAX


@pytest.mark.parametrize(("reason", "header"), NONSENSE)
def test_a09_nonsense(segment_name: str, reason: str, header: dict[str, int]) -> None:
    """A slot whose format, size or camera cannot be is skipped and counted; the next one comes."""
    with attached(segment_name) as (ring, reader):
        ring.write_read(reader, 2)
        ring.publish(b"never to be seen", **header)
        assert read_all(reader) == []
        assert reader.stats.rejected == {reason: 1}
        (slot,) = ring.write_read(reader)
        assert count_of(slot) == 3
        assert slot.discontinuity


def test_a10_frame_numbers(segment_name: str) -> None:
    """Numbers that repeat, go back or jump order nothing: every slot comes once, by its index.

    Each number begins a sequence of three.
    """
    rng = random.Random(10)
    with attached(segment_name) as (ring, reader):
        ring.write_read(reader, 2)
        count, last = ring.index, 0
        for _ in range(SEQUENCES // BATCH):
            numbers = [last := odd_number(rng, last) for _ in range(BATCH)]
            for number in numbers:
                ring.publish(b"%d" % ring.index, frame_number=number)
            slots = read_all(reader)
            counts = list(range(count, count + BATCH))
            assert [slot.frame_number for slot in slots] == numbers
            assert [int(slot.data) for slot in slots] == counts
            assert [slot.sequence for slot in slots] == counts
            assert not any(slot.discontinuity for slot in slots)
            count += BATCH


def odd_number(rng: random.Random, last: int) -> int:
    """A frame number that repeats the last, precedes it, follows it, or is any."""
    return rng.choice([last, max(0, last - 1), (last + 1) % 2**64, 0, rng.getrandbits(64)])


def test_a11_clocks() -> None:
    """Whatever the camera's clock does, RTP time rises with each access unit."""
    rng = random.Random(11)
    for _ in range(TIMELINES):
        timeline = Timeline()
        read_ns, last = rng.getrandbits(50), -1
        sec, nsec = divmod(read_ns, SECOND_NS)
        for _ in range(4):
            sec, nsec = odd_time(rng, sec, nsec)
            ticks = timeline.ticks(parse_header(header_at(sec, nsec)).capture_ns, read_ns)
            assert ticks > last
            last = ticks
            read_ns += rng.choice(PASSED_NS)


def odd_time(rng: random.Random, sec: int, nsec: int) -> tuple[int, int]:
    """The next timestamp: of a sound clock, a moved one, or none at all."""
    kind = rng.random()
    if kind < 0.5:
        seconds, nanoseconds = rng.choice(MOVES)
        return sec + seconds, nsec + nanoseconds
    return (sec, rng.choice(ODD_NSEC)) if kind < 0.75 else rng.choice(ODD_TIMES)


def header_at(sec: int, nsec: int) -> bytes:
    """The 48 bytes before an access unit of 100 bytes, captured then."""
    sec, nsec = (min(max(value, INT64_MIN), INT64_MAX) for value in (sec, nsec))
    return HEADER.pack(0, sec, nsec, 0, 1920, 1080, FORMAT_H264, 100)
