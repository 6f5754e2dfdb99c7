"""The contract's figures for what goes wrong: each moves when it does, and no other one.

That those of a stream that is well move is seen in tests/e2e/test_metrics.py.
"""

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from petstream import Petstream, ServiceSettings
from petstream.metrics.contract import contract_metrics
from petstream.recording.syscalls import Syscalls
from petstream.webrtc.adapter import MediaTransport
from petstream.webrtc.negotiation import IceSettings
from petstream.webrtc.outlet import QUEUE_UNITS_MAX
from simulator import Fixture
from tests.handed import Handed
from tests.peer import Peer
from tests.waiting import wait_until

UNITS = Fixture.load("barcode-480p30").access_units
GOP = 30
CACHED = 10  # of the first GOP


class Figures:
    """The contract's figures, and what became of them since a moment."""

    def __init__(self, petstream: Petstream) -> None:
        self._petstream = petstream
        self._before = self.now()

    def now(self) -> dict[str, float]:
        """Every figure by its name, without the prefix they share."""
        return {
            metric.name.removeprefix("streaming_"): metric.samples[0].value
            for metric in contract_metrics(self._petstream)
        }

    def begin(self) -> None:
        """From now on."""
        self._before = self.now()

    def moved(self) -> set[str]:
        """Counters that have risen, but for those of what went well."""
        now = self.now()
        counters = {name for name in now if name.endswith(("dropped", "errors"))}
        return {name for name in counters if now[name] > self._before[name]}

    def wait_for(self, *names: str) -> None:
        """Wait until these have risen."""
        wait_until(lambda: self.moved() >= set(names), f"{names} to move")


Feed = Callable[[int], None]


@pytest.fixture
def source() -> Handed:
    """A source that has nothing yet."""
    return Handed()


@pytest.fixture
def petstream(source: Handed, tmp_path: Path) -> Iterator[Petstream]:
    """The system on that source."""
    settings = ServiceSettings(record_path=tmp_path, ice=IceSettings(addresses=("127.0.0.1",)))
    with Petstream(settings, source=source) as petstream:
        yield petstream


@pytest.fixture
def feed(source: Handed, petstream: Petstream) -> Feed:
    """Feeds it the clip's next access units; something is in its cache."""
    units = itertools.cycle(UNITS)

    def feed(count: int) -> None:
        source.feed(petstream, itertools.islice(units, count))

    feed(CACHED)
    return feed


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """What hangs until a test lets it go does so until its end."""
    released = threading.Event()
    yield released
    released.set()


@pytest.fixture
def figures(petstream: Petstream, feed: Feed) -> Figures:  # noqa: ARG001 - it comes first
    """The figures from now on."""
    return Figures(petstream)


@pytest.fixture
def viewer(petstream: Petstream, feed: Feed, figures: Figures) -> Iterator[Peer]:
    """A viewer that has its picture; figures are from then on."""
    with Peer(petstream.offer) as peer:
        feed(1)  # a picture is whole, for this peer, when the next one begins
        peer.wait_for(CACHED)
        wait_until(lambda: petstream.viewers()[0].queued == 0, "the last packets to be sent")
        figures.begin()
        yield peer


def test_all_is_well(feed: Feed, figures: Figures) -> None:
    """Nothing is counted as lost or failed."""
    feed(GOP)
    assert figures.moved() == set()


def test_what_is_no_access_unit(source: Handed, figures: Figures) -> None:
    """A process error, and a frame dropped."""
    source.give(b"no start code")
    figures.wait_for("process_errors", "frames_dropped")
    assert figures.moved() == {"process_errors", "frames_dropped"}


def test_what_cannot_be_read(source: Handed, figures: Figures) -> None:
    """A read error, and a frame dropped."""
    source.stats.rejected["format"] += 1
    assert figures.moved() == {"read_errors", "frames_dropped"}
    source.stats.read_errors += 1  # a segment that fails holds none that could be dropped
    assert figures.moved() == {"read_errors", "frames_dropped"}


