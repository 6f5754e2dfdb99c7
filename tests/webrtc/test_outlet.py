"""One viewer's way out: what is queued, what is dropped, and what the viewer can always decode."""

import errno
from dataclasses import replace
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from petstream.rtp.timeline import CLOCK_RATE
from petstream.webrtc.outlet import (
    BURST_PACKETS,
    QUEUE_BYTES_MAX,
    QUEUE_UNITS_MAX,
    TimedUnit,
)
from tests.webrtc.fakes import TURN_PACKETS, Viewing, gop, timed

MS_TICKS = CLOCK_RATE // 1000


def test_a_joining_viewer_gets_the_gop_up_to_the_live_edge() -> None:
    """Times 1 ms apart that end with the newest unit's own, and gapless sequence numbers."""
    viewing = Viewing()
    viewing.outlet.start(gop(60))
    viewing.flush()
    viewing.outlet.offer(timed(60))
    viewing.flush()
    stamps = viewing.transport.timestamps()
    live = 3000 * 59
    assert stamps == [*(live - MS_TICKS * back for back in range(59, -1, -1)), live + 3000]
    numbers = [packet.sequence_number for packet in viewing.transport.packets]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_without_a_cached_gop_it_waits_for_an_idr() -> None:
    """Nothing is sent that has no reference, and nothing of it is a loss of the viewer's."""
    viewing = Viewing()
    viewing.outlet.start([])
    for number in range(3):
        viewing.outlet.offer(timed(number))
    viewing.outlet.offer(timed(3, idr=True))
    viewing.flush()
    assert viewing.transport.timestamps() == [9000]
    assert viewing.outlet.dropped == 0


def test_a_turn_is_bounded() -> None:
    """A large IDR leaves in turns, so that other viewers have theirs in between."""
    viewing = Viewing()
    viewing.outlet.start(gop(1, size=200_000))
    viewing.flush()
    assert max(viewing.transport.calls) == TURN_PACKETS
    assert viewing.outlet.sent == 1


def test_a_small_unit_leaves_in_one_call() -> None:
    """All packets of a P picture at 8 Mbit/s and 30 fps."""
    viewing = Viewing()
    viewing.outlet.start(gop(1))
    viewing.flush()
    viewing.outlet.offer(timed(1, size=1170 * BURST_PACKETS))
    viewing.flush()
    assert viewing.transport.calls[-1] == BURST_PACKETS


def test_a_full_socket_ends_the_turn_and_loses_nothing() -> None:
    """What did not go out is sent when there is room."""
    viewing = Viewing()
    viewing.outlet.start(gop(1, size=20_000))
    viewing.transport.room = 5
    viewing.flush()
    assert len(viewing.transport.packets) == 5
    assert viewing.outlet.pending
    viewing.transport.room = None
    viewing.flush()
    numbers = [packet.sequence_number for packet in viewing.transport.packets]
    assert numbers == list(range(numbers[0], numbers[0] + 18))
    assert viewing.outlet.bytes_queued == 0


def test_a_queue_that_overflows_closes_the_gate_until_the_next_idr() -> None:
    """All that waited and all up to the IDR is counted; the part that was under way is finished."""
    viewing = Viewing()
    viewing.outlet.start(gop(1))
    viewing.flush()
    viewing.transport.room = 1
    for number in range(1, QUEUE_UNITS_MAX + 20):
        viewing.outlet.offer(timed(number))
        viewing.flush()
    assert viewing.outlet.queued == 1
    assert viewing.outlet.dropped == QUEUE_UNITS_MAX + 18
    viewing.transport.room = None
    viewing.outlet.offer(timed(200, idr=True))
    viewing.outlet.offer(timed(201))
    viewing.flush()
    assert viewing.transport.timestamps() == [0, 3000, 600_000, 603_000]


