"""What the first server of this kind shipped, as far as recording, viewers and health go.

Each name is an entry of RELIABILITY's last paragraph; the others are in ``test_regressions``.
"""

import concurrent.futures
import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from petstream import Petstream, ServiceSettings
from petstream.errors import AlreadyRecordingError, NotRecordingError, TooManyViewersError
from petstream.h264.nal import NalUnitType, nal_unit_type, split_annexb
from petstream.recording import Recorder
from petstream.recording.syscalls import Syscalls
from petstream.webrtc.negotiation import IceSettings
from simulator import Camera
from simulator.viewer import Received
from tests.peer import Peer, make_offer
from tests.recording.helpers import (
    access_units,
    encode,
    new_source,
    put_all,
    running,
    wait_until,
)

MAX_VIEWERS = 2


@pytest.fixture
def petstream(segment_name: str, tmp_path: Path) -> Iterator[Petstream]:
    """The system without its ports, for two viewers, and no camera."""
    settings = ServiceSettings(
        shm=segment_name,
        record_path=tmp_path,
        max_viewers=MAX_VIEWERS,
        ice=IceSettings(addresses=("127.0.0.1",)),
    )
    with Petstream(settings) as petstream:
        yield petstream


@pytest.fixture
def slow_camera(segment_name: str) -> Iterator[Camera]:
    """A camera that sends an IDR every four seconds."""
    with Camera("barcode-480p30-gop4s", shm=segment_name, loop=True) as camera:
        yield camera


def has_idr(unit: Received) -> bool:
    """Whether decoding can begin there."""
    return NalUnitType.IDR_SLICE in map(nal_unit_type, unit.nal_units)


def test_nothing_read_while_idle(petstream: Petstream, slow_camera: Camera) -> None:
    """With no viewer and no recording the stream is read, so that whoever comes has a picture."""
    counters = petstream.pipeline.counters
    wait_until(lambda: slow_camera.stats.access_units > 30)
    wait_until(lambda: counters.published >= slow_camera.stats.access_units - 2)
    with Peer(petstream.offer) as peer:
        # Long before the camera sends its next IDR.
        assert has_idr(peer.wait_for(1)[0])
        assert slow_camera.stats.access_units < 119


def test_recording_before_the_first_idr(tmp_path: Path) -> None:
    """What comes before the first IDR is left out: a file begins with SPS, PPS and IDR."""
    recorder, source = Recorder(tmp_path), new_source()
    with running(recorder, source):
        recorder.start()
        put_all(source, access_units(encode(40))[3:])
        status = recorder.stop()
    kinds = map(nal_unit_type, split_annexb((tmp_path / str(status.filename)).read_bytes()))
    first = [kind for kind in kinds if kind != NalUnitType.SEI][:3]
    assert first == [NalUnitType.SPS, NalUnitType.PPS, NalUnitType.IDR_SLICE]
    assert status.frame_count == 30


def test_second_start_in_the_same_second_truncating_the_first_file(tmp_path: Path) -> None:
    """Three recordings in one second are three files, and none is changed by the next."""
    recorder, source = Recorder(tmp_path), new_source()
    sizes: dict[str, int] = {}
    with running(recorder, source):
        for turn in range(3):
            recorder.start()
            put_all(source, access_units(encode(10), first=10 * turn))
            status = recorder.stop()
            sizes[str(status.filename)] = status.bytes_written
    assert len(sizes) == 3
    assert {path.name: path.stat().st_size for path in tmp_path.glob("*.h264")} == sizes
    assert min(sizes.values()) > 0


