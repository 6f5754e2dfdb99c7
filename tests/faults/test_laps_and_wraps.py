"""RELIABILITY A2 and A3: the writer comes round, in the ring and in its own counting."""

import random
import time
from dataclasses import replace
from itertools import pairwise, takewhile
from pathlib import Path

import pytest

from petstream.shm.counts import is_safe
from petstream.shm.ring import RingReader
from petstream.slot import Slot
from tests.c_writer import CWriter, Tally, written_count
from tests.scale import scaled
from tests.shm.ring_steps import StepRing, attached, count_of, read_all

GOP = 10
LAPS = scaled(20, 1_000)
WRAP = 2**32


def is_gop_start(data: bytes) -> bool:
    """Whether the StepRing wrote this as a count at which a GOP begins."""
    return int(data[3 : data.index(b";")]) % GOP == 0


def is_c_gop_start(data: bytes) -> bool:
    """Likewise for the C program."""
    count = written_count(data)
    return count is not None and count % GOP == 0


def assert_gaps_are_told(slots: list[Slot], counts: list[int]) -> None:
    """A gap between counts is as wide in the sequence numbers, and marked on the slot after it."""
    for (before, first), (after, second) in pairwise(zip(slots, counts, strict=True)):
        gap = (second - first) % WRAP
        assert 0 < gap < WRAP // 2
        assert after.sequence - before.sequence == gap
        assert after.discontinuity == (gap > 1)


def test_a02_lapped_reader_goes_on_at_the_newest_idr(segment_name: str) -> None:
    """Lapped again and again, it skips to the newest IDR each time and counts what it missed."""
    rng = random.Random(2)
    delivered: list[Slot] = []
    with (
        StepRing(segment_name) as ring,
        RingReader(segment_name, is_random_access=is_gop_start) as reader,
    ):
        delivered += ring.write_read(reader, 3)
        for _ in range(LAPS):
            last = ring.write(rng.randint(31, 90))
            slots = read_all(reader)
            assert count_of(slots[0]) == last - last % GOP
            assert count_of(slots[-1]) == last
            delivered += slots
        stats = reader.stats
    counts = [count_of(slot) for slot in delivered]
    assert_gaps_are_told(delivered, counts)
    assert stats.slots_read == len(counts)
    assert stats.slots_lost == counts[-1] + 1 - len(counts)


def test_a02_reader_that_stops_is_lapped_by_the_real_writer(
    c_programs: Path, segment_name: str
) -> None:
    """A reader that stops for more than a lap of an unthrottled writer never gets a torn slot."""
    tally, starts = Tally(), 0
    slots: list[Slot] = []
    with (
        CWriter(c_programs, segment_name, interval_us=0, gop=GOP),
        RingReader(segment_name, is_random_access=is_c_gop_start) as reader,
    ):
        deadline = time.monotonic() + 90
        while reader.stats.slots_lost < 30 * LAPS:
            assert time.monotonic() < deadline
            batch = reader.read(0.25)
            tally.take(slot.data for slot in batch)
            starts += bool(batch) and batch[0].discontinuity and is_c_gop_start(batch[0].data)
            slots += [replace(slot, data=b"") for slot in batch]
            time.sleep(0.02)
    assert (tally.corrupt, tally.disordered) == (0, 0)
    assert starts > 0
    assert_gaps_are_told(slots, tally.counts)


@pytest.mark.parametrize("phase", range(30))
@pytest.mark.parametrize("lag_one", [False, True])
def test_a03_wrap(segment_name: str, phase: int, lag_one: bool) -> None:
    """Over 2^32 each count comes once and at once, wherever the reader came in."""
    start = WRAP - 1 - phase
    with attached(segment_name, index=start) as (ring, reader):
        ring.set_waiters(lag_one)
        slots = ring.write_read(reader, 90)
        assert reader.mode == ("lag one" if lag_one else "gate")
        assert reader.stats.slots_lost == reader.stats.torn == 0
    counts = [count_of(slot) for slot in slots]
    assert counts == [(start + n) % WRAP for n in range(90 - lag_one)]
    assert_gaps_are_told(slots, counts)


@pytest.mark.parametrize("held", range(1, 60))
def test_a03_backlog_over_the_wrap(segment_name: str, held: int) -> None:
    """A reader that looks again only after the wrap gets all that is still there, and no more.

    Near it a slot is claimed again 16 or 46 counts later instead of 30.
    """
    with attached(segment_name, index=WRAP - 50) as (ring, reader):
        ring.write_read(reader, 30)
        ring.write(held)
        counts = [count_of(slot) for slot in read_all(reader)]
        assert reader.stats.slots_lost == held - len(counts)
    owed = range(WRAP - 20, WRAP - 20 + held)
    there = list(takewhile(lambda count: is_safe(count, owed.stop), owed))
    if len(there) < held:
        there.append(owed[-1])
    assert counts == [count % WRAP for count in there]


def test_a03_real_writer(c_programs: Path, segment_name: str) -> None:
    """The C program counts over 2^32, and the reader follows without a corrupt or doubled slot."""
    tally = Tally()
    with (
        CWriter(
            c_programs, segment_name, interval_us=5_000, start=WRAP - 200, frames=400
        ) as writer,
        RingReader(segment_name) as reader,
    ):
        deadline = time.monotonic() + 20
        while tally.counts[-1:] != [199]:
            assert time.monotonic() < deadline, tally.counts[-1:]
            tally.take(slot.data for slot in reader.read(0.25))
        assert writer.wait() == 0
    assert (tally.corrupt, tally.disordered) == (0, 0)


def test_a03_index_zero_is_no_empty_ring(segment_name: str) -> None:
    """With the index just wrapped to 0 the last count before the wrap is waiting, and comes."""
    with StepRing(segment_name, index=WRAP - 3) as ring, RingReader(segment_name) as reader:
        ring.write_read(reader, 2)
        ring.write()
        assert ring.index == 0
        assert [count_of(slot) for slot in read_all(reader)] == [WRAP - 1]


def test_a03_daemon_that_counts_again_after_the_wrap(segment_name: str) -> None:
    """It begins at 0, with what it has written so far, and nothing of the count before."""
    with attached(segment_name, index=WRAP - 10) as (ring, reader):
        ring.write_read(reader, 40)
        ring.index = ring.value = 0
        ring.write(3)
        slots = read_all(reader) + ring.write_read(reader, 2)
    assert [count_of(slot) for slot in slots] == [0, 1, 2, 3, 4]
    assert [slot.discontinuity for slot in slots] == [True, False, False, False, False]
