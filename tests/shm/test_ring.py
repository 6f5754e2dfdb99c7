"""The ring's reader from "no daemon yet" on, and its cursor, with a daemon that the test is."""

import time

import pytest

from petstream.errors import ConfigError, SegmentError
from petstream.shm.layout import DATA_SIZE_MAX, RING_SIZE
from petstream.shm.ring import RingReader
from tests.shm.ring_steps import (
    StepRing,
    access_unit,
    attached,
    count_of,
    open_descriptors,
    read_all,
)
from tests.waiting import wait_until


def counts_of(reader: RingReader) -> list[int]:
    """The counts of all that is ready."""
    return [count_of(slot) for slot in read_all(reader)]


def test_started_before_the_daemon(segment_name: str) -> None:
    """Without a segment it waits as long as it was told to, says why, and attaches by itself."""
    with RingReader(segment_name) as reader:
        begun = time.monotonic()
        assert reader.read(0.15) == []
        assert 0.14 < time.monotonic() - begun < 5
        assert (reader.attached, reader.mode) == (False, "learning")
        assert reader.fault is not None
        assert reader.fault.reason == "missing"
        with StepRing(segment_name) as ring:
            ring.write(3)
            assert [count_of(slot) for slot in reader.read(5)] == [0, 1]
            assert reader.fault is None
            assert reader.stats.attaches == 1


def test_every_field_of_a_slot(segment_name: str) -> None:
    """What the daemon wrote beside the access unit arrives with it."""
    with attached(segment_name) as (ring, reader):
        ring.write_read(reader, 2)
        before_ns = time.monotonic_ns()
        header = {"frame_number": 77, "capture_ns": 5_000_000_009, "camera_id": 3}
        ring.publish(b"unit", width=640, height=480, **header)
        (slot,) = read_all(reader)
    assert (slot.sequence, slot.frame_number, slot.capture_ns) == (2, 77, 5_000_000_009)
    assert (slot.camera_id, slot.width, slot.height) == (3, 640, 480)
    assert (slot.data, slot.discontinuity) == (b"unit", False)
    assert before_ns <= slot.read_ns <= time.monotonic_ns()


