"""The ring as the writer leaves it, seen from outside the process's own objects."""

import itertools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from petstream.errors import SegmentError
from petstream.shm.layout import (
    DATA_SIZE_MAX,
    FORMAT_H264,
    FRAME_HEADER_SIZE,
    FRAME_SIZE,
    RING_SIZE,
    RING_SLOTS,
    SEM_VALUE_MAX,
    Frame,
    Ring,
)
from simulator.ring_writer import RingWriter

from .ring_view import RingView, SeenFrame, segment_path


@pytest.fixture(scope="session")
def c_reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reader in C, compiled."""
    program = tmp_path_factory.mktemp("c") / "ring_reader"
    source = Path(__file__).with_name("ring_reader.c")
    flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(source)]
    subprocess.run(["cc", *flags, "-pthread", "-lrt"], check=True)
    return program


@pytest.fixture
def writer(segment: str) -> Iterator[RingWriter]:
    """A writer on a new segment."""
    with RingWriter(segment) as writer:
        yield writer


@given(
    data=st.binary(max_size=2000),
    frame_number=st.integers(0, 2**64 - 1),
    capture_ns=st.integers(0, 2**62),
    camera_id=st.integers(-(2**31), 2**31 - 1),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_slot_holds_what_was_written(
    writer: RingWriter, data: bytes, frame_number: int, capture_ns: int, camera_id: int
) -> None:
    """Every field and every byte stand where the layout has them."""
    with RingView.of(writer.name) as view:
        slot = writer.write(
            data,
            frame_number=frame_number,
            capture_ns=capture_ns,
            camera_id=camera_id,
            width=854,
            height=480,
        )
        expected = SeenFrame(frame_number, capture_ns, camera_id, 854, 480, FORMAT_H264, data)
        assert view.frame(slot) == expected


def test_a_program_in_c_gets_the_same_bytes(segment: str, c_reader: Path) -> None:
    """A reader that waits on the semaphore is woken by the write and sees all of it."""
    data = bytes(range(256)) * 500
    with RingWriter(segment) as writer:
        for _ in range(31):  # an index beyond one round, and nothing posted
            writer.claim()
        with subprocess.Popen([str(c_reader), segment], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            writer.write(
                data,
                frame_number=77,
                capture_ns=5_000_000_123,
                camera_id=2,
                width=1920,
                height=1080,
            )
            line = process.stdout.readline()
            rest = process.stdout.read()
        assert process.returncode == 0
        assert line.decode().split() == (
            f"{RING_SIZE} 32 77 5 123 2 1920 1080 {FORMAT_H264} {len(data)}".split()
        )
        assert rest == data
        assert writer.semaphore_value == 0


def test_the_index_rises_first_the_post_comes_last(segment: str) -> None:
    """Claim, copy, post: after each step exactly one thing has changed."""
    with RingWriter(segment) as writer, RingView.of(segment) as view:
        writer.write(b"old", frame_number=1, capture_ns=1)
        writer.fill(b"newer", frame_number=2, capture_ns=2)
        empty = view.frame(1)
        assert (view.write_index, view.semaphore_value) == (1, 1)

        slot = writer.claim()
        assert slot == 1
        assert (view.write_index, view.frame(1), view.semaphore_value) == (2, empty, 1)

        writer.copy(slot)
        assert (view.write_index, view.frame(1).data, view.semaphore_value) == (2, b"newer", 1)

        writer.post()
        assert (view.write_index, view.frame(1).data, view.semaphore_value) == (2, b"newer", 2)


def test_the_whole_frame_is_copied(segment: str) -> None:
    """The bytes behind the data travel too, as with the daemon: all 3,110,448 of them."""
    with RingWriter(segment) as writer, RingView.of(segment) as view:
        writer.frame.data[DATA_SIZE_MAX - 1] = 0xA5
        writer.write(b"short", frame_number=0, capture_ns=0)
        end = Ring.frames.offset + FRAME_SIZE
        assert os.pread(view.fd, 1, end - 1) == b"\xa5"
        assert os.pread(view.fd, 8, end) == bytes(8)


def test_the_semaphore_counts_finished_copies(segment: str) -> None:
    """Index minus value is the number of copies in flight."""
    with RingWriter(segment) as writer, RingView.of(segment) as view:
        for number in range(2 * RING_SLOTS + 5):
            assert writer.write(b"x", frame_number=number, capture_ns=0) == number % RING_SLOTS
            assert view.write_index == view.semaphore_value == number + 1
        writer.claim()
        assert view.write_index - view.semaphore_value == 1
        assert (writer.write_index, writer.semaphore_value) == (66, 65)


def test_the_index_wraps_at_2_to_the_32(segment: str) -> None:
    """After 4294967295 comes 0, and slots 16 to 29 are left out there."""
    with RingWriter(segment) as writer, RingView.of(segment) as view:
        os.pwrite(view.fd, (2**32 - 2).to_bytes(4, "little"), Ring.write_index.offset)
        slots = [writer.write(b"x", frame_number=0, capture_ns=0) for _ in range(4)]
        assert slots == [14, 15, 0, 1]
        assert view.write_index == 2


def test_a_full_semaphore_stays_full(segment: str) -> None:
    """A semaphore that nobody drains does not stop the camera when it saturates."""
    with RingWriter(segment) as writer, RingView.of(segment) as view:
        os.pwrite(view.fd, SEM_VALUE_MAX.to_bytes(4, "little"), Ring.new_frame_sem.offset)
        writer.write(b"x", frame_number=0, capture_ns=0)
        assert (view.write_index, view.semaphore_value) == (1, SEM_VALUE_MAX)


def test_the_largest_access_unit_fits_and_one_byte_more_does_not(segment: str) -> None:
    """3,110,400 bytes are written whole; beyond that nothing is, and both numbers are named."""
    data = bytes(itertools.islice(itertools.cycle(range(251)), DATA_SIZE_MAX))
    with RingWriter(segment) as writer, RingView.of(segment) as view:
        writer.write(data, frame_number=0, capture_ns=0)
        assert view.frame(0).data == data
        with pytest.raises(SegmentError, match="3110401 bytes, a slot holds 3110400"):
            writer.write(data + b"x", frame_number=1, capture_ns=0)
        assert view.write_index == 1


def test_the_interval_is_read_from_the_segment(segment: str) -> None:
    """What others ask for is seen, and 0 stands there at first."""
    with RingWriter(segment) as writer, RingView.of(segment) as view:
        assert writer.frame_interval_ms == 0
        view.ask_for_interval(100)
        assert writer.frame_interval_ms == 100


def test_a_restart_goes_on_where_the_dead_writer_stopped(segment: str) -> None:
    """Index, semaphore, interval and slots of a segment that is taken over stay as they are."""
    with RingWriter(segment) as dead, RingView.of(segment) as view:
        dead.write(b"before", frame_number=9, capture_ns=9)
        dead.write(b"before", frame_number=10, capture_ns=9)
        view.ask_for_interval(50)
        kept = segment_path(segment).with_name(segment[1:] + "_kept")
        kept.hardlink_to(segment_path(segment))
    try:
        with RingWriter(f"/{kept.name}") as writer, RingView.of(f"/{kept.name}") as view:
            assert not writer.created
            assert (view.write_index, view.semaphore_value) == (2, 2)
            assert view.frame(0).data == b"before"
            assert writer.frame_interval_ms == 50
            assert writer.write(b"after", frame_number=0, capture_ns=0) == 2
            assert (view.write_index, view.semaphore_value) == (3, 3)
        assert kept.exists()
    finally:
        kept.unlink()


def test_a_slot_that_does_not_exist_is_refused(segment: str) -> None:
    """Nothing is written beyond the ring."""
    with RingWriter(segment) as writer:
        for slot in (-1, RING_SLOTS):
            with pytest.raises(IndexError, match=f"slot {slot}"):
                writer.copy(slot)


def test_a_closed_writer_writes_nothing(segment: str) -> None:
    """Every step of a closed writer is an error, not a write through a stale address."""
    writer = RingWriter(segment)
    writer.close()
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.claim()
    with pytest.raises(ValueError, match="closed"):
        writer.post()
    with pytest.raises(ValueError, match="closed"):
        writer.copy(0)


def test_the_frame_header_is_48_bytes() -> None:
    """The view of these tests and the layout agree on where data begins."""
    assert FRAME_HEADER_SIZE == Frame.data.offset == 48
