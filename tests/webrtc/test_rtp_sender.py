"""The fan-out: timed and packetized once, in turns, and one viewer's fault is its own."""

import asyncio
import itertools
import time
from collections.abc import Callable

import pytest

from petstream.h264.access_unit import AccessUnit
from petstream.rtp.ntp import ntp_from_unix_ns
from petstream.rtp.packets import PacketImage, Packets
from petstream.webrtc import rtp_sender
from petstream.webrtc.outlet import BURST_PACKETS, QUEUE_UNITS_MAX
from petstream.webrtc.rtp_sender import PACKETS_A_MS, ROUND_PAUSE_S, RtpSender
from tests.webrtc.fakes import Viewing

MS = 1_000_000
INTERVAL_NS = 33_333_333


class ManualLoop:
    """Runs a callback when it is told to."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []
        self.delays_s: list[float] = []

    def call_later(self, delay: float, callback: Callable[[], None]) -> None:
        """See asyncio."""
        assert 0 <= delay < 0.01
        self.due.append(callback)
        self.delays_s.append(delay)

    def run(self) -> int:
        """Run all that is due, and all that becomes due; how many times that was."""
        count = 0
        while self.due:
            self.due.pop(0)()
            count += 1
        return count

    def run_once(self) -> None:
        """Run what is due now; a viewer whose socket is full asks again and again."""
        due, self.due = self.due, []
        for callback in due:
            callback()


class Fanout:
    """A sender, and the stream that it is given."""

    def __init__(self) -> None:
        self.loop = ManualLoop()
        self.sent_s: list[float] = []
        self.sender = RtpSender(
            self.loop.call_later, on_sent=lambda _: None, on_all_sent=self.sent_s.append
        )
        self.number = -1
        self._capture_ns = time.monotonic_ns() - 100 * MS

    def viewing(self) -> Viewing:
        """One more viewer."""
        viewing = Viewing()

        def on_dead(error: Exception) -> None:
            raise AssertionError from error

        self.sender.add(viewing.outlet, on_dead)
        return viewing

    def unit(self, *, idr: bool = False, size: int = 3000) -> None:
        """The next access unit."""
        self.number += 1
        self._capture_ns += INTERVAL_NS
        nal = (b"\x65" if idr else b"\x41") + self.number.to_bytes(4, "big")
        self.sender.send(
            AccessUnit(
                nal_units=(memoryview(nal.ljust(size, b"\xa5")),),
                size=size,
                is_idr=idr,
                discontinuity=False,
                sequence=self.number,
                frame_number=self.number,
                capture_ns=self._capture_ns,
                read_ns=self._capture_ns,
                camera_id=0,
                parameter_sets=None,
            )
        )


@pytest.fixture
def fanout() -> Fanout:
    """With no viewer yet."""
    return Fanout()


def test_every_viewer_gets_every_unit(fanout: Fanout) -> None:
    """From the cached GOP on, wherever in it the viewer came."""
    early = fanout.viewing()
    fanout.unit(idr=True)
    fanout.unit()
    late = fanout.viewing()
    fanout.unit()
    fanout.loop.run()
    for viewing in (early, late):
        assert viewing.transport.units() == [(0, True), (1, False), (2, False)]


def test_a_unit_is_packetized_once(fanout: Fanout, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many viewers there are; and never if there is none."""
    laid_out: list[int] = []
    lay_out = Packets._lay_out

    def counted(packets: Packets, header_size: int, tag_size: int) -> PacketImage:
        laid_out.append(header_size)
        return lay_out(packets, header_size, tag_size)

    monkeypatch.setattr(Packets, "_lay_out", counted)
    fanout.unit(idr=True)
    assert laid_out == []
    for _ in range(5):
        fanout.viewing()
    for _ in range(3):
        fanout.unit()
    fanout.loop.run()
    assert len(laid_out) == fanout.sender.packetized == 4


def test_viewers_take_turns(fanout: Fanout) -> None:
    """After each round every viewer has as much of a large IDR as the others."""
    viewers = [fanout.viewing() for _ in range(4)]
    fanout.unit(idr=True, size=180_000)
    while fanout.loop.due:
        counts = {len(viewing.transport.packets) for viewing in viewers}
        assert len(counts) == 1
        fanout.loop.due.pop(0)()
    assert [viewing.transport.units() for viewing in viewers] == [[(0, True)]] * 4


def test_a_small_unit_leaves_at_once(fanout: Fanout) -> None:
    """Without a timer."""
    viewing = fanout.viewing()
    fanout.unit(idr=True, size=30_000)
    assert not fanout.loop.due
    assert viewing.transport.units() == [(0, True)]
    assert len(fanout.sent_s) == 1


@pytest.mark.parametrize(("long_ns", "pause_s"), [(0, 0.0), (10**12, ROUND_PAUSE_S)])
def test_a_round_that_took_long_is_its_own_pause(
    fanout: Fanout, monkeypatch: pytest.MonkeyPatch, long_ns: int, pause_s: float
) -> None:
    """The next one follows at once; after a short one receive buffers are given time."""
    monkeypatch.setattr(rtp_sender, "LONG_ROUND_NS", long_ns)
    viewing = fanout.viewing()
    fanout.unit(idr=True, size=180_000)
    fanout.loop.run()
    assert viewing.transport.units() == [(0, True)]
    assert set(fanout.loop.delays_s) == {pause_s}


def test_a_unit_behind_another_is_not_sent_yet(fanout: Fanout) -> None:
    """It waits for a viewer that is still being sent the one before; then both are."""
    fanout.viewing()
    fanout.unit(idr=True, size=180_000)
    fanout.unit()
    assert fanout.sent_s == []
    fanout.loop.run()
    assert len(fanout.sent_s) == 1