def test_largest_access_unit(segment_name: str) -> None:
    """3,110,400 bytes come as they are, and several of them in more than one batch."""
    data = bytes(range(256)) * (DATA_SIZE_MAX // 256)
    with attached(segment_name) as (ring, reader):
        ring.write_read(reader, 2)
        for _ in range(5):
            ring.publish(data)
        first = reader.read(0)
        assert 1 <= len(first) < 5
        assert [slot.data == data for slot in [*first, *read_all(reader)]] == [True] * 5


def test_slot_in_mid_copy_is_waited_for(segment_name: str) -> None:
    """What was claimed and not posted does not come, however often one looks."""
    with attached(segment_name) as (ring, reader):
        ring.write_read(reader, 3)
        count = ring.claim()
        ring.tear(count)
        for _ in range(20):
            assert read_all(reader) == []
        ring.copy(count)
        ring.post()
        assert counts_of(reader) == [count]


def test_running_ring_is_entered_at_its_newest_idr(segment_name: str) -> None:
    """Who comes late begins where decoding can, and is told that something is missing."""
    with StepRing(segment_name) as ring:
        ring.write(100)
        idr = access_unit(87)
        with RingReader(segment_name, is_random_access=lambda data: data == idr) as reader:
            slots = read_all(reader)
    assert [count_of(slot) for slot in slots] == list(range(87, 99))
    assert [slot.discontinuity for slot in slots] == [True] + 11 * [False]


def test_running_ring_without_an_idr_is_entered_at_its_newest_slot(segment_name: str) -> None:
    """Nothing in the ring can be decoded: it waits for what comes."""
    with StepRing(segment_name) as ring:
        ring.write(100)
        with RingReader(segment_name, is_random_access=lambda _: False) as reader:
            assert counts_of(reader) == [98]


def test_index_that_begins_anew(segment_name: str) -> None:
    """A daemon that starts its count again on the same segment is followed from 0."""
    with attached(segment_name, index=1_000) as (ring, reader):
        ring.write_read(reader, 5)
        ring.index = ring.value = 0
        slots = ring.write_read(reader, 5)
    assert [count_of(slot) for slot in slots] == [0, 1, 2, 3, 4]
    assert [slot.discontinuity for slot in slots] == [True, False, False, False, False]
    sequences = [slot.sequence for slot in slots]
    assert sequences == list(range(sequences[0], sequences[0] + 5))


def test_segment_made_anew(segment_name: str) -> None:
    """The new one under the old name is taken, and the old one's descriptor is let go."""
    with StepRing(segment_name) as old, RingReader(segment_name) as reader:
        old.write_read(reader, 3)
        descriptors = open_descriptors()
        old.unlink()
        with StepRing(segment_name) as new:
            new.write(3)
            slots = reader.read(5)
            assert [count_of(slot) for slot in slots] == [0, 1]
            assert slots[0].discontinuity
            assert slots[0].sequence >= 3
            assert open_descriptors() == descriptors + 1  # the new ring's own
            assert (reader.stats.attaches, reader.stats.read_errors) == (2, 0)


def test_segment_made_anew_while_a_slow_camera_is_waited_for(segment_name: str) -> None:
    """However far off the next slot seems, the reader looks whether the segment is another."""
    with RingReader(segment_name) as reader:
        with StepRing(segment_name) as ring:
            ring.set_interval(60_000)
            ring.write_read(reader, 2)
        with StepRing(segment_name) as ring:
            ring.write(2)
            begun = time.monotonic()
            slots = reader.read(20)
            assert [count_of(slot) for slot in slots][:1] == [0]
            assert time.monotonic() - begun < 5


def test_renamed_segment_is_noticed(segment_name: str) -> None:
    """A hard link keeps the link count up; the name leads elsewhere all the same."""
    link = f"{segment_name}-link"
    with StepRing(segment_name) as old, RingReader(segment_name) as reader:
        old.write_read(reader, 3)
        other = old.path.with_name(link[1:])
        other.hardlink_to(old.path)
        try:
            old.unlink()
            with StepRing(segment_name) as new:
                new.write(3)
                assert [count_of(slot) for slot in reader.read(5)] == [0, 1]
        finally:
            other.unlink()


def test_unlinked_segment_in_use_is_read_on(segment_name: str) -> None:
    """A daemon that goes on under a lost name is followed; once silent it is given up."""
    with attached(segment_name) as (ring, reader):
        ring.write_read(reader, 3)
        ring.unlink()
        deadline = time.monotonic() + 0.7
        while time.monotonic() < deadline:
            assert len(ring.write_read(reader)) == 1
            time.sleep(0.02)
        wait_until(lambda: reader.read(0.05) == [] and not reader.attached, "the end")
        assert reader.fault is not None
        assert reader.fault.reason == "missing"
        assert "was unlinked" in str(reader.fault)


def test_cut_and_whole_again(segment_name: str) -> None:
    """A segment that was cut is let go, what it owed counted as lost, and taken up again."""
    with attached(segment_name) as (ring, reader):
        ring.write_read(reader, 3)
        ring.claim()
        read_all(reader)
        ring.truncate(100)
        wait_until(lambda: reader.read(0) == [] and not reader.attached, "it to be let go")
        assert reader.stats.slots_lost == 1
        assert reader.stats.read_errors == 1
        ring.truncate(RING_SIZE)
        wait_until(lambda: reader.read(0) == [] and reader.attached, "it to be taken up")
        ring.index = ring.value = 0
        assert [count_of(slot) for slot in ring.write_read(reader, 3)] == [0, 1, 2]


def test_cut_within_a_batch_delivers_what_was_whole(
    segment_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slots copied before the error still come; the error comes with the next look."""
    with attached(segment_name) as (ring, reader):
        ring.write_read(reader, 2)
        ring.write(4)
        segment = reader._segment
        assert segment is not None
        pread, left = segment.pread, [8]

        def fail_later(length: int, offset: int) -> bytes:
            left[0] -= 1
            if left[0] < 0:
                raise SegmentError("truncated", "cut by the test")
            return pread(length, offset)

        monkeypatch.setattr(segment, "pread", fail_later)
        assert [count_of(slot) for slot in reader.read(0)] == [2, 3]
        assert reader.read(0) == []
        assert not reader.attached
        assert reader.stats.slots_lost >= 1


def test_interval_is_passed_on(segment_name: str) -> None:
    """The ring's own field can be read from the reader."""
    with attached(segment_name) as (ring, reader):
        ring.set_interval(200)
        ring.write_read(reader)
        assert reader.frame_interval_ms == 200
        assert reader.last_claim_ns > 0


def test_closed_reader_reads_nothing(segment_name: str) -> None:
    """Closing twice is once, and a read after it returns at once."""
    with attached(segment_name) as (ring, reader):
        ring.write_read(reader, 2)
        reader.close()
        reader.close()
        ring.write(3)
        assert reader.read(10) == []
        assert not reader.attached


def test_bad_name() -> None:
    """A name that leads elsewhere is refused at once."""
    with pytest.raises(ConfigError):
        RingReader("/../etc/passwd")
