"""RELIABILITY D9 and D10: one viewer stands still, or can no longer be sent to."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import pytest

from petstream.server import Server
from petstream.webrtc.adapter import MediaTransport, SrtpBuffer
from tests.camera_process import CameraProcess
from tests.faults.figures import holding
from tests.peer import Peer
from tests.peer_process import Arrival, PeerProcess, gaps_ms
from tests.scale import deadline_s, within
from tests.server_process import ServerProcess
from tests.waiting import wait_until

CLIP = "barcode-480p30"  # an IDR every second
STALL_S = 10.0
MEMORY_BYTES = 8 * 2**20
GAP_MS = 5.0  # what the scheduler adds by chance, in five processes on two cores


@pytest.fixture
def camera(segment_name: str) -> Iterator[None]:
    """A camera that stamps."""
    with CameraProcess(CLIP, segment_name, "--stamp"):
        yield


@pytest.mark.nightly
@pytest.mark.realtime
@pytest.mark.usefixtures("camera")
def test_d09_one_of_five_viewers_is_stopped(server_process: ServerProcess) -> None:
    """SIGSTOP for 10 s: the other four get everything as before, and memory does not grow.

    That the stopped one is live again is shown in Chromium: this peer is heard too seldom to be
    told from one that vanished.
    """
    server_process.wait_for_health("ok")
    with ExitStack() as stack:
        peers = [stack.enter_context(PeerProcess(server_process.urls["http"])) for _ in range(5)]
        for peer in peers:
            peer.wait_for(60)
        stopped, *others = peers
        before_s, memory = time.monotonic(), holding(server_process.process.pid).rss
        time.sleep(STALL_S)
        begin_s = time.monotonic()
        stopped.signal(signal.SIGSTOP)
        time.sleep(STALL_S)
        end_s = time.monotonic()
        stopped.signal(signal.SIGCONT)
        for peer in others:
            assert_unmoved(peer.between(before_s, begin_s), peer.between(begin_s, end_s))
        assert holding(server_process.process.pid).rss - memory < MEMORY_BYTES


def assert_unmoved(before: Sequence[Arrival], during: Sequence[Arrival]) -> None:
    """Nothing is missing, at least 29.5 a second come, and the long gaps are as long as before."""
    assert sum(arrival.lost for arrival in (*before, *during)) == 0, "packets are missing"
    numbers = [arrival.number for arrival in (*before, *during)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    within("frames a second missing", 30 - len(during) / STALL_S, 0.5)
    p99 = [gaps[len(gaps) * 99 // 100] for gaps in (gaps_ms(before), gaps_ms(during))]
    within(f"p99 of gaps in ms, {p99[0]:.1f} before", p99[1], 1.05 * p99[0] + GAP_MS)


def test_d10_a_sender_that_dies_is_closed_and_counted(
    server: Server, camera: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A viewer whose packets cannot be protected any more is gone in 3 s; the other stays."""
    del camera
    send: Callable[..., int] = MediaTransport.send
    used: set[MediaTransport] = set()
    broken: set[MediaTransport] = set()

    def fail(
        transport: MediaTransport, buffer: SrtpBuffer, offsets: Sequence[int], segment: int
    ) -> int:
        if transport in broken:
            raise RuntimeError("on purpose")
        used.add(transport)
        return send(transport, buffer, offsets, segment)

    monkeypatch.setattr(MediaTransport, "send", fail)
    with Peer(server.service.offer) as stays:
        stays.wait_for(30)
        known = set(used)
        with Peer(server.service.offer) as dies:
            dies.wait_for(30)
            errors = server.service.webrtc.counters().errors
            broken |= used - known
            assert len(broken) == 1
            viewers = server.service.viewers
            wait_until(lambda: len(viewers()) == 1, "the viewer closed", deadline_s(3))
            assert server.service.webrtc.counters().errors == errors + 1
            # Its place is free once its connection is closed, which is after it left the list.
            admission = server.service.webrtc.admission
            wait_until(lambda: admission.taken == 1, "its place given back", deadline_s(3))
            stays.wait_for_more(30)
            assert all(unit.lost == 0 for unit in stays.units)