def test_one_viewers_fault_is_its_own(fanout: Fanout) -> None:
    """It is told of and sent nothing more; the others get everything."""
    first, broken, last = Viewing(), Viewing(), Viewing()
    dead: list[Exception] = []
    for viewing in (first, broken, last):
        fanout.sender.add(viewing.outlet, dead.append)
    broken.transport.failure = RuntimeError("srtp_protect failed")
    fanout.unit(idr=True)
    broken.transport.failure = None
    fanout.unit()
    assert not dead, "it is for the event loop to tell"
    fanout.loop.run()
    assert [str(error) for error in dead] == ["srtp_protect failed"]
    assert first.transport.units() == last.transport.units() == [(0, True), (1, False)]
    assert broken.transport.units() == []


def test_one_viewers_full_socket_is_its_own(fanout: Fanout) -> None:
    """The others are not held up."""
    slow, quick = fanout.viewing(), fanout.viewing()
    slow.transport.room = 1
    fanout.unit(idr=True)
    fanout.unit()
    assert quick.transport.units() == [(0, True), (1, False)]
    assert slow.transport.units() == []
    slow.transport.room = None
    fanout.loop.run()
    assert slow.transport.units() == [(0, True), (1, False)]


def test_d09_a_viewer_that_stalls_is_live_again_at_an_idr(fanout: Fanout) -> None:
    """Ten seconds of a socket that takes nothing: bounded, whole GOPs after it, others unharmed."""
    stalled, *others = [fanout.viewing() for _ in range(5)]
    most = 0

    def play(units: int) -> None:
        nonlocal most
        for _ in range(units):
            fanout.unit(idr=(fanout.number + 1) % 30 == 0)
            fanout.loop.run_once() if stalled.transport.room == 0 else fanout.loop.run()
            most = max(most, stalled.outlet.queued)

    play(40)  # so that its queue is full in mid-GOP
    before = len(stalled.transport.units())
    stalled.transport.room = 0
    play(300)
    assert 0 < most <= QUEUE_UNITS_MAX + 1
    stalled.transport.room = None
    play(50)
    everything = [(number, number % 30 == 0) for number in range(390)]
    for viewing in others:
        assert viewing.transport.units() == everything
        assert (viewing.outlet.dropped, viewing.errors) == (0, [])
    units = stalled.transport.units()
    assert units[-30:] == everything[-30:], "it is not live within a GOP"
    assert stalled.outlet.dropped == len(everything) - len(units) > 0
    assert units[:before] == everything[:before]
    for (last, _), (number, is_idr) in itertools.pairwise(units):
        assert number == last + 1 or is_idr, "a picture came without its reference"


def test_the_capture_time_is_sent_by_the_wall_clock(fanout: Fanout) -> None:
    """NTP of now, less the age of the access unit."""
    fanout.unit(idr=True)
    (unit,) = fanout.sender._gop.units()
    age_ns = time.monotonic_ns() - fanout._capture_ns
    expected = ntp_from_unix_ns(time.time_ns() - age_ns)
    assert abs(unit.capture_ntp - expected) / 2**32 < 0.05


def test_rtp_time_now_is_on_the_capture_clock(fanout: Fanout) -> None:
    """The newest unit's time and what has passed since its capture."""
    fanout.unit(idr=True)
    newest = fanout.sender.newest_time
    assert newest is not None
    ticks, capture_ns = newest
    age_ticks = (time.monotonic_ns() - capture_ns) * 9 / 100_000
    assert abs(fanout.sender.ticks_now() - ticks - age_ticks) < 4500


def test_a_resync_pays_while_the_next_idr_is_far(fanout: Fanout) -> None:
    """By the length of the GOP before, and by what has to be sent."""
    assert not fanout.sender.resync_pays(0.0), "there is no gop to send"
    fanout.unit(idr=True)
    assert fanout.sender.resync_pays(0.0), "nobody knows when the next idr comes"
    fanout._capture_ns = time.monotonic_ns() - INTERVAL_NS
    fanout.unit(idr=True)
    due_s = (fanout.sender._gop_ticks - 0) / 90_000
    assert due_s == pytest.approx(0.1, abs=0.05)
    assert fanout.sender.resync_pays(0.0)
    assert not fanout.sender.resync_pays(1.0), "the next idr would be there first"


def test_close_sends_nothing_more(fanout: Fanout) -> None:
    """A round that was due finds nobody, and is the last."""
    viewing = fanout.viewing()
    fanout.unit(idr=True, size=180_000)
    before = len(viewing.transport.packets)
    fanout.sender.close()
    assert fanout.loop.run() == 1
    assert len(viewing.transport.packets) == before


def test_pauses_of_a_real_loop() -> None:
    """An IDR of 180 KB is with four viewers at its pace."""

    async def send() -> list[Viewing]:
        fanout = Fanout()
        fanout.sender = RtpSender(
            asyncio.get_running_loop().call_later,
            on_sent=lambda _: None,
            on_all_sent=fanout.sent_s.append,
        )
        viewers = [fanout.viewing() for _ in range(4)]
        fanout.unit(idr=True, size=180_000)
        async with asyncio.timeout(5):
            while not fanout.sent_s:
                await asyncio.sleep(0.001)
        return viewers

    for viewing in asyncio.run(send()):
        assert viewing.transport.units() == [(0, True)]
        calls = viewing.transport.calls
        assert calls[0] == PACKETS_A_MS
        assert max(calls) <= BURST_PACKETS
