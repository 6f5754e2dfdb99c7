"""Sources other than the ring: a raw file, and one of a user's own."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from petstream import FileSource, Petstream, Pipeline, ServiceSettings, Slot, SourceError
from petstream.h264.nal import split_annexb
from petstream.h264.sei import find_stamp
from petstream.webrtc.negotiation import IceSettings
from simulator import Fixture
from simulator.stamping import Stampable
from tests.h264.builders import annexb, make_slice
from tests.handed import Handed
from tests.media import count_frames
from tests.peer import Peer
from tests.waiting import wait_until

UNITS = Fixture.load("barcode-480p30").access_units


@pytest.fixture
def source() -> Handed:
    """A source that has nothing yet."""
    return Handed()


@pytest.fixture
def petstream(source: Handed, tmp_path: Path) -> Iterator[Petstream]:
    """The system on that source."""
    ice = IceSettings(addresses=("127.0.0.1",))
    settings = ServiceSettings(shm="/petstream-none", record_path=tmp_path, ice=ice)
    with Petstream(settings, source=source) as petstream:
        yield petstream


def test_a_source_of_ones_own_reaches_viewers_and_files(
    petstream: Petstream, source: Handed, tmp_path: Path
) -> None:
    """Every access unit of it, in order, to a viewer and into a recording that plays."""
    stamped = [Stampable.of(unit).stamped(n, n) for n, unit in enumerate(UNITS[:60])]
    # Before the only IDR comes, which a recorder that has nothing to record takes for the past.
    name = str(petstream.start_recording("h264")["filename"])
    source.give(stamped[0])
    wait_until(lambda: petstream.pipeline.camera().has_headers, "the parameter sets")
    with Peer(petstream.offer) as peer:
        peer.wait_for_state("connected")
        source.feed(petstream, stamped[1:])
        # A picture is complete for this peer when the next one begins.
        units = peer.wait_for(59)
        wait_until(lambda: petstream.recording_status()["frame_count"] == 60, "all of it on file")
        petstream.stop_recording()
    stamps = [find_stamp(unit.nal_units) for unit in units]
    assert [stamp.frame_number for stamp in stamps if stamp] == list(range(59))
    assert count_frames(tmp_path / name) == 60
    assert petstream.pipeline.counters.read == 60


def test_a_source_that_has_nothing_says_why(petstream: Petstream, source: Handed) -> None:
    """In /health, until it has something again."""
    source.give(*UNITS[:2])
    wait_until(lambda: petstream.health()["status"] == "ok", "all to be well")
    source.fault = SourceError("unplugged", "the cable is out: put it in")
    camera = petstream.pipeline.camera()
    assert (camera.attached, camera.fault_reason) == (False, "unplugged")
    assert "the cable is out: put it in" in str(petstream.health()["reasons"])
    source.fault = None
    source.give(*UNITS[2:4])
    wait_until(lambda: petstream.health()["status"] == "ok", "all to be well")


def test_a_source_that_raises_is_read_again(
    petstream: Petstream, source: Handed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread is named in /health, and goes on."""

    def fail(_: float) -> Sequence[Slot]:
        monkeypatch.undo()
        raise OSError("pulled out")

    monkeypatch.setattr(source, "read", fail)
    (reader,) = [thread for thread in petstream.threads if thread.name == "reader"]
    wait_until(lambda: reader.restarts == 1, "a restart")
    source.give(*UNITS[:5])
    wait_until(lambda: petstream.pipeline.counters.published == 5, "the picture")
    assert "pulled out" in str(petstream.health()["reasons"])


def test_a_source_is_closed_with_its_pipeline(source: Handed) -> None:
    """Once the thread that reads it has ended."""
    pipeline = Pipeline(source, on_fatal=lambda *_: None)
    pipeline.start()
    assert not source.closed
    assert pipeline.stop() == []
    assert source.closed


def test_a_file_is_played_as_it_is(tmp_path: Path) -> None:
    """Each access unit byte for byte, at the file's rate, and then it says that it has ended."""
    path = tmp_path / "clip.h264"
    path.write_bytes(b"".join(UNITS[:40]))
    source = FileSource(path, fps=200)
    slots: list[Slot] = []
    while source.attached:
        slots += source.read(0.05)
    assert b"".join(slot.data for slot in slots) == path.read_bytes()
    assert [slot.sequence for slot in slots] == list(range(40))
    assert {b.capture_ns - a.capture_ns for a, b in pairwise(slots)} == {5_000_000}
    assert all(slot.read_ns >= slot.capture_ns for slot in slots)
    assert str(source.fault) == "clip.h264 has ended: 40 access units"
    assert source.read(0) == []


def test_a_file_begins_again(tmp_path: Path) -> None:
    """With loop there is no end, and time goes on."""
    path = tmp_path / "clip.h264"
    path.write_bytes(b"".join(UNITS[:4]))
    source = FileSource(path, fps=500, loop=True)
    slots = [slot for _ in range(200) for slot in source.read(0.05)][:10]
    wanted = [split_annexb(UNITS[n % 4]) for n in range(10)]
    assert [split_annexb(slot.data) for slot in slots] == wanted
    assert all(a.capture_ns < b.capture_ns for a, b in pairwise(slots))
    assert source.fault is None


def test_a_file_has_the_rate_of_its_sps() -> None:
    """Unless told otherwise."""
    path = Path("fixtures/barcode-480p30.h264")
    assert FileSource(path).fps == pytest.approx(30)
    assert FileSource(str(path), fps=12.5).fps == 12.5
    with pytest.raises(ValueError, match="fps is 0, it has to be above 0"):
        FileSource(path, fps=0)


def test_a_source_may_be_a_container(tmp_path: Path) -> None:
    """One that has a length, and is empty, is a source all the same."""

    class Queue(Handed):
        def __len__(self) -> int:
            return len(self.waiting)

    source = Queue()
    petstream = Petstream(ServiceSettings(record_path=tmp_path), source=source)
    assert petstream.pipeline.source is source


def test_a_file_with_a_broken_sps_has_the_usual_rate(tmp_path: Path) -> None:
    """Whether it can be shown is for others to say."""
    path = tmp_path / "clip.h264"
    path.write_bytes(b"\0\0\0\1\x67\xff" + annexb(make_slice(idr=True)))
    assert FileSource(path).fps == 30


def test_what_is_no_file_of_pictures_is_refused(tmp_path: Path) -> None:
    """In words, when it is made."""
    with pytest.raises(SourceError, match=r"none\.h264 cannot be read: No such file"):
        FileSource(tmp_path / "none.h264")
    (tmp_path / "text.h264").write_text("this is text")
    with pytest.raises(SourceError, match="has no picture in it"):
        FileSource(tmp_path / "text.h264")
