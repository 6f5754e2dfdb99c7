"""RELIABILITY A1: a writer that announces a slot before it has written it.

Strategy: one run for two readers, petstream's and the naive one that takes the newest slot as it
stands; what the first must never see, the second does see, so the run is able to show it.
"""

import statistics
import time
from pathlib import Path

import pytest

from petstream.shm.counts import slot_of
from petstream.shm.frame_header import parse_header
from petstream.shm.head import read_index
from petstream.shm.layout import FRAME_HEADER_SIZE, FRAME_SIZE, RING_HEADER_SIZE, RING_SIZE
from petstream.shm.ring import RingReader
from petstream.shm.segment import Segment
from tests.c_writer import CWriter, Tally, read_until, written_count
from tests.scale import scaled, within
from tests.waiting import wait_until

AT_30_FPS_US = 33_333

speeds = pytest.mark.parametrize("interval_us", [AT_30_FPS_US, 0], ids=["30fps", "unthrottled"])


def read_ring(name: str, units: int) -> Tally:
    """As petstream reads."""
    tally = Tally()
    with RingReader(name) as reader:
        read_until(reader, tally, units, timeout_s=2 * units / 30 + 30)
    return tally


def read_newest(name: str, units: int) -> Tally:
    """As the naive reader does: whatever slot the index names, as it stands."""
    tally = Tally()
    path = Path("/dev/shm") / name[1:]
    wait_until(lambda: path.exists() and path.stat().st_size == RING_SIZE, "the segment")
    with Segment(name, RING_SIZE) as segment:
        wait_until(lambda: read_index(segment, 0) >= 30, "something in every slot")
        last = read_index(segment, 0)
        while tally.units < units:
            index = read_index(segment, 0)
            if index == last:
                time.sleep(0.0002)
                continue
            last = index
            offset = RING_HEADER_SIZE + slot_of(index - 1) * FRAME_SIZE
            header = parse_header(segment.pread(FRAME_HEADER_SIZE, offset))
            tally.take([segment.pread(header.data_size, offset + FRAME_HEADER_SIZE)])
    return tally


@speeds
@pytest.mark.timeout(scaled(120, 36_000))
def test_a01_torn_reads(c_programs: Path, segment_name: str, interval_us: int) -> None:
    """No access unit is corrupt, and none comes twice or out of order."""
    units = scaled(90, 3_000) if interval_us else scaled(600, 1_000_000)
    with CWriter(c_programs, segment_name, interval_us=interval_us):
        tally = read_ring(segment_name, units)
    assert tally.units >= units
    assert (tally.corrupt, tally.disordered) == (0, 0)


@pytest.mark.nightly
@speeds
def test_a01_naive_reader_fails(c_programs: Path, segment_name: str, interval_us: int) -> None:
    """The same run shows corrupt access units to whoever takes the newest slot as it stands."""
    with CWriter(c_programs, segment_name, interval_us=interval_us):
        tally = read_newest(segment_name, 1_000)
    assert tally.corrupt > 0


@pytest.mark.nightly
@pytest.mark.realtime
def test_a01_latency(c_programs: Path, segment_name: str) -> None:
    """From the end of the write to the reader half of all access units take 2 ms at most."""
    with (
        CWriter(c_programs, segment_name, frames=300, log=True) as writer,
        RingReader(segment_name) as reader,
    ):
        read_ns = {}
        wait_until(lambda: reader.read(0.25), "the first access unit")
        while slots := reader.read(0.25):
            read_ns.update({written_count(slot.data): slot.read_ns for slot in slots})
        assert writer.wait() == 0
        latencies_ns = [read_ns[count] - writer.posts[count] for count in range(30, 300)]
    latencies_ns.sort()
    print(f"p99: {latencies_ns[len(latencies_ns) * 99 // 100] / 1e6:.3f} ms")
    within("ms from write to read, p50", statistics.median(latencies_ns) / 1e6, 2)
