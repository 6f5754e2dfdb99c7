"""Deadlines, on a clock that the test turns."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.pacing import LAG_MAX_NS, NS_PER_S, Pacer, interval_of_fps


class Clock:
    """Nanoseconds that pass when told to."""

    def __init__(self, now_ns: int = 0) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


RATES = st.fractions(min_value=Fraction(1, 10), max_value=1000, max_denominator=1001)


@pytest.mark.parametrize("fps", [Fraction(30), Fraction(30000, 1001), Fraction(7)])
def test_an_hour_at_an_uneven_rate_ends_on_the_nanosecond(fps: Fraction) -> None:
    """Rounding does not add up: after an hour the deadline is where arithmetic has it."""
    clock = Clock(123)
    pacer = Pacer(clock)
    interval_ns = interval_of_fps(fps)
    first = pacer.next_deadline(interval_ns)
    count = int(3600 * fps)
    for _ in range(count):
        clock.now_ns = last = pacer.next_deadline(interval_ns)
    assert first == 123
    assert last == 123 + int(count * NS_PER_S / fps)
    assert pacer.skipped == 0


@settings(deadline=None)
@given(RATES, st.lists(st.integers(0, LAG_MAX_NS), max_size=60))
def test_late_wake_ups_do_not_move_later_deadlines(fps: Fraction, delays: list[int]) -> None:
    """Whoever wakes up late by less than the limit finds the schedule as it was."""
    clock = Clock()
    pacer = Pacer(clock)
    interval_ns = interval_of_fps(fps)
    pacer.next_deadline(interval_ns)
    for number, delay_ns in enumerate(delays, start=1):
        deadline_ns = pacer.next_deadline(interval_ns)
        assert deadline_ns == int(number * interval_ns)
        clock.now_ns = max(clock.now_ns, deadline_ns + min(delay_ns, LAG_MAX_NS))


@settings(deadline=None)
@given(st.lists(st.tuples(RATES, st.integers(0, 10 * NS_PER_S)), min_size=2, max_size=60))
def test_deadlines_rise_whatever_rate_and_clock_do(steps: list[tuple[Fraction, int]]) -> None:
    """No deadline lies before the one that came before it, nor further back than the limit."""
    clock = Clock()
    pacer = Pacer(clock)
    before_ns = 0
    for fps, passed_ns in steps:
        deadline_ns = pacer.next_deadline(interval_of_fps(fps))
        assert deadline_ns >= before_ns
        assert clock.now_ns - deadline_ns <= LAG_MAX_NS
        before_ns = deadline_ns
        clock.now_ns += passed_ns


def test_a_new_interval_counts_from_the_last_deadline() -> None:
    """When the rate changes, the next access unit is one new interval after the last one."""
    clock = Clock()
    pacer = Pacer(clock)
    deadlines = []
    for interval_ns in (100, 100, 100, 250, 250, 100):
        clock.now_ns = pacer.next_deadline(Fraction(interval_ns))
        deadlines.append(clock.now_ns)
    assert deadlines == [0, 100, 200, 450, 700, 800]


def test_a_long_stop_is_not_caught_up() -> None:
    """After a stop beyond the limit the schedule begins anew instead of in a burst."""
    clock = Clock()
    pacer = Pacer(clock, lag_max_ns=1000)
    for _ in range(3):
        pacer.next_deadline(Fraction(100))
    clock.now_ns = 300 + 1001
    assert pacer.next_deadline(Fraction(100)) == clock.now_ns
    assert pacer.next_deadline(Fraction(100)) == clock.now_ns + 100
    assert pacer.skipped == 1


def test_a_short_stop_is_caught_up() -> None:
    """Up to the limit every access unit keeps its own deadline."""
    clock = Clock()
    pacer = Pacer(clock, lag_max_ns=1000)
    pacer.next_deadline(Fraction(100))
    clock.now_ns = 1100
    assert [pacer.next_deadline(Fraction(100)) for _ in range(3)] == [100, 200, 300]
    assert pacer.skipped == 0
