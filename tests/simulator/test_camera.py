"""The camera as a library: what it writes, when, and how it ends."""

import dataclasses
import itertools
import threading
import time

import pytest

from petstream.errors import SegmentError
from petstream.h264.nal import split_annexb
from petstream.h264.sei import find_stamp, stamp_crc
from petstream.shm.layout import DATA_SIZE_MAX, FORMAT_H264, RING_SLOTS
from simulator import Camera, Fixture, FixtureError, RingWriter

from .ring_view import RingView, segment_path

NS_PER_S = 1_000_000_000


def test_access_units_arrive_in_order_and_byte_for_byte(segment: str, clip: Fixture) -> None:
    """Slot after slot holds the next access unit of the clip, with number, size and camera."""
    camera = Camera(clip, shm=segment, speed=50, count=RING_SLOTS, camera_id=3, width=1, height=2)
    with camera, RingView.of(segment) as view:
        assert camera.wait(20)
        frames = [view.frame(slot) for slot in range(RING_SLOTS)]
    assert [frame.data for frame in frames] == list(clip.access_units[:RING_SLOTS])
    assert [frame.frame_number for frame in frames] == list(range(RING_SLOTS))
    assert {(f.camera_id, f.width, f.height, f.format) for f in frames} == {(3, 1, 2, FORMAT_H264)}
    assert camera.stats.access_units == RING_SLOTS
    assert camera.stats.bytes == sum(map(len, clip.access_units[:RING_SLOTS]))