def test_the_queue_is_bounded_in_bytes() -> None:
    """However few the units are."""
    viewing = Viewing()
    viewing.outlet.start(gop(1))
    viewing.flush()
    viewing.transport.room = 0
    for number in range(1, 12):
        viewing.outlet.offer(timed(number, size=QUEUE_BYTES_MAX // 4))
        assert viewing.outlet.bytes_queued <= QUEUE_BYTES_MAX
    assert viewing.outlet.dropped > 0


def test_a_cached_gop_may_be_longer_than_the_queue() -> None:
    """Live units find room behind it while it is on its way."""
    viewing = Viewing()
    viewing.transport.room = 0
    viewing.outlet.start(gop(3 * QUEUE_UNITS_MAX))
    for number in range(10):
        viewing.outlet.offer(timed(3 * QUEUE_UNITS_MAX + number))
    viewing.transport.room = None
    viewing.flush()
    assert len(viewing.transport.timestamps()) == 3 * QUEUE_UNITS_MAX + 10
    assert viewing.outlet.dropped == 0


def test_a_viewer_that_lost_the_picture_gets_the_gop_again() -> None:
    """With times that rise above all it was sent before, and do not run ahead of live for long."""
    viewing = Viewing()
    units = gop(60)
    viewing.outlet.start(units)
    viewing.flush()
    viewing.outlet.start(units)
    for number in range(60, 64):
        viewing.outlet.offer(timed(number))
    viewing.flush()
    stamps = viewing.transport.timestamps()
    assert len(stamps) == 124
    assert all(later > earlier for earlier, later in pairwise(stamps))
    assert stamps[-1] == 3000 * 63


def test_the_time_that_live_units_took_is_told() -> None:
    """And that of replayed ones is not, for they waited in the cache."""
    viewing = Viewing()
    viewing.outlet.start([replace(unit, read_ns=1) for unit in gop(5)])
    viewing.flush()
    assert viewing.sent_s == []
    viewing.outlet.offer(timed(5))
    viewing.flush()
    assert len(viewing.sent_s) == 1


def test_a_retransmission() -> None:
    """The same packet again, while it is kept; not one whose turn is still to come."""
    viewing = Viewing()
    viewing.outlet.start(gop(1))
    viewing.flush()
    first = viewing.transport.packets[0]
    assert viewing.retransmit(first)
    assert viewing.transport.packets[-1].serialize() == first.serialize()
    assert viewing.outlet.retransmitted == 1
    assert viewing.outlet.stream.packets == 3
    viewing.transport.room = 1
    viewing.outlet.offer(timed(1))
    viewing.flush()
    unsent = viewing.transport.packets[-1]
    unsent.sequence_number += 1
    viewing.transport.room = None
    assert not viewing.retransmit(unsent)


def test_a_refusal_of_the_network_is_told_and_goes_on() -> None:
    """The packets are lost, the viewer may ask for them."""
    viewing = Viewing()
    viewing.transport.failure = OSError(errno.ENETUNREACH, "unreachable")
    viewing.outlet.start(gop(1))
    viewing.flush()
    while viewing.outlet.pending:
        viewing.flush()
    assert [error.errno for error in viewing.errors] == [errno.ENETUNREACH]
    viewing.transport.failure = None
    viewing.outlet.offer(timed(1))
    viewing.flush()
    assert viewing.transport.timestamps() == [3000]


class AnyOrder(RuleBasedStateMachine):
    """Whatever stream and network do, the viewer never gets a P slice without its reference."""

    def __init__(self) -> None:
        super().__init__()
        self.viewing = Viewing()
        self.number = 0
        self.cached: list[TimedUnit] = []
        self.viewing.outlet.start([])

    @rule(idr=st.booleans(), lost=st.booleans(), size=st.sampled_from([100, 3000, 400_000]))
    def unit(self, idr: bool, lost: bool, size: int) -> None:
        """The stream goes on, perhaps after a gap."""
        self.number += 2 if lost else 1
        unit = timed(self.number, idr=idr, size=size, lost=lost and not idr)
        if idr:
            self.cached = [unit]
        elif lost:
            self.cached = []
        elif self.cached:
            self.cached = [*self.cached, unit]
        self.viewing.outlet.offer(unit)

    @rule(room=st.one_of(st.none(), st.integers(0, 60)))
    def network(self, room: int | None) -> None:
        """So many packets get through."""
        self.viewing.transport.room = room
        self.viewing.flush()

    @precondition(lambda self: self.cached)
    @rule()
    def resync(self) -> None:
        """The viewer says that it lost the picture."""
        self.viewing.outlet.start(self.cached)

    @invariant()
    def decodable(self) -> None:
        """Each P unit came right after the one that it refers to."""
        before = None
        for number, is_idr in self.viewing.transport.units():
            assert is_idr or number - 1 == before
            before = number

    @invariant()
    def bounded(self) -> None:
        """And times rise."""
        outlet = self.viewing.outlet
        assert outlet.queued <= 2 * QUEUE_UNITS_MAX + len(self.cached)
        stamps = self.viewing.transport.timestamps()
        assert all(later > earlier for earlier, later in pairwise(stamps))


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(stateful_step_count=40)
