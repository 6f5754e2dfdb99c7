"""The GOP cache and the IDR gate against models of what they promise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from petstream.h264.access_unit import AccessUnit
from petstream.h264.gop import GopCache, IdrGate
from tests.h264.builders import make_access_unit


class GopCacheMachine(RuleBasedStateMachine):
    """Feeds a cache and keeps the whole stream beside it."""

    MAX_BYTES, MAX_UNITS = 1000, 6

    def __init__(self) -> None:
        super().__init__()
        self.cache: GopCache[AccessUnit] = GopCache(self.MAX_BYTES, self.MAX_UNITS)
        # Everything since the cache was last cleared by hand.
        self.stream: list[AccessUnit] = []

    @rule(idr=st.booleans(), gap=st.booleans(), size=st.integers(1, 1100))
    def add(self, idr: bool, gap: bool, size: int) -> None:
        access_unit = make_access_unit(
            len(self.stream), idr=idr, discontinuity=gap, size=size if idr else size % 400 + 1
        )
        self.stream.append(access_unit)
        self.cache.add(access_unit)

    @rule()
    def add_a_usual_one(self) -> None:
        self.stream.append(make_access_unit(len(self.stream), size=30))
        self.cache.add(self.stream[-1])

    @rule()
    def clear(self) -> None:
        self.stream = []
        self.cache.clear()

    def expected(self) -> list[AccessUnit]:
        """The stream from its newest IDR on, unless a loss or a limit spoilt it."""
        newest = max((i for i, unit in enumerate(self.stream) if unit.is_idr), default=None)
        if newest is None:
            return []
        gop = self.stream[newest:]
        if any(unit.discontinuity for unit in gop[1:]) or len(gop) > self.MAX_UNITS:
            return []
        return [] if sum(unit.size for unit in gop) > self.MAX_BYTES else gop

    @invariant()
    def holds_the_gop_or_nothing(self) -> None:
        units = self.cache.units()
        assert list(units) == self.expected()
        assert len(self.cache) == len(units)
        assert self.cache.size == sum(unit.size for unit in units)


TestGopCacheMachine = GopCacheMachine.TestCase


def test_gop_that_outgrows_the_cache_is_let_go_whole() -> None:
    """Past a limit nothing is left, not even the beginning, until the next IDR."""
    cache: GopCache[AccessUnit] = GopCache(max_bytes=250)
    for number in range(4):
        cache.add(make_access_unit(number, idr=number == 0))
    assert (cache.units(), cache.overflows) == ((), 1)
    cache.add(make_access_unit(4, idr=True))
    assert [unit.sequence for unit in cache.units()] == [4]


def test_limits_hold_a_gop_of_four_seconds_at_full_rate() -> None:
    """By default 240 access units of 8 Mbit/s, four seconds at 60 a second, fit with room."""
    cache: GopCache[AccessUnit] = GopCache()
    for number in range(240):
        cache.add(make_access_unit(number, idr=number == 0, size=16_667))
    assert len(cache) == 240


def test_units_is_a_snapshot() -> None:
    """What was handed out does not change when the stream goes on."""
    cache: GopCache[AccessUnit] = GopCache()
    cache.add(make_access_unit(0, idr=True))
    before = cache.units()
    cache.add(make_access_unit(1))
    assert [unit.sequence for unit in before] == [0]


events = st.lists(
    st.one_of(
        st.tuples(st.booleans(), st.booleans()),
        st.just("close"),
    ),
    max_size=40,
)


@given(events)
def test_gate_admits_whole_chains_only(stream: list[tuple[bool, bool] | str]) -> None:
    """A unit passes exactly when every unit back to the newest IDR passed without a loss."""
    gate = IdrGate()
    chain = False
    for number, event in enumerate(stream):
        if isinstance(event, str):
            gate.close()
            chain = False
            continue
        idr, gap = event
        chain = idr or (chain and not gap)
        assert gate.admit(make_access_unit(number, idr=idr, discontinuity=gap)) is chain
        assert gate.is_open is chain


@pytest.mark.parametrize("idr", [True, False])
def test_new_gate_is_shut(idr: bool) -> None:
    """The first unit to pass is an IDR."""
    assert IdrGate().is_open is False
    assert IdrGate().admit(make_access_unit(0, idr=idr)) is idr