@pytest.mark.usefixtures("viewer")
def test_a_viewer_whose_socket_is_full(
    feed: Feed, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is not sent until the next IDR is dropped; that is no error."""
    monkeypatch.setattr(MediaTransport, "send", lambda *_: 0)
    feed(
        QUEUE_UNITS_MAX + CACHED + 1
    )  # the cached GOP may still be under way, and has room of its own
    figures.wait_for("webrtc_frames_dropped")
    assert figures.moved() == {"webrtc_frames_dropped"}
    assert figures.now()["active_clients"] == 1


@pytest.mark.usefixtures("viewer")
def test_a_viewer_that_fails(feed: Feed, figures: Figures, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is closed, and counted as an error."""

    def fail(*_: object) -> int:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(MediaTransport, "send", fail)
    feed(1)
    figures.wait_for("webrtc_errors")
    wait_until(lambda: figures.now()["active_clients"] == 0, "the viewer closed")
    assert figures.now()["total_clients"] == 1


@pytest.mark.usefixtures("viewer")
def test_an_event_loop_that_stands_still(
    petstream: Petstream, feed: Feed, figures: Figures, released: threading.Event
) -> None:
    """The picture goes on."""
    blocked = threading.Event()

    def block() -> None:
        blocked.set()
        released.wait()

    before = figures.now()["webrtc_frames_sent"]
    petstream.webrtc.loop.call_soon(block)
    assert blocked.wait(10)
    feed(5)
    wait_until(lambda: figures.now()["webrtc_frames_sent"] == before + 5, "the picture")
    assert figures.moved() == set()


@pytest.mark.usefixtures("viewer")
def test_an_event_loop_that_stands_still_while_it_sends(
    petstream: Petstream, feed: Feed, figures: Figures, released: threading.Event
) -> None:
    """Its queue fills; once it is full, what does not fit is dropped."""
    sender = petstream.webrtc._sender
    assert sender is not None
    lock = sender.lock

    def block() -> None:
        with lock:
            released.wait()

    petstream.webrtc.loop.call_soon(block)
    wait_until(lock.locked, "the loop")
    feed(5)
    wait_until(lambda: figures.now()["webrtc_buffer_usage_percent"] > 0, "the queue to fill")
    assert figures.moved() == set()
    while not figures.moved():
        feed(1)
    assert figures.moved() == {"webrtc_frames_dropped"}
    released.set()
    wait_until(lambda: figures.now()["webrtc_buffer_usage_percent"] == 0, "an empty queue")


def test_a_disk_that_stands_still(
    petstream: Petstream,
    feed: Feed,
    figures: Figures,
    released: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The recorder's queue fills; once it is full, what does not fit is dropped."""
    write = Syscalls.write

    def wait(self: Syscalls, fd: int, data: bytes | memoryview) -> int:
        released.wait()
        return write(self, fd, data)

    petstream.start_recording()
    monkeypatch.setattr(Syscalls, "write", wait)
    feed(GOP)
    wait_until(lambda: figures.now()["recorder_buffer_usage_percent"] > 0, "the queue to fill")
    assert figures.moved() == set()
    while not figures.moved():
        feed(1)
    assert figures.moved() == {"recorder_frames_dropped"}
    released.set()
    wait_until(lambda: figures.now()["recorder_buffer_usage_percent"] == 0, "an empty queue")
    assert figures.now()["recording_bytes"] > figures.now()["recording_frames"] > 0
    petstream.stop_recording()


def test_a_disk_that_fails(
    petstream: Petstream, feed: Feed, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recording ends by an error."""

    def fail(*_: object) -> int:
        raise OSError(5, "input/output error")

    petstream.start_recording()
    assert figures.now()["recording_active"] == 1
    monkeypatch.setattr(Syscalls, "write", fail)
    feed(GOP)
    figures.wait_for("recorder_errors")
    wait_until(lambda: figures.now()["recording_active"] == 0, "the end of the recording")