class FullDisk(Syscalls):
    """Every write fails, once the disk is full.

    Attributes:
        is_full: from now on.
    """

    is_full = False

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Fail as a full disk does."""
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(fd, data)


def test_write_errors_ignored(tmp_path: Path) -> None:
    """A write that fails ends the recording, and its status says why."""
    disk, source = FullDisk(), new_source()
    recorder = Recorder(tmp_path, syscalls=disk)
    with running(recorder, source):
        recorder.start()
        disk.is_full = True
        put_all(source, access_units(encode(10)))
        wait_until(lambda: recorder.status().error is not None)
    assert not recorder.status().recording


def test_stop_racing_start(tmp_path: Path) -> None:
    """Sixteen threads start and stop at once: each success is one file, and it ends idle."""
    recorder, source = Recorder(tmp_path), new_source()
    begun: list[str] = []
    ended: list[str] = []

    def hurry(_: int) -> None:
        for _ in range(20):
            with contextlib.suppress(AlreadyRecordingError):
                begun.append(str(recorder.start().filename))
            with contextlib.suppress(NotRecordingError):
                ended.append(str(recorder.stop().filename))

    with running(recorder, source), concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(hurry, range(16)))
        assert not recorder.status().recording
    assert sorted(begun) == sorted(ended) == sorted(set(begun))
    assert sorted(path.name for path in tmp_path.glob("*.h264")) == sorted(begun)


def test_close_deadlocking_with_viewers_connected(
    segment_name: str, tmp_path: Path, slow_camera: Camera
) -> None:
    """Stop with two viewers and a recording returns in time, and nothing still runs."""
    del slow_camera
    settings = ServiceSettings(
        shm=segment_name, record_path=tmp_path, ice=IceSettings(addresses=("127.0.0.1",))
    )
    petstream = Petstream(settings)
    petstream.start()
    try:
        with Peer(petstream.offer) as first, Peer(petstream.offer) as second:
            first.wait_for(1)
            second.wait_for(1)
            petstream.start_recording()
            begin = time.monotonic()
            assert petstream.stop() == []
            assert time.monotonic() - begin <= 5.0
    finally:
        petstream.stop()


def test_max_clients_checked_then_added(petstream: Petstream) -> None:
    """Of many offers at once as many are answered as there is room for, and no more at any time."""
    offer = make_offer()
    seen: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            seen.append(len(petstream.viewers()))
            time.sleep(0.001)

    def ask(_: int) -> bool:
        try:
            petstream.offer(offer)
        except TooManyViewersError:
            return False
        return True

    watching = threading.Thread(target=look)
    watching.start()
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(ask, range(48)))
    over.set()
    watching.join()
    assert answers.count(True) == MAX_VIEWERS
    assert max(seen) <= MAX_VIEWERS


def test_duration_in_nanoseconds_under_a_name_in_milliseconds(tmp_path: Path) -> None:
    """Thirty access units at 30 a second last 1,000 ms."""
    recorder, source = Recorder(tmp_path), new_source()
    with running(recorder, source):
        recorder.start()
        put_all(source, access_units(encode(30)))
        duration = recorder.stop().to_json()["duration_ms"]
    assert isinstance(duration, int | float)
    assert abs(duration - 1000) <= 34


def test_clock_monotonic_read_as_unix_time(tmp_path: Path) -> None:
    """start_time and file name are the wall clock's, though the camera counts from boot."""
    recorder, source = Recorder(tmp_path), new_source()
    with running(recorder, source):
        before = datetime.now(UTC).replace(microsecond=0)
        recorder.start()
        put_all(source, access_units(encode(10)))
        status = recorder.stop().to_json()
        after = datetime.now(UTC)
    start = datetime.strptime(str(status["start_time"]), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    named = str(status["filename"]).removeprefix("recording_")[:15]
    assert before <= start <= after
    assert before <= datetime.strptime(named, "%Y%m%d_%H%M%S").replace(tzinfo=UTC) <= after


def test_health_always_ok(petstream: Petstream, segment_name: str) -> None:
    """No camera, a camera, and a camera that stopped are three answers."""
    assert petstream.health()["status"] == "degraded"
    with Camera("barcode-480p30", shm=segment_name, loop=True):
        wait_until(lambda: petstream.health()["status"] == "ok")
    wait_until(lambda: petstream.health()["status"] == "degraded")


def figure(petstream: Petstream, name: str) -> Callable[[], bool]:
    """Whether the only viewer's figure is above 0."""
    return lambda: all(getattr(viewer, name) > 0 for viewer in petstream.viewers())


def test_pli_thrown_away(petstream: Petstream, slow_camera: Camera) -> None:
    """A viewer that lost its picture gets one at once, not with the camera's next IDR."""
    with Peer(petstream.offer) as peer:
        peer.wait_for(1)
        wait_until(lambda: 10 < slow_camera.stats.access_units % 120 < 50)
        start, written = len(peer.units), slow_camera.stats.access_units
        while not any(map(has_idr, peer.units[start:])):
            # As decoders do, again and again; what comes too soon after an answer is not answered.
            peer.report_picture_loss()
            assert slow_camera.stats.access_units // 120 == written // 120, "it had to wait"
            time.sleep(0.1)
    assert slow_camera.stats.access_units // 120 == written // 120


def test_no_nack_answered(petstream: Petstream, slow_camera: Camera) -> None:
    """A packet that a viewer says it did not get is sent again."""
    del slow_camera
    with Peer(petstream.offer) as peer:
        peer.wait_for(20)
        peer.report_packet_loss()
        wait_until(figure(petstream, "retransmitted"))
        wait_until(lambda: peer.retransmitted > 0)