def test_capture_times_are_exactly_one_interval_apart(segment: str, clip: Fixture) -> None:
    """The deadline is the capture time, so no jitter of the machine is in it."""
    before_ns = time.monotonic_ns()
    with Camera(clip, shm=segment, fps=100, count=20) as camera, RingView.of(segment) as view:
        assert camera.wait(20)
        times = [view.frame(slot).capture_ns for slot in range(20)]
    uneven = [b - a for a, b in itertools.pairwise(times) if b - a != NS_PER_S // 100]
    assert len(uneven) <= camera.stats.skipped
    assert times == sorted(times)
    assert before_ns <= times[0] <= times[-1] <= time.monotonic_ns()
    assert list(camera.stats.captures) == list(enumerate(times))


def test_a_clip_ends_after_its_last_access_unit(segment: str, clip: Fixture) -> None:
    """Without loop it is played once."""
    with Camera(clip, shm=segment, speed=100) as camera, RingView.of(segment) as view:
        assert camera.wait(20)
        assert view.write_index == len(clip.access_units) == camera.stats.access_units
    assert camera.stats.loops == 1


def test_a_loop_goes_on_from_the_beginning(segment: str, clip: Fixture) -> None:
    """After the last access unit comes the first, and the frame number goes on."""
    length = len(clip.access_units)
    with (
        Camera(clip, shm=segment, speed=200, loop=True, count=2 * length + 5) as camera,
        RingView.of(segment) as view,
    ):
        assert camera.wait(20)
        last = view.frame((2 * length + 4) % RING_SLOTS)
    assert (last.frame_number, last.data) == (2 * length + 4, clip.access_units[4])
    assert camera.stats.loops == 2


def test_stamps_name_the_slot_they_are_in(segment: str, clip: Fixture) -> None:
    """Number and time are those of the slot, and the CRC fits."""
    with (
        Camera(clip, shm=segment, speed=50, stamp=True, count=RING_SLOTS) as camera,
        RingView.of(segment) as view,
    ):
        assert camera.wait(20)
        for slot in range(RING_SLOTS):
            frame = view.frame(slot)
            nal_units = split_annexb(frame.data)
            stamp = find_stamp(nal_units)
            assert stamp is not None
            assert (stamp.frame_number, stamp.capture_ns) == (frame.frame_number, frame.capture_ns)
            assert stamp.crc == stamp_crc(nal_units)


def test_the_interval_in_the_segment_sets_the_pace(segment: str, clip: Fixture) -> None:
    """What others write there wins over rate and speed, as long as it is not 0."""
    camera = Camera(clip, shm=segment, fps="1/100", loop=True)
    with RingView.of(segment) as view:
        view.ask_for_interval(5)
        with camera:
            wait_for(lambda: view.write_index >= 20)
        times = [view.frame(slot).capture_ns for slot in range(1, 15)]
    uneven = [b - a for a, b in itertools.pairwise(times) if b - a != 5_000_000]
    assert len(uneven) <= camera.stats.skipped


def test_an_interval_of_zero_gives_the_rate_back(segment: str, clip: Fixture) -> None:
    """From slow to fast again while it runs."""
    camera = Camera(clip, shm=segment, fps=500, loop=True)
    with RingView.of(segment) as view:
        view.ask_for_interval(50)
        with camera:
            wait_for(lambda: view.write_index >= 2)
            view.ask_for_interval(0)
            wait_for(lambda: view.write_index >= 40)


def test_stopping_does_not_wait_for_the_next_access_unit(segment: str, clip: Fixture) -> None:
    """A camera that is to wait for a hundred seconds ends at once."""
    begin_s = time.monotonic()
    with Camera(clip, shm=segment, fps="1/100", loop=True) as camera:
        wait_for(lambda: camera.stats.access_units == 1)
        assert not camera.wait(0.01)
    assert time.monotonic() - begin_s < 50
    assert not camera.is_running
    assert not segment_path(segment).exists()


def test_run_plays_in_the_thread_that_calls_it(segment: str, clip: Fixture) -> None:
    """Without a thread of its own it stops when the event is set."""
    camera = Camera(clip, shm=segment, speed=100)
    stop = threading.Event()
    try:
        camera.run(stop)
        assert camera.stats.access_units == len(clip.access_units)
        stop.set()
        camera.run(stop)
        assert camera.stats.access_units == len(clip.access_units)
    finally:
        camera.close()


def test_what_ends_the_thread_is_raised_where_it_is_stopped(segment: str, clip: Fixture) -> None:
    """A camera that died in its thread says so, here of an access unit that fits no slot."""
    units = (clip.access_units[0], bytes(DATA_SIZE_MAX + 1))
    camera = Camera(dataclasses.replace(clip, access_units=units), shm=segment, speed=50)
    camera.start()
    assert camera.wait(20)
    with pytest.raises(SegmentError, match="a slot holds"):
        camera.stop()
    camera.stop()
    camera.close()
    assert camera.stats.access_units == 1


def test_a_camera_starts_once(segment: str, clip: Fixture) -> None:
    """A second start is an error and not a second thread."""
    with (
        Camera(clip, shm=segment, speed=100) as camera,
        pytest.raises(RuntimeError, match="started before"),
    ):
        camera.start()


def test_a_second_camera_on_the_segment_is_refused(segment: str, clip: Fixture) -> None:
    """Two cameras would write into each other's slots."""
    with RingWriter(segment), pytest.raises(SegmentError, match="has a writer already"):
        Camera(clip, shm=segment)


@pytest.mark.parametrize("bad", [{"fps": 0}, {"fps": -1}, {"speed": 0}, {"count": -1}])
def test_impossible_numbers_are_refused(segment: str, clip: Fixture, bad: dict[str, int]) -> None:
    """And no segment is made for them."""
    with pytest.raises(ValueError, match=r"rate|count"):
        Camera(clip, shm=segment, **bad)  # type: ignore[arg-type]
    assert not segment_path(segment).exists()


def test_a_clip_that_is_none_makes_no_segment(segment: str) -> None:
    """The clip is read before the segment is touched."""
    with pytest.raises(FixtureError, match="no clip"):
        Camera("nothing", shm=segment)
    assert not segment_path(segment).exists()


def wait_for(condition: object, timeout_s: float = 20) -> None:
    """Wait until the condition holds."""
    assert callable(condition)
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.002)
