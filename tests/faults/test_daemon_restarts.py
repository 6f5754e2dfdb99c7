"""RELIABILITY A4 and A5: the daemon dies in mid-copy, or makes its segment anew."""

import random
import time
from pathlib import Path

import pytest

from petstream.h264.nal import NalUnitType, nal_unit_type
from petstream.h264.sei import Stamp, find_stamp, stamp_crc
from petstream.shm.layout import FRAME_SIZE
from petstream.shm.ring import RingReader
from petstream.slot import Slot
from simulator import Fixture
from simulator.stamping import Stampable
from tests.c_writer import CWriter, Tally, written_count
from tests.library import loopback_petstream
from tests.peer import Peer, Received
from tests.scale import scaled, within
from tests.shm.ring_steps import StepRing, open_descriptors

DEATHS = scaled(3, 50)  # with each kind of restart
LIVES = scaled(3, 25)  # of a camera that a viewer watches
RECREATIONS = scaled(3, 100)
MS = 1_000_000
RESTART_S = 0.12  # systemd restarts after 100 ms, and that is fast


class Watcher:
    """A reader and what it read: the time by count, and what was wrong."""

    def __init__(self, reader: RingReader) -> None:
        self.reader = reader
        self.read_ns: dict[int, int] = {}
        self.tally = Tally()

    def watch(self, timeout_s: float) -> list[Slot]:
        """Read for so long."""
        deadline = time.monotonic() + timeout_s
        slots = []
        while (left_s := deadline - time.monotonic()) > 0:
            slots += self.reader.read(left_s)
        self.tally.take(slot.data for slot in slots)
        for slot in slots:
            count = written_count(slot.data)
            if count is not None:
                self.read_ns[count] = slot.read_ns
        return slots


@pytest.mark.parametrize("restart", ["keep", "reinit"])
def test_a04_killed_in_mid_copy(c_programs: Path, segment_name: str, restart: str) -> None:
    """Each torn slot is left out, and nothing else; the first of each new daemon comes, in 100 ms.

    The new daemon goes on with the semaphore as it is, or initialises it again.
    """
    rng = random.Random(4)
    posts: dict[int, int] = {}
    firsts = []
    with (
        CWriter(c_programs, segment_name, interval_us=10_000, frames=30) as first,
        RingReader(segment_name) as reader,
    ):
        watcher = Watcher(reader)
        while first.process.poll() is None:
            watcher.watch(0.05)
        for _ in range(DEATHS):
            die_at, die_after = (
                rng.randint(8, 14),
                rng.choice([rng.randint(1, 140_000), FRAME_SIZE]),
            )
            writer = CWriter(
                c_programs,
                segment_name,
                interval_us=20_000,
                log=True,
                die_at=die_at,
                die_after=die_after,
                **{restart: True},
            )
            while writer.process.poll() is None:
                watcher.watch(0.02)
            watcher.watch(RESTART_S)
            assert writer.wait() == -9
            posts |= writer.posts
            firsts.append(min(writer.posts))
    assert (watcher.tally.corrupt, watcher.tally.disordered) == (0, 0)
    late_ms = [(watcher.read_ns[count] - posts[count]) / MS for count in firsts]
    within("ms until a new daemon is read", max(late_ms), 100)


def test_a04_viewers_stay(segment_name: str, tmp_path: Path) -> None:
    """A viewer stays connected, gets each new daemon's IDR, in 100 ms, and never a torn slot."""
    clip = [Stampable.of(unit) for unit in Fixture.load("barcode-480p30").access_units[:12]]
    with (
        StepRing(segment_name) as ring,
        loopback_petstream(segment_name, tmp_path) as petstream,
        Peer(petstream.offer) as peer,
    ):
        peer.wait_for_state("connected")
        posted_ns = []
        for life in range(LIVES):
            posted_ns.append(live_and_die(ring, clip, life))
            time.sleep(RESTART_S)
        assert petstream.health()["webrtc_clients"] == 1
        assert peer.states.count("connected") == 1
    numbers = [sound_stamp(unit).frame_number for unit in peer.units]
    assert numbers == sorted(numbers)
    idrs = [
        unit for unit in peer.units if NalUnitType.IDR_SLICE in map(nal_unit_type, unit.nal_units)
    ]
    assert [sound_stamp(unit).frame_number for unit in idrs] == list(range(LIVES))
    late_ms = [(idr.arrived_ns - ns) / MS for idr, ns in zip(idrs, posted_ns, strict=True)]
    within("ms until a new daemon's IDR is there", max(late_ms), 100)


def live_and_die(ring: StepRing, clip: list[Stampable], life: int) -> int:
    """Write the clip and die in the copy of its last access unit; when the IDR was posted."""
    for unit in clip[:-1]:
        now_ns = time.monotonic_ns()
        ring.publish(unit.stamped(life, now_ns), capture_ns=now_ns)
        if unit is clip[0]:
            posted_ns = now_ns
        time.sleep(0.02)
    ring.tear(ring.claim(), clip[-1].stamped(life, time.monotonic_ns()))
    return posted_ns


def sound_stamp(unit: Received) -> Stamp:
    """The stamp of an access unit whose bytes are those it was written with."""
    stamp = find_stamp(unit.nal_units)
    assert stamp is not None
    assert stamp.crc == stamp_crc(unit.nal_units)
    return stamp


def test_a05_created_anew(c_programs: Path, segment_name: str) -> None:
    """Unlinked and made again, its index lower or higher: the first IDR comes, in 500 ms."""
    rng = random.Random(5)
    late_ms, descriptors = [], []
    with RingReader(segment_name) as reader:
        for _ in range(RECREATIONS + 1):
            begun_ns = time.monotonic_ns()
            start = rng.choice([0, 1, 2**32 - 5, rng.randrange(2**32)])
            with CWriter(c_programs, segment_name, interval_us=10_000, start=start):
                slot = first_of(reader, begun_ns)
            late_ms.append((slot.read_ns - begun_ns) / MS)
            assert slot.discontinuity
            descriptors.append(open_descriptors())
        assert reader.stats.attaches == RECREATIONS + 1
    within("ms until a new segment is read", max(late_ms[1:]), 500)
    assert len(set(descriptors)) == 1


def first_of(reader: RingReader, begun_ns: int) -> Slot:
    """The first slot of a daemon that began then."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for slot in reader.read(1):
            assert written_count(slot.data) is not None
            if slot.capture_ns > begun_ns:
                return slot
    raise AssertionError("nothing came of the new daemon")
