"""RELIABILITY A6: a segment that is cut while it is read."""

import random
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from petstream.shm.layout import FRAME_SIZE, RING_HEADER_SIZE, RING_SIZE
from petstream.shm.ring import RingReader
from simulator import Fixture
from tests.library import loopback_petstream
from tests.peer import Peer
from tests.scale import scaled
from tests.shm.ring_steps import StepRing
from tests.waiting import wait_until

TRUNCATIONS = scaled(40, 1_000)
RINGS = 20  # cut at a time, because each reader waits 100 ms before it tries again
SIZES = (0, 4096, RING_HEADER_SIZE + FRAME_SIZE + 100, RING_HEADER_SIZE + 7 * FRAME_SIZE + 60_000)


def test_a06_truncated_while_read(segment_name: str) -> None:
    """Cut to nothing, to a page or in mid-slot, it is let go, and taken up again."""
    rng = random.Random(6)
    names = [f"{segment_name}-{number}" for number in range(RINGS)]
    with ExitStack() as stack:
        rings = [stack.enter_context(StepRing(name)) for name in names]
        readers = [stack.enter_context(RingReader(name)) for name in names]
        faults: Counter[str] = Counter()
        wait_until(lambda: all_attached(readers), "the readers to attach")
        for _ in range(TRUNCATIONS // RINGS):
            for ring in rings:
                for count in range(20):
                    ring.publish(b"%d;" % count * 20_000)
            cut = threading.Thread(target=cut_all, args=(rings, rng))
            cut.start()
            wait_until(lambda: [r for r in readers if poll(r)] == [], "the readers to let go")
            cut.join()
            faults.update(reader.fault.reason for reader in readers if reader.fault)
            for ring in rings:
                ring.truncate(RING_SIZE)
            wait_until(lambda: all_attached(readers), "the readers to attach again")
        assert sum(reader.stats.read_errors for reader in readers) == TRUNCATIONS
    assert faults.total() == TRUNCATIONS
    assert faults.keys() <= {"truncated", "empty", "wrong_size"}
    assert faults["truncated"] > 0, "no cut met a read"


def poll(reader: RingReader) -> bool:
    """Read what there is; whether the reader is attached."""
    reader.read(0)
    return reader.attached


def all_attached(readers: list[RingReader]) -> bool:
    """Whether each has its ring, after one more look."""
    return [reader for reader in readers if not poll(reader)] == []


def cut_all(rings: list[StepRing], rng: random.Random) -> None:
    """Truncate each ring, while others read."""
    for ring in rings:
        ring.truncate(rng.choice(SIZES))
        time.sleep(rng.random() / 1000)


def test_a06_viewers_stay(segment_name: str, tmp_path: Path) -> None:
    """A viewer of a camera whose segment is cut stays, and sees the next one's picture."""
    units = Fixture.load("barcode-480p30").access_units[:30]
    with (
        loopback_petstream(segment_name, tmp_path) as petstream,
        Peer(petstream.offer) as peer,
    ):
        for _ in range(3):
            with StepRing(segment_name) as ring:
                play(ring, units)
                ring.truncate(SIZES[2])
                wait_until(lambda: not petstream.pipeline.camera().attached, "it to be let go")
                health = petstream.health()
                assert health["status"] == "degraded"
                assert "no camera" in str(health["reasons"])
            with StepRing(segment_name) as ring:
                before = len(peer.units)

                def is_seen(ring: StepRing = ring, before: int = before) -> bool:
                    play(ring, units)  # again, if the reader came when the only IDR was over
                    return len(peer.units) >= before + 15

                wait_until(is_seen, "the next one's picture")
        assert peer.states.count("connected") == 1
        assert peer.state == "connected"


def play(ring: StepRing, units: tuple[bytes, ...]) -> None:
    """Write access units at 100 a second."""
    for unit in units:
        ring.publish(unit, capture_ns=time.monotonic_ns())
        time.sleep(0.01)
